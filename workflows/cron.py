"""When a cron expression fires in a time zone. Pure.

Five fields, of which the third and fifth are joined by "or" when both are given, as cron has always had it. croniter
reads the fields; what clocks being changed means is decided here (see docs/schedules.md), on real time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from croniter import CroniterBadDateError, CroniterError, croniter

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
FIELDS = 5
HOURS = 1
# The 29th of February is at most eight years away.
MAX_YEARS = 9
# Changes of the clocks between two fires: two a year, four where Ramadan is kept.
MAX_CHANGES = 4 * MAX_YEARS
# No zone has kept an offset for less than this.
HOP = timedelta(days=7)
SECOND = timedelta(seconds=1)


class CronInvalid(Exception):
    """The expression is not one, or never fires."""

    code = "cron_invalid"


class TimezoneUnknown(Exception):
    """There is no time zone of this name."""

    code = "timezone_unknown"


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that fires, in a zone. `floating`: its hours begin with `*`, so it counts real time, not clocks."""

    fields: str
    zone: ZoneInfo
    floating: bool

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first fire after a moment, in UTC; None when there is none in nine years."""
        at = moment.astimezone(UTC).replace(microsecond=0)
        offset = self._offset(at)
        wall = at + offset
        if not self.floating:
            wall = max(wall, self._end_of_repeat(at))
        for _ in range(MAX_CHANGES):
            found = self._match(wall)
            if found is None:
                return None
            change = self._change(at, found - offset)
            if change is None:
                return found - offset
            before, offset, at = offset, self._offset(change), change
            if offset > before and not self.floating and found < change + offset:
                return change
            resumes = offset if self.floating else max(before, offset)
            wall = change + resumes - SECOND
        return None

    def last_until(self, now: datetime, known: datetime) -> datetime:
        """Return the last fire at or before now, which is `known` or a later one."""
        last, low, high = known, 0, (now - known) // SECOND
        while low <= high:
            middle = (low + high) // 2
            found = self.next_after(known + middle * SECOND)
            if found is not None and found <= now:
                last, low = found, (found - known) // SECOND
            else:
                high = middle - 1
        return last

    def upcoming(self, after: datetime, count: int) -> Iterator[datetime]:
        """Yield the next fires, at most `count`."""
        at: datetime | None = after
        for _ in range(count):
            at = self.next_after(at) if at else None
            if at is None:
                return
            yield at

    def _match(self, wall: datetime) -> datetime | None:
        """Return the first wall-clock time after one that the fields name; both are written as if in UTC."""
        try:
            found: datetime = croniter(self.fields, wall, max_years_between_matches=MAX_YEARS).get_next(datetime)
        except CroniterBadDateError:
            return None
        return found

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self.zone).utcoffset() or timedelta()

    def _end_of_repeat(self, at: datetime) -> datetime:
        """Return the last second of the hour that the clocks show again at this moment, else the moment on them."""
        local = at.astimezone(self.zone)
        wall = at + self._offset(at)
        if not local.fold:
            return wall
        before = local.replace(fold=0).utcoffset() or timedelta()
        change = self._change(at - (before - self._offset(at)), at)
        return wall if change is None else change + before - SECOND

    def _change(self, start: datetime, end: datetime) -> datetime | None:
        """Return the first moment after start, up to end, at which the clocks are changed."""
        offset, low = self._offset(start), start
        while low < end:
            high = min(low + HOP, end)
            if self._offset(high) != offset:
                return self._bisect(low, high, offset)
            low = high
        return None

    def _bisect(self, low: datetime, high: datetime, offset: timedelta) -> datetime:
        while high - low > SECOND:
            middle = low + timedelta(seconds=(high - low) // SECOND // 2)
            low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
        return high


def parse(expression: str, timezone: str = "UTC") -> Cron:
    """Read an expression of five fields, or one of the names like `@daily`.

    Raises:
        CronInvalid: it can't be read, or it names no day that exists.
        TimezoneUnknown: see there.
    """
    if timezone not in _timezones():
        raise TimezoneUnknown(f"There is no time zone {timezone!r}; use a name like Europe/Lisbon.")
    fields = ALIASES.get(expression.strip().lower(), expression).split()
    if len(fields) != FIELDS:
        raise CronInvalid(f"It has {len(fields)} fields, not the five: minute hour day month weekday.")
    # To croniter these are dice and hashes: a schedule must fire at the same times wherever it is read.
    if any(each[0] in "hHrR" for each in fields):
        raise CronInvalid("A field may not begin with H or R.")
    try:
        croniter.expand(" ".join(fields))
    except (CroniterError, ValueError) as error:
        raise CronInvalid(f"It can't be read: {error}.") from None
    made = Cron(" ".join(fields), ZoneInfo(timezone), fields[HOURS].startswith("*"))
    if made.next_after(datetime(2001, 1, 1, tzinfo=UTC)) is None:
        raise CronInvalid("It names no day that exists.")
    return made


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())
