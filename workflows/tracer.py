"""Spans of OpenTelemetry. Only `tracing` loads this module, and only when traces are switched on."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

SERVICE = "mollifier"
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
# So many links a span of a batch has at most; the rest of the batch is found by the instances' own traces.
MOST_LINKS = 128
chosen: ContextVar[tuple[int, int] | None] = ContextVar("chosen", default=None)


class ChosenIds(RandomIdGenerator):
    """Random ids, but for a span whose ids follow from what it is of."""

    def generate_trace_id(self) -> int:
        given = chosen.get()
        return given[0] if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given = chosen.get()
        return given[1] if given else super().generate_span_id()


def ids_of(instance_id: UUID) -> tuple[int, int]:
    """Return the ids of an instance's trace and of its first span: hashed, since samplers want every bit by chance."""
    digest = blake2b(instance_id.bytes, digest_size=24, person=b"mollifier trace").digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:])


def read(traceparent: str | None) -> SpanContext | None:
    """Return the span that W3C's traceparent names; None for what is none, as a caller may send anything."""
    match = TRACEPARENT.fullmatch(traceparent or "")
    if match is None:
        return None
    context = SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16))
    )
    return context if context.is_valid else None


def written(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


class Tracer:
    """One process' spans, in batches to the collector, or each at once to an exporter that is given."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before our own name.
        resource = Resource.create({SERVICE_NAME: SERVICE}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(id_generator=ChosenIds(), resource=resource)
        if exporter is not None:
            self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        else:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

            self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("workflows")

    def close(self) -> None:
        self._provider.shutdown()

    def span(self, name: str, attributes: Mapping[str, Any]) -> Any:
        return self._within(name, attributes, None)

    def request(self, name: str, traceparent: str | None, attributes: Mapping[str, Any]) -> Any:
        caller = read(traceparent)
        return self._within(name, attributes, below(caller) if caller else None, kind=SpanKind.SERVER)

    def batch(self, name: str, carried: Iterable[str | None], attributes: Mapping[str, Any]) -> Any:
        contexts = [read(each) for each in dict.fromkeys(carried)]
        links = [Link(each) for each in contexts if each is not None][:MOST_LINKS]
        return self._within(name, attributes, Context(), kind=SpanKind.CONSUMER, links=links)

    def below_instance(self, instance_id: UUID, name: str, attributes: Mapping[str, Any]) -> Any:
        trace_id, span_id = ids_of(instance_id)
        # The first span may be another process', so whether it was sampled is asked of the sampler again.
        decision = self._provider.sampler.should_sample(Context(), trace_id, "instance").decision
        flags = TraceFlags(TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT)
        first = SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        return self._within(name, attributes, below(first))

    def started(self, instance_id: UUID, traceparent: str | None, attributes: Mapping[str, Any]) -> None:
        trigger = read(traceparent)
        token = chosen.set(ids_of(instance_id))
        try:
            first = self._tracer.start_span(
                "instance",
                context=Context(),
                links=[Link(trigger)] if trigger else [],
                attributes=plain({"instance_id": instance_id, **attributes}),
            )
        finally:
            chosen.reset(token)
        first.end()

    def note(self, attributes: Mapping[str, Any]) -> None:
        trace.get_current_span().set_attributes(plain(attributes))

    def carried(self) -> str | None:
        context = trace.get_current_span().get_span_context()
        return written(context) if context.is_valid else None

    @contextmanager
    def _within(
        self,
        name: str,
        attributes: Mapping[str, Any],
        context: Context | None,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Iterable[Link] = (),
    ) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=kind,
            links=list(links),
            attributes=plain(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as current:
            try:
                yield
            except BaseException as error:
                # Its kind alone: what it says may hold what was sent.
                current.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise


def below(context: SpanContext) -> Context:
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes under our own prefix, as OpenTelemetry takes them."""
    return {
        f"{SERVICE}.{name}": value if isinstance(value, bool | int | float) else str(value)
        for name, value in attributes.items()
        if value is not None
    }
