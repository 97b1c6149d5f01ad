"""What the answers said: counted by status, with every accepted id remembered."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

import msgspec

from workflows.load.client import Answered

NO_ANSWER = "none"


class Acceptance(StrEnum):
    """How an answer named an instance."""

    STARTED = "started"
    BUFFERED = "buffered"
    EXISTING = "existing"


ACCEPTANCES = {201: Acceptance.STARTED, 202: Acceptance.BUFFERED, 200: Acceptance.EXISTING}


class Named(msgspec.Struct):
    """The part of an instance that tells which one it is."""

    id: UUID


class Item(msgspec.Struct):
    """One result of a batch."""

    status: int
    instance: Named | None = None


class Batch(msgspec.Struct):
    """The answer to a batch."""

    results: list[Item]


@dataclass(slots=True)
class Tally:
    """Grows by one answer at a time; of several answers that name an id the first one counts."""

    answers: Counter[str] = field(default_factory=Counter)
    accepted: dict[UUID, Acceptance] = field(default_factory=dict)
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    resent: int = 0

    def add(self, answered: Answered) -> None:
        """Count one sending's answer; a batch counts one for each of its triggers."""
        size = len(answered.sending.triggers)
        self.resent += answered.tries - 1
        if answered.answer is None:
            self.answers[NO_ANSWER] += size
            return
        self.latencies.append(answered.latency_seconds)
        status, body = answered.answer.status, answered.answer.body
        if size > 1 and status == 200:
            for item in msgspec.json.decode(body, type=Batch).results:
                self.count(item.status, item.instance)
        elif status in ACCEPTANCES:
            self.count(status, msgspec.json.decode(body, type=Named))
        else:
            self.answers[str(status)] += size

    def count(self, status: int, instance: Named | None) -> None:
        self.answers[str(status)] += 1
        if instance is not None and status in ACCEPTANCES:
            self.accepted.setdefault(instance.id, ACCEPTANCES[status])

    def accepted_as(self, acceptance: Acceptance) -> int:
        return sum(each is acceptance for each in self.accepted.values())

    def latency_ms(self, share: float) -> float:
        """Return a percentile of the time from due to answered, in milliseconds."""
        return round(percentile(self.latencies, share) * 1000, 2)


def percentile(sample: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the sample does not exceed; 0 of nothing."""
    if not sample:
        return 0.0
    ordered = sorted(sample)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
