"""A process of its own that emits events from several threads at once and tells what became of them.

Run as `python -m tests.flows.emitters ENV_ID THREADS EVENTS NAME`: it says `ready`, waits for a line, then each thread
emits so many events, each with a key of its own.
"""

import json
import sys
import threading
from collections import Counter
from uuid import UUID


def main(env_id: str, threads: int, count: int, name: str) -> None:
    import django

    django.setup()
    from django.db import connection

    from tests import tenants  # noqa: F401  registers what the event starts
    from workflows import emit
    from workflows.intake import refresher
    from workflows.models import Environment

    env = Environment.objects.get(id=UUID(env_id))
    refresher.refresh()
    told: Counter[str] = Counter()
    lock = threading.Lock()

    def work(thread: int) -> None:
        try:
            for number in range(count):
                done = emit("order.created", number, env=env, key=f"{name}-{thread}-{number}")
                with lock:
                    told.update(type(each.submission).__name__ for each in done.outcomes)
        finally:
            connection.close()

    print("ready", flush=True)
    sys.stdin.readline()
    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
