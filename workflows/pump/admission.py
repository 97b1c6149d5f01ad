"""Tells whether a claimed instance can run here, and what is to be appended for one that can't."""

from datetime import datetime, timedelta
from typing import Any

import structlog

from workflows import conf, registry, turns
from workflows.fence import Append, Failure, Fence
from workflows.pump.claims import Claimed
from workflows.registry import Registered
from workflows.states import Status

log = structlog.get_logger(__name__)


def judge(claim: Claimed, epoch: int, now: datetime) -> Registered | Append:
    """Return the code that an instance runs; or its end, or a time to look again, when it can't or must not run."""
    identity, fence = claim.identity, Fence(epoch=epoch)
    if claim.takeovers >= conf.current().max_takeovers:
        failure = Failure("crash_loop", f"{claim.takeovers} owners in a row died with it")
        return turns.fail(claim.id, failure, fence, Status.SYSTEM_FAILURE)
    registered = registry.get(identity.definition, identity.version)
    if registered is not None:
        return registered
    log.warning("workflows.definition_absent", definition=identity.definition, version=identity.version)
    notice = Failure("definition_absent", f"{identity.definition} version {identity.version} is not registered here")
    wake_at = now + timedelta(seconds=conf.current().unknown_definition_retry_seconds)
    return turns.set_aside(claim.id, fence, wake_at, notice)


def not_run(claim: Claimed) -> Registered:
    """Stand for the code of an instance that does not run."""
    return Registered(claim.identity.definition, claim.identity.version, _nothing)


async def _nothing(_context: Any, _payload: Any) -> None:
    """Stand for a workflow."""
