"""Starts qcluster processes for tests, and ends what is left of them."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django_redis import get_redis_connection

from tests import waiting
from tests.mollifier import chores
from tests.processes import descendants, environment, lives

ROOT = Path(__file__).parents[2]


class Cluster:
    """One qcluster process, against this test's database and Redis."""

    def __init__(self, *arguments):
        env = environment("tests.mollifier.cluster_settings")
        command = [sys.executable, "manage.py", "qcluster", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)

    def wait_for(self, word, times=1):
        """Wait for a chore's word; return the process that wrote it last."""
        redis = get_redis_connection("buffer")

        def writers():
            words = [entry.decode().split() for entry in redis.lrange(chores.SEEN, 0, -1)]
            return [int(pid) for each, pid in words if each == word]

        waiting.until(lambda: len(writers()) >= times)
        return writers()[-1]

    def sentinel(self):
        return descendants(self.process.pid)[0]

    def ends(self, seconds=10):
        return self.process.wait(seconds)


@contextmanager
def started() -> Iterator[Callable[..., Cluster]]:
    """Give what starts a cluster; afterwards none is left."""
    clusters: list[Cluster] = []

    def start(*arguments: str) -> Cluster:
        clusters.append(Cluster(*arguments))
        return clusters[-1]

    yield start
    for each in clusters:
        for pid in (each.process.pid, *descendants(each.process.pid)):
            if lives(pid):
                os.kill(pid, signal.SIGKILL)
        each.process.communicate()
