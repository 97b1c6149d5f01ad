"""An alert as a value: when it fires, what it says, and the series that show both."""

from dataclasses import dataclass, field
from enum import StrEnum

# How a test's series goes on: "0x30" stays at 0 for 30 minutes, "0+60x30" grows by one a second.
Series = dict[str, str]


class Severity(StrEnum):
    """Who is told: critical wakes somebody, warning waits for working hours, info is read."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule.

    `expr` must hold for `hold`. `fires` are series that make it fire within half an hour, `quiet` ones that look alike
    and do not; both are scraped from two processes, since any number of them may answer. `labels` are what the firing
    alert carries of them.
    """

    name: str
    expr: str
    hold: str
    severity: Severity
    summary: str
    description: str
    fires: Series
    quiet: Series
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def summary_of_any(self) -> str:
        """Its summary as it reads for any shard and any process."""
        said = self.summary.replace("Shard {{ $labels.shard }}", "A shard")
        return said.replace("{{ $labels.instance }}", "A process")


@dataclass(frozen=True, slots=True)
class Record:
    """An expression that is computed once and named; `help` says what it is."""

    name: str
    expr: str
    help: str
