"""An order that takes a little of everything: attempts, steps at once, a child, an event, and somebody's approval."""

import time
from typing import Any

from workflows import Fatal, Retryable, step, workflow

Json = dict[str, Any]
APPROVAL_SECONDS = 86_400.0
PICK_SECONDS = 0.04

_attempts: dict[str, int] = {}


@step(retries=3)
def charge_card(order: str) -> Json:
    """Charge at the third attempt, as a bank does on a bad day."""
    _attempts[order] = _attempts.get(order, 0) + 1
    if _attempts[order] % 3:
        raise Retryable("the bank does not answer", after=0.15, code="http_503")
    return {"charge": "ch_1042"}


@step
def pick(shelf: int) -> int:
    time.sleep(PICK_SECONDS * shelf)
    return shelf


@step
def wrap(shelf: int) -> int:
    return shelf


@step
def insure() -> None:
    raise Fatal("no insurance to this country", code="not_insurable")


@workflow("packing")
async def packing(ctx: Any, _payload: Any) -> Json:
    await ctx.sleep(0.05)
    return {"boxes": 2}


@workflow("fulfil_order")
async def fulfil_order(ctx: Any, payload: Json) -> Json:
    """Charge, pick, pack and insure an order, then wait for somebody's approval."""

    async def fetch(shelf: int) -> Any:
        return await ctx.step(wrap, await ctx.step(pick, shelf))

    await ctx.step(charge_card, payload["order"])
    await ctx.gather(*(fetch(shelf) for shelf in range(1, 4)))
    await ctx.sleep(0.1)
    await ctx.child("packing")
    try:
        await ctx.step(insure)
    except Exception:  # noqa: BLE001 - it goes on without
        await ctx.emit("order.uninsured", {"order": payload["order"]})
    name, answer = await ctx.race(approved=ctx.hook("approval"), late=ctx.sleep(APPROVAL_SECONDS))
    return {"approved": name == "approved", "answer": answer}
