"""B14: the Overview's snapshot and the operator's pages over a service that is as large as it gets.

The snapshot is taken anew each time; a page is asked for with no snapshot at hand, as the first viewer of a second
has it. Then a web server as bin/up has it answers a hundred viewers at once, who share what one of them had read.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.test import Client

from bench import estate, result, viewers
from bench.chaos import stack
from bench.estate import Size
from bench.result import Ceiling, Result, Samples, Target
from bench.rounds import Clock
from dashboard import queries
from dashboard.queries import shared

SMALL, LARGE, LARGEST = Size(1_000, 1_000, 10), Size(100_000, 100_000, 1_000), Size(1_000_000, 1_000_000, 1_000)
TAKES, VISITS = 40, 15
MILLISECONDS = 1_000
MOST_MS = 100
FLAT = Target(1.5, at_least=False)
# How much of the time the filling may take.
FILL_SHARE = 0.75
PAGES = {
    "overview": "/admin/",
    "live": "/admin/overview/live/",
    "organizations": "/admin/workflows/organization/",
    "instances": "/admin/workflows/instance/",
    "instances_of_env": "/admin/workflows/instance/?env=org-1/production",
    "instances_failed": "/admin/workflows/instance/?status=failed",
    "buffer": "/admin/buffer/",
    "buffer_of_org": "/admin/buffer/?org=00000001-0000-0000-0000-000000000001",
    "storms": "/admin/workflows/storm/",
    "shards": "/admin/workflows/shard/",
    "metrics": "/metrics",
}


def by_size(clock: Clock) -> list[Result]:
    """B14: the snapshot, small, large and larger; the pages at the largest; and a hundred viewers of it."""
    call_command("collectstatic", interactive=False, verbosity=0)
    found = [*snapshots(clock), *pages()]
    with stack.serving() as url:
        return [*found, *viewers.watching(url)]


def snapshots(clock: Clock) -> list[Result]:
    """Measure each size as far as the time allows to fill it; the results say how far that was."""
    until = clock.now() + FILL_SHARE * (clock.ends_at - clock.now())
    small, least = measured(SMALL, estate.NOTHING, until)
    large, more = measured(LARGE, estate.NOTHING, until)
    largest, most = measured(LARGEST, large, until)
    what = f"the Overview's snapshot with {largest}"
    return [
        result.make("B14", f"{what}, against {small}", "ms", Samples(most, least), Ceiling(MOST_MS)),
        result.make("B14.flat", f"{what}, against {large}", "ms", Samples(most, more), FLAT),
    ]


def measured(wanted: Size, before: Size, until: float) -> tuple[Size, tuple[float, ...]]:
    return estate.grow(wanted, before, until), timed(queries.take, TAKES)


def pages() -> Iterator[Result]:
    """Measure the server's time of each page, by somebody who may see all."""
    client = signed_in("Admin")
    for name, path in PAGES.items():
        took = timed(lambda path=path: visit(client, path), VISITS)  # type: ignore[misc]
        yield result.make(f"B14.{name}", f"the server's time of {path}", "ms", Samples(took))


def visit(client: Client, path: str) -> None:
    shared.forget()
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"


def signed_in(group: str) -> Client:
    person, _ = User.objects.get_or_create(username=group, defaults={"is_staff": True})
    person.groups.add(Group.objects.get(name=group))
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(person)
    return client


def timed(call: Callable[[], Any], times: int) -> tuple[float, ...]:
    """Return the milliseconds of so many calls, after one that warms up."""
    call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * MILLISECONDS)
    return tuple(found)
