"""What buffers of this kind get wrong on the way to a row, by the numbers of docs/faults.md."""

import pytest

from mollifier import buffer
from tests.intake import draining
from tests.tenants import make_env, request
from tests.workflows import pumping
from workflows import conf
from workflows.intake import submission
from workflows.intake.submission import Buffered
from workflows.models import Event, Instance

pytestmark = pytest.mark.django_db(transaction=True)


def run_all() -> None:
    for shard in range(conf.current().shards):
        pumping.run_until_idle(shard)


def test_fault_6_a_row_is_its_own_dispatch_so_none_is_written_and_never_run():
    env = make_env("acme", "production", mode="on", limit=1)
    outcomes = [submission.submit(request(env)) for _ in range(6)]
    assert sum(isinstance(outcome, Buffered) for outcome in outcomes) == 5
    # Nobody listens while the rows are written, and what wrote them is gone before it could settle.
    draining.write(draining.claim().entries)
    run_all()
    buffer.reclaim(now_ms=4_000_000_000_000)
    draining.drain()
    run_all()
    assert Instance.objects.filter(status="completed").count() == Instance.objects.count() == 6
    assert Event.objects.filter(type="completed").count() == 6
