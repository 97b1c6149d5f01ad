"""Workflows under stress: each does one thing that an engine may get wrong."""

import os
import signal
from typing import Any

from settings import env
from workflows import step, workflow

Json = dict[str, Any]

_failed_before: set[str] = set()
# How long one lives that goes on by events: longer than any look at what is live takes.
CASCADE_SECONDS = float(env.text("BENCH_CASCADE_SECONDS", "3"))


@step
def echo(value: Any) -> Any:
    return value


@step(retries=3, backoff_seconds=0.01)
def fail_once(token: str) -> str:
    """Fail the first time in each process."""
    if token not in _failed_before:
        _failed_before.add(token)
        raise RuntimeError("the first time it fails")
    return token


@step
def kill_process() -> None:
    """Take the whole pump down, as a crash in a library would."""
    os.kill(os.getpid(), signal.SIGKILL)


@workflow("chaos-start")
async def start(ctx: Any, payload: Any) -> Any:
    """Take a little of everything that every workflow does."""
    await ctx.gather(ctx.step(echo, 1), ctx.step(echo, 2))
    await ctx.sleep(0.05)
    return await ctx.step(echo, payload)


@workflow("chaos-loop")
async def loop(ctx: Any, payload: Json) -> int:
    """Run n steps in a row."""
    total = 0
    for number in range(int(payload["n"])):
        total += await ctx.step(echo, number)
    return total


@workflow("chaos-carry")
async def carry(ctx: Any, payload: Json) -> Any:
    """Hand the payload through n steps, and out."""
    carried = payload["fill"]
    for _ in range(int(payload.get("n", 1))):
        carried = await ctx.step(echo, carried)
    return carried


@workflow("chaos-retry")
async def retry(ctx: Any, _payload: Any) -> list[str]:
    """Await steps that fail at first, two at once."""
    name = str(ctx.instance_id)
    return await ctx.gather(ctx.step(fail_once, f"{name}/a"), ctx.step(fail_once, f"{name}/b"))  # type: ignore[no-any-return]


@workflow("chaos-nest")
async def nest(ctx: Any, _payload: Any) -> Any:
    """Gather coroutines that gather."""

    async def branch(number: int) -> list[int]:
        await ctx.sleep(0.01 * number)
        return await ctx.gather(*(ctx.step(echo, number * each) for each in range(3)))  # type: ignore[no-any-return]

    return await ctx.gather(*(branch(number) for number in range(3)))


@workflow("chaos-race")
async def race(ctx: Any, payload: Json) -> str:
    """Race n steps; the others' outcomes come too late for anybody."""
    name, _ = await ctx.race(**{f"step_{each}": ctx.step(echo, each) for each in range(int(payload["n"]))})
    return str(name)


@workflow("chaos-hook-or-sleep")
async def hook_or_sleep(ctx: Any, payload: Json) -> list[Any]:
    """Race a hook and a sleep, again and again; after a sleep there are two waits at once."""
    won = []
    for _ in range(int(payload["iterations"])):
        name, value = await ctx.race(resumed=ctx.hook("go"), slept=ctx.sleep(payload["sleep"]))
        if name == "slept" and payload.get("pause"):
            await ctx.gather(ctx.sleep(payload["pause"]), ctx.sleep(payload["pause"]))
        won.append([name, value])
    return won


@workflow("chaos-step-storm")
async def step_storm(ctx: Any, payload: Json) -> list[int]:
    """Run rounds of steps at once."""
    return [
        sum(await ctx.gather(*(ctx.step(echo, branch) for branch in range(int(payload["branches"])))))
        for _ in range(int(payload["rounds"]))
    ]


@workflow("chaos-wake-loop")
async def wake_loop(ctx: Any, payload: Json) -> int:
    """Sleep hardly at all, n times: claimed and suspended without a pause."""
    for number in range(int(payload["n"])):
        await ctx.sleep(0.001 * (number % 4))
    return int(payload["n"])


@workflow("chaos-crash")
async def crash(ctx: Any, _payload: Any) -> None:
    """Kill whoever runs it."""
    await ctx.step(kill_process)


@workflow("chaos-feed")
async def feed(ctx: Any, payload: Any) -> None:
    """Live for a moment, then emit the very event that starts this, twice."""
    await ctx.sleep(CASCADE_SECONDS)
    for _ in range(2):
        await ctx.emit("chaos.fed", payload)


@workflow("chaos-ping")
@workflow("chaos-pong")
async def pass_on(ctx: Any, _payload: Any) -> None:
    """Live for a moment; the end of each of the two starts the other."""
    await ctx.sleep(CASCADE_SECONDS)
