"""What a benchmark found: one value, as JSON or as lines of a table."""

import json
import os
import platform
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Target:
    """The bound on ours / against; `at_least` says on which side."""

    ratio: float
    at_least: bool = True

    def met_by(self, ratio: float) -> bool:
        return ratio >= self.ratio if self.at_least else ratio <= self.ratio

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.ratio:g} x"


@dataclass(frozen=True)
class Ceiling:
    """The most that ours may be, in its own unit."""

    value: float


@dataclass(frozen=True)
class Samples:
    """One figure a round, ours and the other's; no others where there is no peer."""

    ours: tuple[float, ...]
    against: tuple[float, ...] = ()


@dataclass(frozen=True)
class Result:
    """Figures are medians over the rounds. Without a peer, `against`, `ratio`, `target` and `met` are None.

    `note` is what a reader must know besides, such as why a peer was not measured.
    """

    id: str
    what: str
    unit: str
    ours: float
    against: float | None
    ratio: float | None
    target: str | None
    met: bool | None
    samples: Samples
    command: str
    machine: str
    note: str | None = None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def make(
    id_: str,
    what: str,
    unit: str,
    samples: Samples,
    target: Target | Ceiling | None = None,
    note: str | None = None,
) -> Result:
    """Take the medians and compare: the ratio with a target, our own figure with a ceiling."""
    ours = statistics.median(samples.ours)
    against = statistics.median(samples.against) if samples.against else None
    ratio = ours / against if against else None
    return Result(
        id=id_,
        what=what,
        unit=unit,
        ours=round(ours, 2),
        against=None if against is None else round(against, 2),
        ratio=None if ratio is None else round(ratio, 2),
        target=_shown(target, unit),
        met=_met(target, ours, ratio),
        samples=samples,
        command=f"bin/bench {id_.partition('.')[0]}",
        machine=machine(),
        note=note,
    )


def _shown(target: Target | Ceiling | None, unit: str) -> str | None:
    if isinstance(target, Ceiling):
        return f"<= {target.value:g} {unit}"
    return None if target is None else str(target)


def _met(target: Target | Ceiling | None, ours: float, ratio: float | None) -> bool | None:
    if isinstance(target, Ceiling):
        return ours <= target.value
    return None if target is None or ratio is None else target.met_by(ratio)


def machine() -> str:
    """Name what the figures were measured on."""
    cores = os.cpu_count()
    return f"{cores} cores ({processor()}), {platform.system()} {platform.machine()}, Python {sys.version.split()[0]}"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def as_json(benchmark: str, results: Sequence[Result]) -> str:
    """Return one object: the first result, with the others of the benchmark in `parts`."""
    first, *parts = results
    return json.dumps({**first.as_dict(), "id": benchmark, "parts": [part.as_dict() for part in parts]})


def from_dict(values: Mapping[str, Any]) -> Result:
    """Read back what `asdict` and JSON made of a result."""
    samples = Samples(tuple(values["samples"]["ours"]), tuple(values["samples"]["against"]))
    return Result(**{**values, "samples": samples})


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a table; a missed target is said so."""
    width = max(14, *(len(each.id) + 2 for each in results))
    yield f"{'':<{width}}{'ours':>12}{'against':>12}{'ratio':>9}  {'target':<10}{'':<8}what"
    for each in results:
        met = {None: "", True: "met", False: "MISSED"}[each.met]
        figures = f"{figure(each.ours):>12}{figure(each.against):>12}{figure(each.ratio):>9}"
        yield f"{each.id:<{width}}{figures}  {each.target or '-':<10}{met:<8}{each.what} ({each.unit})"
        if each.note:
            yield f"{'':<{width}}{each.note}"


def figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
