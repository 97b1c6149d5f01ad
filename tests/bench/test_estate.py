"""A small estate: that it holds what it says, where the pages look for it."""

import pytest
from django.db import connection

from bench import estate
from bench.estate import Size
from dashboard import queries
from mollifier import stats
from workflows import shards
from workflows.models import Instance, Organization, Storm

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "EXCHANGE_TIMEOUT_MS": 5_000}


def test_it_holds_what_it_says_and_grows() -> None:
    first = estate.grow(Size(buffered=20, instances=100, orgs=4))
    assert str(first) == "20 buffered, 100 instances, 4 orgs"
    assert estate.grow(Size(40, 200, 4), first) == Size(40, 200, 4)
    assert (Instance.objects.count(), Organization.objects.count(), Storm.objects.count()) == (200, 4, estate.STORMS)
    assert stats.overview().buffered == 40
    ready = [line.ready for line in shards.read(10_000)]
    assert (len(ready), sum(ready)) == (estate.SHARDS, 40)
    taken = queries.take()
    assert dict(taken.unfinished) == {"pending": 40, "running": 20, "waiting": 20, "paused": 20}
    assert [org.name for org in taken.orgs if org.queued != 10] == []
    assert all(beat.dwell_ms is not None for beat in taken.beats)
    assert {line.definition for line in queries.read_entries()} == {"noop"}


def test_a_new_one_takes_the_place_of_the_old() -> None:
    estate.grow(Size(10, 50, 5))
    estate.grow(Size(3, 20, 2))
    assert (stats.overview().buffered, Instance.objects.count(), Organization.objects.count()) == (3, 20, 2)


def test_the_buffer_is_filled_as_far_as_there_is_time() -> None:
    assert estate.grow(Size(10, 50, 5), until=0) == Size(0, 50, 5)


def test_work_that_fails_beside_another_is_told() -> None:
    def fail() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    with pytest.raises(Exception, match="division by zero"), estate.beside(fail):
        pass
