"""Traces that end in the test: what was exported, by name."""

from collections.abc import Iterator

import pytest

from workflows import tracing

REASON = "OpenTelemetry is not installed here; bin/test installs it with requirements-dev.txt"


class Collected:
    """The spans that have ended."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.exporter = InMemorySpanExporter()

    def all(self, name: str | None = None) -> list:
        return [span for span in self.exporter.get_finished_spans() if name is None or span.name == name]

    def one(self, name: str):
        (span,) = self.all(name)
        return span

    def names(self) -> list[str]:
        return [span.name for span in self.all()]

    def told(self) -> str:
        """Return all that left the process, as text."""
        return "".join(span.to_json() for span in self.all())


@pytest.fixture
def traces() -> Iterator[Collected]:
    pytest.importorskip("opentelemetry.sdk", reason=REASON)
    collected = Collected()
    assert tracing.switch_on(collected.exporter)
    yield collected
    tracing.switch_off()
