import pytest

from mollifier import buffer, gate, metrics
from mollifier.decision import Scope
from mollifier.entry import Settle
from tests.mollifier.makers import accept, arrival


def collected():
    """Return the metrics by the names that queries use."""
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name: metric for metric in metrics.collect()}


def value(metric, suffix="", **labels):
    (found,) = (
        sample.value for sample in metric.samples if sample.name == metric.name + suffix and sample.labels == labels
    )
    return found


def test_every_metric_is_in_the_table_and_the_other_way_round():
    accept(1)
    assert set(collected()) == set(metrics.TABLE)
    assert all(metric.documentation == metrics.TABLE[name] for name, metric in collected().items())


def test_decisions_and_states_are_counted():
    for _ in range(3):
        gate.admit(arrival())
    found = collected()
    assert value(found["mollifier_gate_decisions_total"], "_total", outcome="passed", reason="room") == 2
    assert value(found["mollifier_gate_decisions_total"], "_total", outcome="accepted", reason="env_rate") == 1
    assert value(found["mollifier_buffer_entries"], state="queued") == 1


def test_dwell_times_add_up():
    accept(3)
    batch = buffer.claim("t", 3, 60_000)
    buffer.settle("t", [Settle(entry.id, 0) for entry in batch.entries])
    found = collected()
    assert value(found["mollifier_dwell_seconds"], "_bucket", le="+Inf") == 3
    assert value(found["mollifier_dwell_seconds"], "_count") == 3
    assert value(found["mollifier_drain_total"], "_total", outcome="settled") == 3


def test_the_number_of_series_does_not_grow_with_orgs():
    for number in range(200):
        accept(1, Scope(f"org-{number}", "production"))
    batch = buffer.claim("t", 200, 60_000)
    buffer.settle("t", [Settle(entry.id, 0) for entry in batch.entries])
    assert sum(len(metric.samples) for metric in metrics.collect()) < 100


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_buffer_is_down_and_nothing_else_is_said():
    (metric,) = metrics.collect()
    assert (metric.name, metric.samples[0].value) == ("mollifier_up", 0)
