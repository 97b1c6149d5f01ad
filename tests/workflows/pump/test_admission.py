"""What becomes of an instance when it is claimed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.workflows.making import identity_of
from workflows.fence import Append, Fence
from workflows.pump import admission
from workflows.pump.claims import Claimed
from workflows.states import Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def claim(definition="flow", takeovers=0):
    return Claimed(identity_of(definition=definition), 2, 10, takeovers, NOW)


def test_an_instance_whose_code_is_known_runs(flow):
    @flow
    async def run(ctx, payload):
        return payload

    assert admission.judge(claim(), 7, NOW).function is run


def test_an_instance_whose_code_is_not_known_is_looked_at_again_later(settings):
    settings.WORKFLOWS = {"UNKNOWN_DEFINITION_RETRY_SECONDS": 9}
    aside = admission.judge(claim("unheard-of"), 7, NOW)
    assert isinstance(aside, Append)
    assert (aside.fence, aside.change.status) == (Fence(epoch=7), Status.WAITING)
    assert aside.change.wake_at == NOW + timedelta(seconds=9)
    assert aside.change.failure.code == "definition_absent"


def test_an_instance_that_took_too_many_owners_along_is_ended(flow, settings):
    settings.WORKFLOWS = {"MAX_TAKEOVERS": 3}
    end = admission.judge(claim(takeovers=3), 7, NOW)
    assert (end.change.status, end.change.failure.code) == (Status.SYSTEM_FAILURE, "crash_loop")


def test_what_stands_for_its_code_does_nothing():
    registered = admission.not_run(claim())
    with pytest.raises(StopIteration):
        registered.function(None, None).send(None)
