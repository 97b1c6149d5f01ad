"""Write items in one go, and find the ones at fault by halving when the database refuses them together."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from workflows import engine, faults
from workflows.faults import Fault

Item = TypeVar("Item")
Result = TypeVar("Result")


class OutOfTime(Exception):
    """The budget was spent on other items; this one was not tried."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not written, or not certainly when the fault is UNAVAILABLE."""

    fault: Fault
    error: BaseException


Written = engine.Start | Failed


def write(
    items: Sequence[Item], write_all: Callable[[Sequence[Item]], Sequence[Result]], deadline: float
) -> list[Result | Failed]:
    """Hand the items to `write_all`, which keeps all or nothing, until each is written or known to be at fault.

    Answers in their order. An unavailable database ends the search: what is left is Failed without a try. So does
    `deadline`, a monotonic time.
    """
    outcomes: list[Result | Failed] = []
    left = [items] if items else []
    gone: Failed | None = None
    while left:
        part = left.pop()
        if gone is None and time.monotonic() > deadline:
            gone = Failed(Fault.UNAVAILABLE, OutOfTime("the batch took too long"))
        if gone is not None:
            outcomes += [gone] * len(part)
            continue
        try:
            outcomes += write_all(part)
        except Exception as error:  # noqa: BLE001 - whatever one item causes is its own fault, not the batch's
            failed = Failed(fault_of(error), error)
            if failed.fault is Fault.UNAVAILABLE:
                gone = failed
            if gone is not None or len(part) == 1:
                outcomes += [failed] * len(part)
            else:
                left += [part[len(part) // 2 :], part[: len(part) // 2]]
    return outcomes


def fault_of(error: BaseException) -> Fault:
    """Tell whose fault a failed start is; a row that was in its way and is gone again is the database's."""
    return Fault.UNAVAILABLE if isinstance(error, engine.StartContended) else faults.classify(error)
