"""How much JSON a value comes to: what it holds in several places is written, and counted, as often as it stands there.

A few steps make a list of itself twice, again and again: that is little in memory, and no memory holds its text.
"""

from typing import Any

# No setting: a replay must decide as the first run did. A whole log holds no more by default.
MOST = 64 * 1024 * 1024
# No value that came as JSON has more members, so one that has holds parts of itself in several places.
PLAIN_MEMBERS = 300_000


def weigh(value: Any) -> int:
    """Return how many values and characters a value is written with; it takes as long as what is there in memory."""
    weight, members, rest = 0, 0, [value]
    while rest:
        each = rest.pop()
        weight += _own(each)
        if isinstance(each, (list, dict)):
            members += len(each)
            if members > PLAIN_MEMBERS:
                return _weigh_shared(value)
            rest += each.values() if isinstance(each, dict) else each
    return weight


def _weigh_shared(value: list[Any] | dict[str, Any]) -> int:
    """Look at each part once, however often it is held."""
    known: dict[int, int] = {}
    rest = [value]
    while rest:
        each = rest[-1]
        if id(each) in known:
            rest.pop()
            continue
        members = each.values() if isinstance(each, dict) else each
        inner = [one for one in members if isinstance(one, (list, dict)) and id(one) not in known]
        if not inner:
            known[id(each)] = _own(each) + sum(known[id(one)] if id(one) in known else _own(one) for one in members)
        rest += inner
    return known[id(value)]


def _own(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value)
    return 1 + sum(map(len, value)) if isinstance(value, dict) else 1
