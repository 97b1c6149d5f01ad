"""What is sent, when, and what is done to it: scenarios as values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Send:
    """One trigger, so many seconds after the start."""

    at: float
    definition: str
    payload: Json


@dataclass(frozen=True, slots=True)
class Resuming:
    """Each hook gets a burst of resumes, at a random moment between two, in seconds after it was made."""

    earliest: float
    latest: float
    burst: int = 10


@dataclass(frozen=True, slots=True)
class Scenario:
    """A load. What has not finished `patience` seconds after the last send is stuck."""

    name: str
    what: str
    sends: tuple[Send, ...]
    resuming: Resuming | None = None
    patience: float = 60.0

    def smaller(self, share: float) -> "Scenario":
        """Return it with a share of its sends, one of each definition at least."""
        if share >= 1:
            return self
        kept = self.sends[: max(1, round(len(self.sends) * share))]
        missing = {send.definition: send for send in self.sends}.keys() - {send.definition for send in kept}
        firsts = {send.definition: send for send in reversed(self.sends)}
        return replace(self, sends=(*kept, *(firsts[each] for each in sorted(missing))))


KILOBYTE = 1_000
SIX: tuple[tuple[str, Json], ...] = (
    ("chaos-start", {"n": 1}),
    ("chaos-loop", {"n": 20}),
    ("chaos-carry", {"fill": 20 * KILOBYTE, "n": 3}),
    ("chaos-retry", {}),
    ("chaos-nest", {}),
    ("chaos-race", {"n": 5}),
)
SUSTAINED = [Send(2.0 * beat, *SIX[0]) for beat in range(10) for _ in range(5)]

SCENARIOS = (
    Scenario("concurrent", "50 starts at once", tuple(Send(0, *SIX[0]) for _ in range(50))),
    Scenario("sustained", "5 starts every 2 s", tuple(SUSTAINED)),
    Scenario(
        "payloads",
        "10 payloads of 500 KB, through a step and out",
        tuple(Send(0, "chaos-carry", {"fill": 500 * KILOBYTE}) for _ in range(10)),
    ),
    Scenario("loops", "10 loops of 50 iterations", tuple(Send(0, "chaos-loop", {"n": 50}) for _ in range(10))),
    Scenario("six", "six definitions at the same instant", tuple(Send(0, *each) for each in SIX)),
    Scenario(
        "one_against",
        "30 of one definition against several others",
        tuple(Send(0, *each) for each in (SIX[1],) * 30 + SIX * 2),
    ),
)


def race(workflows: int, races: int, patience: float = 60.0) -> Scenario:
    """Return the race of hooks and sleeps, which must come out the same however often it is told."""
    payload = {"iterations": races, "sleep": 0.5, "pause": 0.1}
    return Scenario(
        "race",
        f"{workflows} workflows, {races} races of a hook and a sleep of 500 ms, 10 resumes a token in a burst",
        tuple(Send(0, "chaos-hook-or-sleep", payload) for _ in range(workflows)),
        Resuming(0.0, 0.8),
        patience,
    )


STORMS = (
    race(200, 8),
    Scenario(
        "step_storm",
        "50 workflows of 6 rounds of 8 steps at once",
        tuple(Send(0, "chaos-step-storm", {"rounds": 6, "branches": 8}) for _ in range(50)),
    ),
    Scenario(
        "hook_storm",
        "50 workflows, 6 races of a hook and a watchdog of 300 ms, resumed just when it ends",
        tuple(Send(0, "chaos-hook-or-sleep", {"iterations": 6, "sleep": 0.3}) for _ in range(50)),
        Resuming(0.25, 0.32),
    ),
    Scenario(
        "wake_loop",
        "50 workflows of 40 sleeps of 0 to 3 ms",
        tuple(Send(0, "chaos-wake-loop", {"n": 40}) for _ in range(50)),
    ),
)


def dealt(sends: Sequence[Send], hands: int) -> Iterator[list[Send]]:
    """Deal the sends to so many processes."""
    for hand in range(hands):
        yield list(sends[hand::hands])
