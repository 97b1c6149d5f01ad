"""What the page of one instance shows, read once: its standing, its line of time, its family, its log."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from workflows.admin import family, gantt, logs, standing, timeline, veil, why
from workflows.admin.bars import OPEN, Row
from workflows.admin.family import Family
from workflows.admin.logs import Window
from workflows.admin.timeline import Line, Moment, Scale
from workflows.admin.veil import Veil
from workflows.admin.why import Why
from workflows.intake.directory import Env
from workflows.intake.view import NULL, InstanceView
from workflows.redaction import Secret
from workflows.states import FINISHED, Status

NOTHING = b"{}"


@dataclass(frozen=True, slots=True)
class Live:
    """The part that moves. `hooks` are shown with their tokens only to who may steer the instance."""

    instance: InstanceView
    finished: bool
    why: Why
    window: Window
    scale: Scale
    lines: Sequence[Line]
    family: Family
    veil: Veil = field(repr=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """What is read once and at the end: the log in parts, and what the instance holds."""

    moments: Sequence[Moment]
    after: int
    more: int | None
    payload: str
    output: str
    metadata: str


def read_live(env: Env, instance: InstanceView, *, start: int | None, tokens: bool) -> Live:
    """Read the part that moves, in 8 queries at most; `tokens` says whether the reader may have those of hooks."""
    stands = standing.read(env, instance, datetime.now(UTC))
    hidden = [] if tokens else [Secret(hook.token, f"token of hook {hook.name}") for hook in stands.hooks]
    cover = veil.of(instance.org_id, instance.env_id, hidden)
    told = why.explain(stands)
    if not tokens:
        told = replace(told, hooks=())
    window = logs.window(instance.id, instance.last_seq, start) if instance.last_seq else Window((), 0)
    rows = gantt.read(window.segments, now=stands.now, finished_at=instance.finished_at)
    scale = _scale(instance, window, stands.now, part=start is not None)
    if start is None:
        rows = [_whole(instance, stands.now), *rows]
    return Live(
        instance=_shown(instance, cover),
        finished=instance.status in FINISHED,
        why=replace(told, sentence=cover.text(told.sentence)),
        window=window,
        scale=scale,
        lines=timeline.draw(rows, scale, cover),
        family=family.read(instance),
        veil=cover,
    )


def read_rest(instance: InstanceView, cover: Veil, after: int) -> Rest:
    """Read one part of the log and what the instance holds; 1 query."""
    events = logs.page(instance.id, after) if instance.last_seq else ()
    moments = list(timeline.tell(events, instance.accepted_at, cover))
    return Rest(
        moments=moments,
        after=after,
        more=moments[-1].seq if moments and moments[-1].seq < instance.last_seq else None,
        payload=cover.json(instance.payload),
        output=cover.json(instance.output) if instance.output != NULL else "",
        metadata=cover.json(instance.metadata) if instance.metadata != NOTHING else "",
    )


def _shown(instance: InstanceView, cover: Veil) -> InstanceView:
    """Return it with what others wrote covered."""
    error = replace(instance.error, message=cover.text(instance.error.message)) if instance.error else None
    notice = replace(instance.notice, message=cover.text(instance.notice.message)) if instance.notice else None
    key = cover.text(instance.idempotency_key) if instance.idempotency_key else None
    tags = tuple(cover.text(tag) for tag in instance.tags)
    return replace(instance, error=error, notice=notice, idempotency_key=key, tags=tags)


def _scale(instance: InstanceView, window: Window, now: datetime, *, part: bool) -> Scale:
    if part and window.segments and window.segments[0]:
        events = window.segments[0]
        last = events[-1].at if window.later else instance.finished_at or now
        return Scale(events[0].at, last)
    end = instance.finished_at or now
    return Scale(min(instance.accepted_at, end), end)


def _whole(instance: InstanceView, now: datetime) -> Row:
    """Draw the life of the instance itself: buffered, waiting for its pump, under way."""
    outcome = OPEN if instance.status not in FINISHED else str(instance.status).replace("_", " ")
    row = Row("instance", instance.definition, "", 0, outcome=outcome)
    end, begun = instance.finished_at, instance.accepted_at
    for look, until, said in (
        ("buffered", instance.created_at, "until it had a row"),
        ("pending", instance.started_at, "until its pump took it"),
    ):
        if until is None:
            row.draw(look, begun, end, said)
            return row
        # Both are moments of one request when it is started directly.
        if until - begun > timedelta(milliseconds=1):
            row.draw(look, begun, until, said)
        begun = until
    bad = instance.status in (Status.FAILED, Status.SYSTEM_FAILURE)
    row.draw("failed" if bad else "whole", begun, end, "under way")
    if end is None and begun > now:
        row.bars.pop()
    return row
