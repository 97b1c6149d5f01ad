"""A process that works on a bulk action, slowly, until it is killed: `python -m tests.intake.bulk_worker ID`."""

import sys
import time

import django

django.setup()

from workflows.intake import slices, targets  # noqa: E402  models are loaded only now

cancel = targets.cancel


def slowly(*given):
    print("one", flush=True)
    time.sleep(0.05)
    return cancel(*given)


targets.cancel = slowly
slices.run(sys.argv[1], lambda: False)
