"""The context's contract on plain asyncio: runs a document's operations at once, and keeps what it was asked for."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workflows.declarative import interpreter, schema
from workflows.operations import HookTimedOut, StepFailed
from workflows.steps import Fatal

NOW = datetime(2030, 1, 1, tzinfo=UTC)
INSTANCE, ORG, ENV = UUID(int=1), UUID(int=2), UUID(int=3)


@dataclass
class Driven:
    """`hooks` are the answers that hooks get, by name; one without an answer times out."""

    hooks: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    steps: list[Any] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0
    instance_id, org_id, env_id = INSTANCE, ORG, ENV

    def now(self) -> datetime:
        return NOW

    async def step(self, definition: Any, *args: Any) -> Any:
        self.steps.append(definition)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(random.random() / 1000)
        self.at_once -= 1
        try:
            return definition(*args)
        except Fatal as error:
            raise StepFailed(error.code, str(error), "Fatal") from error

    async def sleep(self, seconds: float) -> None:
        self.asked.append(("sleep", seconds))
        await asyncio.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        self.asked.append(("sleep_until", moment))

    async def emit(self, type_: str, payload: Any, key: str | None = None) -> None:
        self.asked.append(("emit", type_, payload, key))

    async def hook(self, name: str, token: str | None = None, timeout_seconds: float | None = None) -> Any:
        self.asked.append(("hook", name, token, timeout_seconds))
        if name not in self.hooks:
            raise HookTimedOut(name)
        if isinstance(self.hooks[name], Exception):
            raise self.hooks[name]
        return self.hooks[name]

    async def gather(self, *lines: Any) -> list[Any]:
        ended = await asyncio.gather(*lines, return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return ended

    async def race(self, **lines: Any) -> tuple[str, Any]:
        tasks = {asyncio.ensure_future(line): name for name, line in lines.items()}
        done, losers = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for loser in losers:
            loser.cancel()
        await asyncio.gather(*losers, return_exceptions=True)
        winner = done.pop()
        return tasks[winner], winner.result()


def run(document: dict[str, Any], payload: Any = None, driven: Driven | None = None) -> Any:
    """Run a document to its end, however it ends."""
    return asyncio.run(interpreter.run(driven or Driven(), payload, schema.parse(document)))
