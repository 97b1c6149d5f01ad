"""A pass of schedules as a process: `python -m tests.intake.dying_passes POINT` kills itself at that point."""

import os
import signal
import sys
from datetime import UTC, datetime

import django


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Have this process die when it gets there."""
    from workflows.intake import schedules, submission

    submit, settle, settled = submission.submit_many, schedules.settle, []

    def dying_submit(requests):
        if point == "before_submit":
            die()
        outcomes = submit(requests)
        if point == "after_submit":
            die()
        return outcomes

    def dying_settle(*arguments):
        if point == "while_settling" and len(settled) == 3:
            die()
        settled.append(arguments)
        settle(*arguments)

    submission.submit_many, schedules.settle = dying_submit, dying_settle


if __name__ == "__main__":
    django.setup()
    from tests import tenants  # noqa: F401  registers the workflow
    from workflows.intake import schedules

    arm(sys.argv[1])
    schedules.run_until(datetime.now(UTC))
