"""The part of the Overview that moves, drawn once for all who see the same snapshot."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from dashboard.engine import COUNT_CAP
from dashboard.queries import Beat, Snapshot

TEMPLATE = "dashboard/live.html"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What stands above the charts, with their points, and what stands below. Nothing in it is of one viewer."""

    top: SafeString
    bottom: SafeString

    @property
    def whole(self) -> SafeString:
        return mark_safe(self.top + self.bottom)  # noqa: S308 - both are what a template gave


class Drawing:
    """The last snapshot that was drawn; the first viewer of another has that one drawn, the others wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[Snapshot, Drawn] | None = None

    def of(self, snapshot: Snapshot) -> Drawn:
        with self._lock:
            if self._last is None or self._last[0] is not snapshot:
                self._last = snapshot, draw(snapshot)
            return self._last[1]


drawing = Drawing()


def draw(snapshot: Snapshot) -> Drawn:
    context = {"snapshot": snapshot, "points": points(snapshot.beats), "cap": COUNT_CAP}
    top, bottom = (render_to_string(TEMPLATE, {**context, "part": part}) for part in ("top", "bottom"))
    return Drawn(top, bottom)


def points(beats: Sequence[Beat]) -> SafeString:
    """Write what the charts draw, as JSON: time, depth, in, drained, dwell. Numbers alone need no escaping."""
    rows = [
        [
            int(beat.at.timestamp()),
            beat.depth,
            round(beat.in_per_second, 2),
            round(beat.drained_per_second, 2),
            None if beat.dwell_ms is None else round(beat.dwell_ms),
        ]
        for beat in beats
    ]
    return mark_safe(json.dumps(rows, separators=(",", ":")))  # noqa: S308
