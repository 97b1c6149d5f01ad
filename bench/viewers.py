"""A hundred viewers of the Overview at once: how many answers a second they get, and how often it is read for them."""

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlsplit

from django.contrib.auth.models import Group, User
from django.test import Client

from bench import buffer, result
from bench.result import Ceiling, Result, Samples
from launch import up

VIEWERS, WARM_SECONDS, SECONDS = 100, 1.0, 8.0
LIVE = "/admin/overview/live/"
MILLISECONDS = 1_000
TIMEOUT_SECONDS = 30.0


@dataclass
class Seen:
    """What one viewer got: the milliseconds of each answer."""

    took: list[float] = field(default_factory=list)
    refused: int = 0


def watching(url: str, seconds: float = SECONDS) -> list[Result]:
    """Have each viewer ask again as soon as it is answered; the page itself asks every two seconds."""
    cookies = [enter(number) for number in range(VIEWERS)]
    watch(url, cookies, WARM_SECONDS)
    before, began = builds(), time.monotonic()
    seen = watch(url, cookies, seconds)
    took_seconds, built = time.monotonic() - began, builds() - before
    assert not sum(each.refused for each in seen), "not every viewer was answered"
    took = [one for each in seen for one in each.took]
    said = f"the Overview's live part, {VIEWERS} viewers at once"
    return [
        result.make("B14.viewers", f"{said}: answers", "1/s", Samples((len(took) / took_seconds,))),
        result.make("B14.viewers_p99", f"{said}: p99", "ms", Samples((quantiles(took, n=100)[98],))),
        result.make(
            "B14.builds",
            f"{said}: snapshots taken by {up.WEB_WORKERS} processes",
            "1/s",
            Samples((built / took_seconds,)),
            Ceiling(up.WEB_WORKERS),
        ),
    ]


def enter(number: int) -> str:
    """Make a viewer with a session of its own; return its cookie."""
    person = User.objects.create_user(f"viewer-{number}", is_staff=True)
    person.groups.add(Group.objects.get(name="Viewer"))
    client = Client()
    client.force_login(person)
    (cookie,) = client.cookies.values()
    return f"{cookie.key}={cookie.value}"


def watch(url: str, cookies: Sequence[str], seconds: float) -> list[Seen]:
    until = time.monotonic() + seconds
    seen = [Seen() for _ in cookies]
    threads = [
        threading.Thread(target=look, args=(url, cookie, until, mine))
        for cookie, mine in zip(cookies, seen, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def look(url: str, cookie: str, until: float, mine: Seen) -> None:
    link = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        while time.monotonic() < until:
            began = time.perf_counter()
            link.request("GET", LIVE, headers={"Cookie": cookie})
            answer = link.getresponse()
            answer.read()
            mine.took.append((time.perf_counter() - began) * MILLISECONDS)
            mine.refused += answer.status != 200
    finally:
        link.close()


def builds() -> int:
    """Return how many scripts were run: a snapshot runs one, and nothing else does while no trigger comes."""
    return int(buffer.redis().info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))
