"""Children: their rows are written with the event of their parent that tells of them."""

from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError, transaction

from workflows import eventlog, faults, ready, rows
from workflows.fence import Append, Appended, Faulty, Outcome
from workflows.rows import Draft
from workflows.trigger import Trigger


def append(request: Append, born: Sequence[Trigger], *, waits: bool) -> Outcome:
    """Append to a parent and write its children's rows, both or neither; a child that is there already stays.

    Without `waits` a parent that somebody else has locked is Busy.

    Raises:
        OperationalError, InterfaceError: the database is away; whether they were written is not known.
    """
    try:
        with transaction.atomic():
            outcome = eventlog.append(request) if waits else eventlog.append_group([request])[0]
            if isinstance(outcome, Appended):
                eventlog.execute(rows.WRITE, {"rows": rows.encode([Draft(trigger) for trigger in born])})
                ready.notify({trigger.shard for trigger in born})
            return outcome
    except (DatabaseError, InterfaceError, UnicodeError) as error:
        if faults.is_away(error):
            raise
        return Faulty(str(error))
