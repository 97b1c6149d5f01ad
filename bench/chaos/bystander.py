"""A process of other orgs' steady load: `python -m bench.chaos.bystander` answers {"load"} with what became of it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import django

from bench.peers.answering import answer

CONNECTIONS, GIVE_UP_SECONDS = 16, 60.0
DEFINITION = "noop"


def main() -> None:
    django.setup()
    answer({"load": load}, "bystander")


def load(url: str, keys: Mapping[str, str], at: float, rate: float, seconds: float, name: str) -> dict[str, Any]:
    """Send triggers of these tenants in turn over the API, evenly from `at` on; return ids and latencies of answers."""
    from workflows.load import plan  # noqa: PLC0415 - they import models
    from workflows.load.client import Client, Limits  # noqa: PLC0415
    from workflows.load.tally import Tally  # noqa: PLC0415
    from workflows.load.wire import Target  # noqa: PLC0415

    tally = Tally()
    due = (number / rate for number in range(int(rate * seconds)))
    sendings = plan.of_burst(due, list(keys), run=name, definition=DEFINITION, payload={})
    limits = Limits(connections=CONNECTIONS, give_up_seconds=GIVE_UP_SECONDS)
    time.sleep(max(0.0, at - time.time()))
    asyncio.run(Client(Target.parse(url), keys, tally.add, limits).run(sendings))
    return {
        "accepted": {str(id_): how.value for id_, how in tally.accepted.items()},
        "answers": dict(tally.answers),
        "latencies_ms": [round(each * 1000, 2) for each in tally.latencies],
    }


if __name__ == "__main__":
    main()
