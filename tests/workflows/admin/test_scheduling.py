"""What an operator is told of a schedule that was run by hand."""

from django.contrib import messages
from uuid_utils.compat import uuid7

from workflows.admin import scheduling
from workflows.intake.firing import Fired, Outcome
from workflows.models import Schedule

SCHEDULE = Schedule(definition="greet")


def test_what_was_started_is_named():
    id_ = uuid7()
    message, level = scheduling.told(SCHEDULE, Fired(Outcome.BUFFERED, instance_id=id_))
    assert (str(id_) in message, level) == (True, messages.SUCCESS)


def test_what_is_not_known_is_not_guessed():
    message, level = scheduling.told(SCHEDULE, Fired(Outcome.DEFERRED, "The stores are away.", certain=False))
    assert ("is not known" in message, level) == (True, messages.WARNING)
    assert "Nothing was started" in scheduling.told(SCHEDULE, Fired(Outcome.DEFERRED, "Full."))[0]
