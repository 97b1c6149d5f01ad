"""The way a workflow's code reaches the outside: each method makes a request that it awaits."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, ParamSpec
from uuid import UUID

import msgspec

from workflows import matching
from workflows.identity import Identity
from workflows.operations import Awaitable, Child, ContextMisused, Emit, Gather, Hook, Race, Sleep, StepCall
from workflows.steps import StepDefinition

P = ParamSpec("P")

NO_ARGUMENTS = b"[[],{}]"
NAME = re.compile(r"[-a-zA-Z0-9_.]{1,100}")
TOKEN = re.compile(r"[-a-zA-Z0-9_.~:]{1,200}")
LONGEST_KEY = 255
LONGEST = timedelta(days=100 * 366)


class Context:
    """The way a workflow reaches the outside; its code may await nothing else.

    Arguments, payloads and results are JSON: what a step gets and gives is what the log keeps.
    """

    __slots__ = ("_identity", "_now", "_random")

    def __init__(self, identity: Identity, now: Callable[[], datetime]) -> None:
        self._identity = identity
        self._now = now
        self._random: Random | None = None

    @property
    def instance_id(self) -> UUID:
        return self._identity.id

    @property
    def org_id(self) -> UUID:
        return self._identity.org_id

    @property
    def env_id(self) -> UUID:
        return self._identity.env_id

    def step(self, definition: StepDefinition[P, Any], *args: P.args, **kwargs: P.kwargs) -> StepCall[Any]:
        """Run a registered step, at least once, and return its one recorded result.

        Raises:
            StepFailed: from the await, when its retries are spent or it is Fatal.
            ContextMisused: not a step, or arguments that are not JSON.
        """
        if not isinstance(definition, StepDefinition):
            raise ContextMisused(f"{definition!r} is no step; decorate it with @step")
        if not args and not kwargs:
            return StepCall(definition, NO_ARGUMENTS)
        return StepCall(definition, _json([args, kwargs], f"arguments of {definition.name}").encode())

    def sleep(self, seconds: float | timedelta) -> Sleep:
        """Sleep durably: the instance holds nothing meanwhile, and wakes after a restart too."""
        return Sleep(_seconds(seconds))

    def sleep_until(self, moment: datetime) -> Sleep:
        """Sleep durably until a moment, which must name its time zone; one that has passed is no sleep."""
        if moment.tzinfo is None:
            raise ContextMisused(f"{moment} has no time zone")
        try:
            return Sleep(until=moment.astimezone(UTC))
        except OverflowError:
            raise ContextMisused(f"{moment} is in no year from 1 to 9999 of UTC") from None

    def hook(self, name: str, token: str | None = None, *, timeout_seconds: float | timedelta | None = None) -> Hook:
        """Wait for a payload from outside, by a token that is made unless one is given.

        Raises:
            HookConflict: from the await, when another active hook has the token.
            HookTimedOut: from the await, when the time is over.
            ContextMisused: a name or a token that can't be one.
        """
        if not NAME.fullmatch(name):
            raise ContextMisused(f"{name!r} is no name of a hook: 1 to 100 of a-z A-Z 0-9 - _ .")
        if token is not None and not TOKEN.fullmatch(token):
            raise ContextMisused(f"{token!r} is no token: 1 to 200 of a-z A-Z 0-9 - _ . ~ :")
        return Hook(name, token, None if timeout_seconds is None else _seconds(timeout_seconds))

    def gather(self, *branches: Awaitable) -> Gather:
        """Run operations and coroutines at once; return their results in the order given.

        All of them run to their end. Then, if some failed, the failure that came first in the log is raised.
        """
        return Gather(branches)

    def race(self, **branches: Awaitable) -> Race:
        """Run operations and coroutines at once; return (name, value) of the first to end, or raise what it raised.

        The others are disposed of: a hook is closed, a sleep dropped, a running step ends unread, a coroutine gets
        Disposed raised. The race is over when all of them have ended.
        """
        if not branches:
            raise ContextMisused("a race of nobody has no winner")
        for name in branches:
            if not NAME.fullmatch(name):
                raise ContextMisused(f"{name!r} is no name in a race: 1 to 100 of a-z A-Z 0-9 - _ .")
        return Race(branches)

    def child(self, definition: str, payload: Any = None, *, wait: bool = True) -> Child:
        """Start another workflow and return its output; its id, without waiting for its end, if `wait` is false.

        Raises:
            ChildFailed: from the await, when it was awaited and did not complete.
            ChildRefused: from the await, when it can't be started.
            ContextMisused: no definition can have that name.
        """
        if not NAME.fullmatch(definition):
            raise ContextMisused(f"{definition!r} is no name of a workflow: 1 to 100 of a-z A-Z 0-9 - _ .")
        return Child(definition, _json(payload, "the payload of a child"), wait)

    def emit(self, type_: str, payload: Any = None, *, key: str | None = None) -> Emit:
        """Emit an event: it starts what is bound to its type, once, even if this code is replayed."""
        if not matching.is_type(type_):
            raise ContextMisused(f"{type_!r} is no type: words of a-z A-Z 0-9 _ - joined by dots, 100 at most")
        if type_ == matching.TERMINAL:
            raise ContextMisused(f"{type_} is told by the engine alone, when an instance ends; use another type")
        if key is not None and not _is_key(key):
            raise ContextMisused(f"the key of an event is a text of 1 to {LONGEST_KEY} characters and no NUL")
        return Emit(type_, _json(payload, "the payload of an event"), key)

    def now(self) -> datetime:
        """Return the time of the last event that this code has seen: the same in each replay."""
        return self._now()

    def random(self) -> Random:
        """Return this instance's random numbers: the same in each replay, so not for secrets."""
        if self._random is None:
            self._random = Random(self._identity.id.int)  # noqa: S311 - no secret
        return self._random

    def uuid(self) -> UUID:
        """Return the next random UUID of this instance: the same in each replay, so not for secrets."""
        return UUID(int=self.random().getrandbits(128), version=4)


def _seconds(given: float | timedelta) -> float:
    seconds = given.total_seconds() if isinstance(given, timedelta) else float(given)
    if not 0 <= seconds <= LONGEST.total_seconds():
        raise ContextMisused(f"can't wait {seconds} seconds")
    return seconds


def _is_key(value: object) -> bool:
    """Tell whether it can be the key of an event; a declared definition fills it in from what may be anything."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_KEY and "\0" not in value


def _json(value: Any, what: str) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ContextMisused(f"{what} not JSON: {error}") from error
