"""Procrastinate's side of B16; run in its own virtualenv as `python procrastinate_peer.py FOLDER DATABASE_URL [work]`.

The job is async and the worker runs many at once, with a connection for each. The sender is a plain program, for
which it has a connector without a loop.
"""

import logging
import sys
from importlib.metadata import version
from pathlib import Path

import counting
from answering import answer
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.connector import BaseConnector

AT_ONCE = 20


def made(connector: BaseConnector) -> App:
    app = App(connector=connector)

    async def noop() -> None:
        counting.count()

    app.task(name="noop")(noop)
    return app


def send(app: App, batch: int) -> None:
    noop = app.tasks["noop"]
    if batch == 1:
        noop.defer()
    else:
        noop.batch_defer(*({} for _ in range(batch)))


def main(folder: str, database_url: str, role: str = "send") -> None:
    counting.place = Path(folder)
    if role == "work":
        logging.basicConfig(level=logging.WARNING)
        app = made(PsycopgConnector(conninfo=database_url, min_size=AT_ONCE, max_size=AT_ONCE))
        app.run_worker(concurrency=AT_ONCE)
        return
    with made(SyncPsycopgConnector(conninfo=database_url)).open() as app:
        if not app.check_connection():
            app.schema_manager.apply_schema()
        run = {"run": lambda jobs, batch: counting.timed(lambda many: send(app, many), jobs, batch)}
        answer(run, f"Procrastinate {version('procrastinate')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
