"""A hundred viewers at once cost the stores one reading, and each only what it takes to know who asks."""

import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django_redis import get_redis_connection

from dashboard import queries
from dashboard.queries import shared
from mollifier import telemetry
from tests import people, stock, tenants

# Of a hundred who look, some have just come; the others' pages ask for the part that moves.
OVERVIEW, LIVE = "/admin/", "/admin/overview/live/"
ASKED = [OVERVIEW if number % 10 == 0 else LIVE for number in range(100)]
# What a new connection says first, and the question itself.
GREETINGS = {"hello", "info", "select", "auth", "ping", "client|setinfo", "client|setname"}


@pytest.fixture
def viewers(transactional_db) -> list[Client]:
    stock.mollify(tenants.make_env("acme", mode="on", limit=1), 3)
    # What the gate noted of them is sent later, by a thread of its own.
    telemetry.gate.flush()
    telemetry.gate.forget()
    group = Group.objects.get(name="Viewer")
    made = User.objects.bulk_create(User(username=f"viewer-{each}", is_staff=True) for each in range(len(ASKED)))
    User.groups.through.objects.bulk_create(User.groups.through(user=user, group=group) for user in made)
    return [people.signed_in(user) for user in made]


def look(clients: Sequence[Client], asked: Sequence[str]) -> Counter:
    """Have each ask at the same moment; return the statements that were sent, by what they read."""
    sent: Counter = Counter()
    statuses = []
    ready = threading.Barrier(len(clients))

    def count(execute, sql, params, many, context):
        sent["snapshot" if "workflows_" in sql and "auth_" not in sql else "viewer"] += 1
        return execute(sql, params, many, context)

    def ask(client: Client, address: str) -> None:
        ready.wait(60)
        with connection.execute_wrapper(count):
            statuses.append(client.get(address).status_code)
        connection.close()

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(clients, asked, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * len(clients)
    return sent


def commands() -> Counter:
    """Return how often Redis ran each command, scripts' calls included."""
    stats = get_redis_connection("buffer").info("commandstats")
    calls = {name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()}
    return Counter({name: count for name, count in calls.items() if name not in GREETINGS})


def test_a_hundred_viewers_at_once_cost_one_reading(viewers, monkeypatch) -> None:
    # However long a busy machine takes over them, it is the same second.
    monkeypatch.setattr(queries, "LIFETIME_SECONDS", 600.0)
    alone = {address: look(viewers[:1], [address])["viewer"] for address in (OVERVIEW, LIVE)}
    costs = []
    for count in (1, len(ASKED)):
        shared.forget()
        before = commands()
        sent = look(viewers[:count], ASKED[:count])
        costs.append((sent, commands() - before))
    (one, asked_of_one), (all_, asked_of_all) = costs
    assert all_["snapshot"] == one["snapshot"] == 4
    assert all_["viewer"] == sum(alone[address] for address in ASKED)
    # The flow is a hash a minute, and a quarter of an hour touches one more in most seconds of a minute.
    assert abs(asked_of_all.pop("hgetall") - asked_of_one.pop("hgetall")) <= 2
    assert asked_of_all == asked_of_one
