"""What an operator is told of an org in shadow, before anything of it is buffered."""

import pytest

from mollifier import tally
from tests.tenants import make_env, request
from tests.waiting import until
from workflows.intake import shadow, submission
from workflows.models import Instance

pytestmark = pytest.mark.django_db


def submit(environment, times):
    for _ in range(times):
        submission.submit(request(environment))


def arrived(environment, count):
    until(lambda: shadow.report(environment.org_id).arrived == count)
    return shadow.report(environment.org_id)


def test_what_would_have_been_mollified_is_reported_and_nothing_is_buffered():
    environment = make_env("acme", mode="shadow", limit=2, window_ms=60_000, hold_ms=60_000)
    submit(environment, 12)
    assert Instance.objects.count() == 12
    found = arrived(environment, 12)
    assert (found.over, found.trips) == (10, 1)
    assert found.reasons == (("env_rate", 10),)
    assert found.definitions == (("greet", 10),)
    assert 10 <= found.would_buffer <= 12
    assert found.share == pytest.approx(100 * found.would_buffer / 12)
    assert 0 < found.wait_p50_ms <= found.wait_p95_ms
    assert (found.failed_open, found.full) == (0, 0)


def test_each_org_has_its_own_report():
    acme = make_env("acme", mode="shadow", limit=1, window_ms=60_000)
    globex = make_env("globex", mode="shadow", limit=100)
    submit(acme, 3)
    submit(globex, 4)
    assert arrived(acme, 3).over == 2
    assert arrived(globex, 4).over == 0
    assert shadow.report(globex.org_id).wait_p95_ms is None


def test_an_org_that_is_off_counts_nothing():
    off, beside = make_env("acme", mode="off"), make_env("globex", mode="shadow")
    submit(off, 3)
    submit(beside, 1)
    arrived(beside, 1)
    found = shadow.report(off.org_id)
    assert (found.arrived, found.share, found.reasons) == (0, 0.0, ())


def test_no_more_days_are_added_up_than_are_kept(settings):
    environment = make_env("acme", mode="shadow")
    settings.MOLLIFIER = {**settings.MOLLIFIER, "REPORT_DAYS": 3}
    assert shadow.report(environment.org_id, 90).days == 3
    assert shadow.report(environment.org_id, 0).days == 1
    settings.MOLLIFIER = {**settings.MOLLIFIER, "REPORT_DAYS": 1000}
    assert shadow.report(environment.org_id, 1000).days == tally.MOST_DAYS


@pytest.mark.usefixtures("no_redis")
def test_without_redis_there_is_no_report():
    assert shadow.report(make_env("acme").org_id) is None
