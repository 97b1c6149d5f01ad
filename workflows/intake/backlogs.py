"""The backlog that a storm leaves, in rows and in the buffer: ended quietly, by the command and by bulk actions."""

from dataclasses import dataclass

from workflows.cleanup import backlog
from workflows.cleanup.acts import Work
from workflows.cleanup.backlog import Selection
from workflows.cleanup.batches import Tally, Walk
from workflows.intake import clearing, refresher
from workflows.intake.directory import Env
from workflows.intake.narrowing import Narrowed


@dataclass(frozen=True, slots=True)
class Backlog:
    """Which rows are meant, and which entries; None: what is buffered is left."""

    rows: Selection
    entries: clearing.Selection | None = None


def with_buffered(rows: Selection, envs: tuple[Env, ...]) -> Backlog:
    """Return the rows with what is buffered of the same in these environments."""
    entries = clearing.Selection(
        envs=envs,
        states=clearing.CANCELLABLE,
        before=rows.before,
        workflows=rows.workflows,
        events=rows.events,
    )
    return Backlog(rows, entries)


def meant(narrowed: Narrowed) -> Backlog:
    """Return what a filter of definitions, events and tenants means, as far as it was accepted before its time."""
    rows = Selection(
        before=narrowed.at,
        workflows=_values(narrowed, "definition"),
        events=_values(narrowed, "event"),
        envs=narrowed.env_ids,
    )
    return with_buffered(rows, tuple(env for env in refresher.current().envs.values() if narrowed.wants(env)))


def cancel(backlog_: Backlog, reason: str, *, actor: str, how: Walk, batch: int | None = None) -> Work:
    """Cancel what is buffered first: what a drainer makes a row meanwhile is found among the rows.

    Raises:
        LookupUnavailable: the buffer does not answer; what is done stays.
    """
    rows = backlog_.rows
    buffered = clearing.cancel(backlog_.entries, reason, how) if backlog_.entries else Tally()
    tally = buffered
    if not buffered.stopped:
        tally += backlog.cancel(rows, reason, actor=actor, how=how, batch=batch)
    return Work(tally, {"buffered": buffered.done, "before": rows.before.isoformat()})


def _values(narrowed: Narrowed, qualifier: str) -> tuple[str, ...] | None:
    """Return which values all terms of a qualifier allow; None: any."""
    allowed = [set(term.values) for term in narrowed.filter.of(qualifier)]
    return tuple(sorted(set.intersection(*allowed))) if allowed else None
