import pytest
from django_q.brokers import get_broker
from django_q.signing import SignedPackage

from mollifier import conf, stats, tasks
from mollifier.decision import Scope
from mollifier.lead import Lead
from tests.mollifier.makers import accept
from tests.mollifier.memory import MemoryMaterialiser

WRITTEN = MemoryMaterialiser()


def shared_materialiser():
    """What MATERIALISER names in these tests."""
    return WRITTEN


@pytest.fixture(autouse=True)
def written(settings):
    settings.MOLLIFIER = {
        **settings.MOLLIFIER,
        "MATERIALISER": "tests.mollifier.test_tasks.shared_materialiser",
        "SLICE_SECONDS": 5,
        "LINGER_SECONDS": 0,
    }
    WRITTEN.__init__()
    return WRITTEN


def queued():
    """Take what the queue holds."""
    names = []
    while get_broker().queue_size():
        names += [SignedPackage.loads(task)["func"] for _, task in get_broker().dequeue()]
    return names


def test_a_slice_drains_what_is_there_and_asks_for_no_other(written):
    ids = accept(10)
    report = tasks.drain()
    assert sorted(written.rows) == sorted(ids)
    assert report["settled"] == 10
    assert queued() == []


def test_a_slice_that_leaves_work_hands_on(settings, written):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SLICE_SECONDS": 0.2, "RETRY_BASE_MS": 60_000}
    (one,) = accept(1)
    written.faulty = {one}
    assert tasks.drain()["waiting"] == 1
    assert queued() == [tasks.DRAIN]


def test_with_drain_off_nothing_is_touched(settings, written):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "DRAIN": False}
    accept(1)
    assert tasks.drain() == {"led": False}
    assert written.rows == {}
    assert stats.overview().queued == 1


def test_a_task_beside_another_drainer_ends_at_once(written):
    Lead(60_000).take()
    accept(1)
    assert not tasks.drain()["led"]
    assert queued() == []


def test_waking_puts_one_task_into_the_queue():
    assert tasks.wake()
    assert queued() == [tasks.DRAIN]


def test_the_materialiser_of_the_service_can_be_built(settings):
    settings.MOLLIFIER = {
        **settings.MOLLIFIER,
        "MATERIALISER": "workflows.intake.materialiser.InstanceMaterialiser",
    }
    made = tasks.materialiser(conf.current())
    assert callable(made.materialise)
    assert callable(made.bury)


def test_a_sweep_goes_round_and_leaves_the_queue_alone(settings):
    settings.MOLLIFIER = {**settings.MOLLIFIER, "SWEEP_ORGS": 1, "SWEEP_STALE_SECONDS": 0}
    accept(2)
    accept(1, Scope("other", "production"))
    report = tasks.sweep()
    assert (report["wrapped"], report["orgs"], report["stale"]) == (True, 2, 3)
    assert stats.overview().queued == 3


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_task_ends_and_waking_says_no():
    assert tasks.drain() == {"led": False}
    assert tasks.sweep() == {"swept": False}
    assert not tasks.wake()
