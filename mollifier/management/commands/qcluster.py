"""qcluster: run one django-q2 cluster; exits 75 when it should be started again."""

import os
import sys
from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django_q.conf import Conf

from mollifier import client, sentinel


class Command(BaseCommand):
    help = (
        "Run a django-q2 cluster until SIGTERM or Ctrl-C. "
        f"Exits {sentinel.EXIT_SUDDEN_DEATH} when one of its processes died: run it under a supervisor."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-n", "--name", help="a cluster of Q_CLUSTER's ALT_CLUSTERS; the default one if not given")

    def handle(self, *_args: object, **options: str | None) -> None:
        """Run the named cluster."""
        name = options["name"]
        if name and name != Conf.CLUSTER_NAME:
            restart_as(name)
        refuse_pools()
        client.load_scripts()
        sys.exit(sentinel.run())


def restart_as(name: str) -> None:
    """Start this command again with the name where django-q2 reads it: in the environment, at import."""
    known = Conf.conf.get("ALT_CLUSTERS", {})
    if name not in known:
        raise CommandError(f"no cluster is called {name!r}; Q_CLUSTER knows {', '.join([Conf.PREFIX, *known])}")
    os.putenv("Q_CLUSTER_NAME", name)
    sys.stdout.flush()
    os.execv(sys.executable, sys.orig_argv)  # noqa: S606


def refuse_pools() -> None:
    """Refuse a psycopg pool: forked workers would read each other's rows, without an error."""
    for alias in connections:
        if "pool" in connections[alias].settings_dict["OPTIONS"]:
            raise CommandError(f"DATABASES[{alias!r}] sets OPTIONS['pool']; a forking cluster can't have it")
