"""The report of a run: one value, as JSON or as a table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from workflows.load.tally import Acceptance, Tally
from workflows.load.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """Counts are of triggers, not of requests; latencies run from due to answered, in milliseconds."""

    run: str
    sent: int
    seconds: float
    rate: float
    answers: dict[str, int]
    accepted: int
    started: int
    buffered: int
    existing: int
    refused: int
    server_errors: int
    unanswered: int
    resent: int
    p50_ms: float
    p99_ms: float
    drained: int
    drain_seconds: float
    left_in_buffer: int
    completed: int
    complete_seconds: float
    failed: int
    unfinished: int
    lost: int
    duplicates: int
    ok: bool

    def as_json(self) -> str:
        return msgspec.json.encode(self).decode()

    def as_table(self) -> str:
        return "\n".join(f"{name:<17} {value}" for name, value in self.lines())

    def lines(self) -> Iterator[tuple[str, Any]]:
        yield "run", self.run
        yield "sent", f"{self.sent:,} in {self.seconds:.1f} s, {self.rate:,.0f}/s"
        yield "answers", ", ".join(f"{status}: {count:,}" for status, count in self.answers.items()) or "none"
        yield "accepted", f"{self.accepted:,}"
        yield "  started", f"{self.started:,}"
        yield "  buffered", f"{self.buffered:,}"
        yield "  existing", f"{self.existing:,}"
        yield "latency", f"p50 {self.p50_ms:,.1f} ms, p99 {self.p99_ms:,.1f} ms"
        yield "drained", f"{self.drained:,}, the last one {self.drain_seconds:.1f} s after the start"
        yield "completed", f"{self.completed:,}, the last one {self.complete_seconds:.1f} s after the start"
        yield "left in buffer", f"{self.left_in_buffer:,}"
        for name in ("failed", "unfinished", "lost", "duplicates"):
            yield name, f"{getattr(self, name):,}"
        yield "verdict", "ok" if self.ok else "NOT OK"


def make(
    *, run: str, started_at: datetime, seconds: float, tally: Tally, verdict: Verdict, left_in_buffer: int
) -> Report:
    """Put the answers and what became of them together.

    A run is ok when every accepted id is one completed instance, nothing failed on the service's side and every
    request was answered. What is left in the buffer may be another run's.
    """
    sent = tally.answers.total()
    server_errors = sum(count for status, count in tally.answers.items() if status.startswith("5"))
    unanswered = tally.answers["none"]
    return Report(
        run=run,
        sent=sent,
        seconds=round(seconds, 2),
        rate=round(sent / seconds, 1) if seconds else 0.0,
        answers={status: count for status, count in sorted(tally.answers.items()) if count},
        accepted=len(tally.accepted),
        started=tally.accepted_as(Acceptance.STARTED),
        buffered=tally.accepted_as(Acceptance.BUFFERED),
        existing=tally.accepted_as(Acceptance.EXISTING),
        refused=sum(count for status, count in tally.answers.items() if status.startswith("4")),
        server_errors=server_errors,
        unanswered=unanswered,
        resent=tally.resent,
        p50_ms=tally.latency_ms(0.5),
        p99_ms=tally.latency_ms(0.99),
        drained=verdict.drained,
        drain_seconds=since(started_at, verdict.drained_at),
        left_in_buffer=left_in_buffer,
        completed=verdict.completed,
        complete_seconds=since(started_at, verdict.finished_at),
        failed=verdict.failed,
        unfinished=verdict.unfinished,
        lost=verdict.lost,
        duplicates=verdict.duplicates,
        ok=verdict.sound and not server_errors and not unanswered,
    )


def since(started_at: datetime, at: datetime | None) -> float:
    return 0.0 if at is None else max(0.0, round((at - started_at).total_seconds(), 2))
