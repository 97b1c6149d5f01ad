"""Celery's side of B16; run in its own virtualenv as `python celery_peer.py FOLDER REDIS_URL [work]`.

As its guide to optimising has it for many short tasks: no results are kept, and each process is given many messages
ahead. The pool is the default one, a process for each core; hiredis reads what Redis answers.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import counting
from answering import answer
from celery import Celery, group

AHEAD = 128


def made(redis_url: str) -> Celery:
    app = Celery("bench", broker=redis_url)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=AHEAD)
    app.task(name="noop")(counting.count)
    return app


def send(app: Celery, batch: int) -> None:
    noop = app.tasks["noop"]
    if batch == 1:
        noop.delay()
    else:
        group(noop.s() for _ in range(batch)).apply_async()


def main(folder: str, redis_url: str, role: str = "send") -> None:
    counting.place = Path(folder)
    app = made(redis_url)
    app.finalize()
    if role == "work":
        app.worker_main(["worker", "--loglevel", "WARNING"])
    else:
        run = {"run": lambda jobs, batch: counting.timed(lambda many: send(app, many), jobs, batch)}
        answer(run, f"Celery {version('celery')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
