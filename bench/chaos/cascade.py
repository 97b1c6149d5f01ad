"""The cascade, in a process of its own on the servers that its environment names; prints what it found as JSON.

Run as `python -m bench.chaos.cascade RATE SECONDS LIMIT`. Progress goes to stderr.
"""

import json
import sys

import django


def main(*asked: str) -> None:
    rate, seconds, limit = float(asked[0]), float(asked[1]), int(asked[2])
    django.setup()
    from bench.chaos import rulings, stack  # noqa: PLC0415 - they import models
    from bench.chaos.phases import Play  # noqa: PLC0415

    with stack.standing() as standing:
        found = rulings.played(Play(standing, rate, seconds, limit))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
