"""Pages of the instance list."""

from uuid import uuid4

import pytest
from django.db import connection

from tests import stock, tenants
from workflows.admin import instances
from workflows.intake.lookup import Filters

pytestmark = pytest.mark.django_db
ALL = Filters()


def test_pages_follow_each_other_by_key_without_gap_or_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "PER_PAGE", 3)
    environment = tenants.make_env("acme")
    made = [stock.make_instance(environment, id=uuid4()).pk for _ in range(8)]
    seen, before = [], None
    while True:
        part = instances.read(None, ALL, before)
        seen += [line.id for line in part.lines]
        if part.older is None:
            break
        before = part.older
    assert seen == made[::-1]


def test_filters_narrow_the_list_of_all_tenants() -> None:
    environment = tenants.make_env("acme")
    failed = stock.make_instance(environment, status="failed", error_code="step_failed")
    tagged = stock.make_instance(environment, tags=["vip"], definition="other")

    def ids(**filters) -> list:
        return [line.id for line in instances.read(None, Filters(**filters), None).lines]

    assert ids(status="failed") == [failed.pk]
    assert ids(tag="vip") == ids(definition="other") == ids(status="pending") == [tagged.pk]
    assert ids(status="waiting") == []


def test_a_line_tells_how_long_it_took() -> None:
    environment = tenants.make_env("acme")
    made = stock.make_instance(environment)
    made.finished_at = made.accepted_at.replace(year=made.accepted_at.year + 1)
    made.save()
    (line,) = instances.read(None, ALL, None).lines
    assert line.seconds == pytest.approx(365.5 * 86_400, abs=86_400)
    assert (line.tenant, line.status) == ("acme/production", "pending")


def test_a_list_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "PATIENCE_MS", 20)
    monkeypatch.setattr(instances, "read_all", lambda *_: connection.cursor().execute("SELECT pg_sleep(5)"))
    assert instances.read(None, ALL, None).gave_up


def test_the_number_of_rows_is_estimated() -> None:
    environment = tenants.make_env("acme")
    stock.make_instance(environment)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_instance")
    assert instances.estimate() == 1
