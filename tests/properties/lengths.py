"""How many examples a property is tried with: a few in every run, many in a long one.

A long one takes `--hypothesis-profile=long --timeout=0`.
"""

from hypothesis import settings

LONG = "long"
USUAL, MANY = 100, 8_000

settings.register_profile(LONG, max_examples=MANY)


def examples(usual: int) -> int:
    """Return `usual`, or 80 times as many in a long run."""
    return usual * settings.default.max_examples // USUAL
