"""Spans: whose they are below, what they link, and how they are named to others."""

from uuid import UUID

import pytest

from tests.spans import REASON, traces
from workflows import tracing

pytest.importorskip("opentelemetry.sdk", reason=REASON)
from workflows import tracer

__all__ = ["traces"]
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "nonsense",
        CALLER.upper(),
        CALLER[:-1],
        f"{CALLER}-extra",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"ff{CALLER[2:]}",
    ],
)
def test_what_is_no_traceparent_names_nothing(sent):
    assert tracer.read(sent) is None


def test_a_traceparent_reads_back_as_it_was_written():
    assert tracer.written(tracer.read(CALLER)) == CALLER


def test_a_request_is_below_its_caller_and_what_is_done_below_the_request(traces):
    with tracing.request("POST", CALLER), tracing.span("trigger"):
        carried = tracing.carried()
    request, trigger = traces.one("POST"), traces.one("trigger")
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
    assert trigger.parent.span_id == request.context.span_id
    assert tracer.read(carried).span_id == trigger.context.span_id


def test_a_request_without_a_caller_begins_a_trace(traces):
    with tracing.request("POST", "nonsense"):
        pass
    assert traces.one("POST").parent is None


def test_what_the_caller_does_not_sample_is_not_sent(traces):
    with tracing.request("POST", f"{CALLER[:-1]}0"), tracing.span("trigger"):
        assert tracing.carried().endswith("-00")
    assert traces.names() == []


def test_a_batch_is_linked_once_to_each_span_that_brought_something(traces):
    other = CALLER.replace("b7ad", "c7ad")
    with tracing.span("outer"), tracing.batch("drain.batch", [CALLER, None, other, CALLER, "nonsense"], count=5):
        pass
    batch = traces.one("drain.batch")
    assert [tracer.written(link.context) for link in batch.links] == [CALLER, other]
    assert batch.parent is None
    assert batch.attributes["mollifier.count"] == 5


def test_a_batch_has_no_more_links_than_a_span_may(traces):
    with tracing.batch("drain.batch", (f"00-{number:032x}-{number:016x}-01" for number in range(1, 500))):
        pass
    assert len(traces.one("drain.batch").links) == tracer.MOST_LINKS


def test_an_instance_s_trace_is_found_by_its_id_and_linked_to_its_trigger(traces):
    tracing.started(ID, CALLER, definition="checkout")
    instance = traces.one("instance")
    assert (instance.context.trace_id, instance.context.span_id) == tracer.ids_of(ID)
    assert [tracer.written(link.context) for link in instance.links] == [CALLER]
    assert instance.attributes["mollifier.instance_id"] == str(ID)


def test_ids_of_other_spans_stay_random(traces):
    tracing.started(ID, None)
    with tracing.span("after"):
        pass
    assert traces.one("after").context.trace_id != tracer.ids_of(ID)[0]
    assert traces.one("instance").links == ()


def test_an_instance_that_is_not_sampled_has_no_steps_sampled_either(monkeypatch):
    from tests.spans import Collected

    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    collected = Collected()
    spans = tracer.Tracer(collected.exporter)
    try:
        for number in range(200):
            spans.started(UUID(int=number + 1), None, {})
            with spans.below_instance(UUID(int=number + 1), "step charge", {}):
                pass
    finally:
        spans.close()
    sampled = {span.context.trace_id for span in collected.all("instance")}
    assert {span.context.trace_id for span in collected.all("step charge")} == sampled
    assert 50 < len(sampled) < 150


def test_attributes_are_under_our_prefix_and_what_is_missing_is_left_out():
    assert tracer.plain({"instance_id": ID, "count": 3, "late": True, "org_id": None}) == {
        "mollifier.instance_id": str(ID),
        "mollifier.count": 3,
        "mollifier.late": True,
    }
