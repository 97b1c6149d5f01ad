"""A process of its own that submits keyed triggers as fast as it can and tells what became of each.

Run as `python -m tests.flows.submitters ENV_ID KEYS ORDER`: it says `ready`, waits for a line, then submits one trigger
for each key, in an order of its own, again while the answer is that an earlier one is on its way.
"""

import json
import random
import sys
import time
from uuid import UUID

PATIENCE_SECONDS = 60.0


def main(env_id: str, keys: int, order: int) -> None:
    import django

    django.setup()
    from tests import tenants
    from workflows.intake import refresher, submission
    from workflows.models import Environment

    env = Environment.objects.get(id=UUID(env_id))
    refresher.refresh()
    print("ready", flush=True)
    sys.stdin.readline()
    numbers = list(range(keys))
    random.Random(order).shuffle(numbers)
    until = time.monotonic() + PATIENCE_SECONDS
    told = {}
    while numbers and time.monotonic() < until:
        number = numbers.pop(0)
        asked = tenants.request(env, payload=str(number).encode(), idempotency_key=f"k-{number}")
        outcome = submission.submit(asked)
        if isinstance(outcome, submission.InProgress):
            numbers.append(number)
            continue
        told[number] = [type(outcome).__name__, str(outcome.instance.id)]
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
