"""What of one environment is buffered, entry by entry, for its operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mollifier import pages
from mollifier.entry import State
from mollifier.errors import BufferUnavailable
from mollifier.pages import Line
from workflows.intake import deadletters, lookup
from workflows.intake.directory import Env
from workflows.intake.lookup import LookupUnavailable


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry. Of one that can't be read only id, state and `unreadable` as its definition are known."""

    id: UUID
    definition: str
    state: str
    reason: str | None = None
    accepted_at: datetime | None = None
    attempts: int = 0
    lapses: int = 0
    error: str | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Entries, those accepted last first, and where the next page begins; None: there is none."""

    data: Sequence[EntryView]
    next_cursor: int | None


def listing(env: Env, state: str | None, cursor: int | None, limit: int) -> EntryPage:
    """Return a page; it may be short where few entries are in the state.

    Raises:
        LookupUnavailable: the buffer does not answer.
    """
    try:
        page = pages.read(lookup.scope_of(env), None if state is None else State(state), cursor, limit)
    except BufferUnavailable as error:
        raise LookupUnavailable from error
    return EntryPage([_view(line) for line in page.lines], page.before)


def _view(line: Line) -> EntryView:
    entry = line.entry
    if entry is None:
        return EntryView(line.id, deadletters.UNREADABLE, line.state.value)
    return EntryView(
        id=entry.id,
        definition=deadletters.definition_of(entry),
        state=line.state.value,
        reason=entry.reason.value,
        accepted_at=entry.accepted_at,
        attempts=entry.attempts,
        lapses=entry.lapses,
        error=entry.error,
        cancelled=entry.cancel_reason is not None,
    )
