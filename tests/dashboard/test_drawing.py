"""The moving part of the Overview: drawn once for all who see the same snapshot."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dashboard import drawing, queries
from dashboard.queries import Beat

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_one_drawing_serves_all_who_see_the_same_snapshot() -> None:
    drawn = drawing.Drawing()
    snapshot = queries.take()
    first = drawn.of(snapshot)
    assert drawn.of(snapshot) is first
    later = drawn.of(replace(snapshot, at=NOON))
    assert later is not first
    assert "12:00:00 UTC" in later.top
    assert later.whole == later.top + later.bottom


def test_points_are_what_the_charts_read() -> None:
    beats = [Beat(NOON, 7, 1.234, 0.5, None), Beat(NOON, 8, 0, 12.345, 99.6)]
    at = int(NOON.timestamp())
    assert json.loads(drawing.points(beats)) == [[at, 7, 1.23, 0.5, None], [at, 8, 0, 12.35, 100]]
