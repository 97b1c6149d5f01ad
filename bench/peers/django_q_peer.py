"""django-q2's side of B16; run in its own virtualenv as `python django_q_peer.py FOLDER REDIS_URL DATABASE_URL [work]`.

Its Redis broker over django-redis, which keeps connections, and a worker for each core. Successes are not stored, a
cluster holds many tasks ahead, and workers are not replaced while they are measured. It can't send many at once.
"""

import multiprocessing
import os
import sys
from importlib.metadata import version
from pathlib import Path

import counting
import dj_database_url
import django
from answering import answer
from django.conf import settings  # noqa: TID251 - those of another project
from django.core.management import call_command

AHEAD, UNTIL_REPLACED = 500, 1_000_000


def configure(redis_url: str, database_url: str) -> None:
    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django_q"],
        DATABASES={"default": {**dj_database_url.parse(database_url), "CONN_MAX_AGE": 600}},
        CACHES={"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_url}},
        Q_CLUSTER={
            "name": "bench",
            "django_redis": "default",
            "workers": os.cpu_count(),
            "save_limit": -1,
            "queue_limit": AHEAD,
            "recycle": UNTIL_REPLACED,
        },
    )
    django.setup()


def send(batch: int) -> None:
    from django_q.tasks import async_task  # noqa: PLC0415 - it needs the settings

    for _ in range(batch):
        async_task("counting.count")


def main(folder: str, redis_url: str, database_url: str, role: str = "send") -> None:
    counting.place = Path(folder)
    # What was configured here is to be known there.
    multiprocessing.set_start_method("fork")
    configure(redis_url, database_url)
    if role == "work":
        call_command("qcluster", verbosity=0)
    else:
        call_command("migrate", verbosity=0)
        answer({"run": lambda jobs, batch: counting.timed(send, jobs, batch)}, f"django-q2 {version('django-q2')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
