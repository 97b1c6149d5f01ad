"""B12 on few rows: that it measures what it says."""

import pytest

from bench import damper as bench
from bench.rounds import Clock
from workflows import eventlog
from workflows.intake import damper, groups
from workflows.intake.outcome import Throttled

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "ROWS", (100, 400))
    monkeypatch.setattr(bench, "CALLS", 10)
    yield
    eventlog.execute("SELECT set_config('plan_cache_mode', 'auto', false)", ())


def test_one_group_is_full_and_one_is_empty() -> None:
    place = bench.prepare()
    bench.fill(place, 0, 400)
    full, empty = bench.ready(place, bench.FULL), bench.ready(place, bench.EMPTY)
    assert groups.look(full).size == bench.LIMIT
    assert groups.look(empty).size == 0
    assert isinstance(damper.probe(full), Throttled)
    assert damper.probe(empty) is None


def test_the_statement_that_is_timed_is_the_dampers_and_reads_its_index() -> None:
    place = bench.prepare()
    bench.fill(place, 0, 400)
    ((known, storm, live),) = eventlog.execute(bench.executed_look(place, bench.FULL), ())
    assert (known, storm, live) == ([], None, bench.LIMIT)
    plan = "\n".join(row[0] for row in eventlog.execute(f"EXPLAIN {bench.executed_look(place, bench.FULL)}", ()))
    assert "instance_event_backlog" in plan
    assert "Seq Scan on workflows_instance" not in plan
    assert "$4" in plan, "it is a plan for any values"


def test_lookups_find_rows_from_all_over_the_table() -> None:
    place = bench.prepare()
    bench.fill(place, 0, 400)
    ids = bench.known(400, 100)
    assert len(set(ids)) == 100
    found = eventlog.execute("SELECT count(*) FROM workflows_instance WHERE id = ANY (%s)", (list(ids),))
    assert found == [(100,)]


def test_it_samples_every_size_both_groups_and_the_locked_path() -> None:
    found = bench.against_a_lookup(Clock(0))
    assert [each.id for each in found] == [
        "B12",
        *("B12.full_100", "B12.full_100_called", "B12.empty_100", "B12.empty_100_called"),
        *("B12.full_400", "B12.full_400_called", "B12.empty_400", "B12.empty_400_called"),
        *("B12.flat", "B12.refused", "B12.locked"),
    ]
    assert {each.target for each in found} == {"<= 1.5 x", None}
    assert all(each.ratio for each in found)
