"""Hours of measurement and the local days they belong to.

An *hour* here is an integer: whole hours since 1970-01-01T00:00Z of the instant at which the measured hour **starts**.
A *day* is an integer too: days since 1970-01-01 of the local civil date. A local day has 23, 24 or 25 hours; the hour at
position ``i`` of a day is the one that starts ``i`` elapsed hours after local midnight, so hour number in a distributor's
file = ``i + 1`` on every kind of day.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

HOURS_MAX = 25
"""Slots of the longest local day: the width of every day matrix."""

QUARTERS = 4
"""Quarters of an hour."""

FIRST_DAY = date(2000, 1, 1)
END_DAY = date(2100, 1, 1)
"""Days this service knows (half-open). Older or later stamps are a meter's broken clock (years 0015 and 1807 are seen)."""

_EPOCH = date(1970, 1, 1)
_A_WEEK = 7 * 24


def day_number(day: date) -> int:
    """Days since 1970-01-01 of a civil date."""
    return (day - _EPOCH).days


def day_of_number(number: int) -> date:
    """The civil date of a day number."""
    return _EPOCH + timedelta(days=int(number))


def hour_number(instant: datetime) -> int:
    """Hours since the epoch of an aware instant that lies on a whole UTC hour; ValueError otherwise."""
    seconds = instant.timestamp()
    if instant.tzinfo is None or seconds % 3600:
        raise ValueError(f"{instant!r} is not an aware instant on a whole hour.")
    return int(seconds) // 3600


def hour_start(number: int) -> datetime:
    """The aware UTC instant at which an hour starts."""
    return datetime.fromtimestamp(int(number) * 3600, UTC)


def quarter_start(number: int) -> datetime:
    """The aware UTC instant at which a quarter of an hour starts; four of them an hour."""
    return datetime.fromtimestamp(int(number) * 900, UTC)


class LocalDays:
    """Local days of one time zone between FIRST_DAY and END_DAY, as tables for vectorised look-ups.

    Built once per zone from the IANA rules; the zone's offsets must be whole hours (true for every zone we serve).
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.first = day_number(FIRST_DAY)
        count = (END_DAY - FIRST_DAY).days
        midnights = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in _days(FIRST_DAY, count + 1))
        starts = np.fromiter((_whole_hours(midnight) for midnight in midnights), np.int64, count + 1)
        self._starts = starts
        self._lengths = np.diff(starts).astype(np.int8)

    @property
    def first_hour(self) -> int:
        """First known hour."""
        return int(self._starts[0])

    @property
    def end_hour(self) -> int:
        """The hour after the last known one."""
        return int(self._starts[-1])

    def day_and_slot(self, hours: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Local day number and position in the day (0-based) of each hour. The hours must be known ones."""
        index = np.searchsorted(self._starts, hours, side="right") - 1
        return index + self.first, hours - self._starts[index]

    def start_of(self, day: int) -> int:
        """The hour that starts at local midnight of a day."""
        return int(self._starts[self._index(day)])

    def hours_in(self, day: int) -> int:
        """23, 24 or 25."""
        return int(self._lengths[self._index(day)])

    def starts(self, days: NDArray[np.integer]) -> NDArray[np.int64]:
        """First hour of each day."""
        return self._starts[np.asarray(days) - self.first]

    def lengths(self, days: NDArray[np.integer]) -> NDArray[np.int8]:
        """Hours of each day."""
        return self._lengths[np.asarray(days) - self.first]

    def clock_hours(self) -> NDArray[np.int8]:
        """Local clock hour (0-23) of every known hour, in order."""
        lengths = self._lengths
        first_of_day = np.repeat(self._starts[:-1], lengths)
        clock = (np.arange(self.first_hour, self.end_hour) - first_of_day).astype(np.int8)
        for index in np.flatnonzero(lengths != 24):
            begin = int(self._starts[index])
            for hour in range(begin, int(self._starts[index + 1])):
                clock[hour - self.first_hour] = hour_start(hour).astimezone(self.zone).hour
        return clock

    def _index(self, day: int) -> int:
        index = day - self.first
        if not 0 <= index < len(self._lengths):
            raise ValueError(f"Day {day_of_number(day)} is outside {FIRST_DAY} to {END_DAY}.")
        return index


@lru_cache(maxsize=16)
def local_days(zone_name: str) -> LocalDays:
    """The tables of an IANA zone, built on first use (about 60 ms) and kept."""
    return LocalDays(ZoneInfo(zone_name))


@lru_cache(maxsize=16)
def summer_hours(zone_name: str) -> NDArray[np.int64]:
    """Bounds of the hours that begin or end in summer time, between FIRST_DAY and END_DAY: the first of them, the one after
    the last, the first of the next summer, and so on.
    """
    zone, days = ZoneInfo(zone_name), local_days(zone_name)

    def is_summer(hour: int) -> bool:
        return bool(datetime.fromtimestamp(hour * 3600, zone).dst())

    bounds = [days.first_hour] if is_summer(days.first_hour) else []
    before = days.first_hour
    for after in range(before + _A_WEEK, days.end_hour, _A_WEEK):  # nowhere does summer time last for less than weeks
        if is_summer(after) != is_summer(before):
            hours = range(before, after + 1)
            bounds.append(hours[bisect_left(hours, True, key=lambda hour: is_summer(hour) == is_summer(after))])
        before = after
    found = np.array(bounds, np.int64)
    found[::2] -= 1  # the hour that ends when summer time begins
    return found


def in_summer(hours: NDArray[np.int64], bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which hours begin or end in summer time. Hours of days near each other, as files have them, cost next to nothing."""
    if not len(hours):
        return np.zeros(0, bool)
    first, last = np.searchsorted(bounds, [hours.min(), hours.max()], side="right").tolist()
    found = np.full(len(hours), first % 2 == 1)
    for bound in bounds[first:last].tolist():
        found ^= hours >= bound
    return found


def standard_offset(zone_name: str, at: datetime) -> int:
    """Whole hours from UTC to winter time of a zone: +1 Europe/Madrid, 0 Atlantic/Canary, -3 Buenos Aires."""
    local = at.astimezone(ZoneInfo(zone_name))
    offset, saving = local.utcoffset(), local.dst()
    if offset is None:
        raise ValueError(f"{at!r} has no time zone.")
    return int((offset - (saving or timedelta())) / timedelta(hours=1))


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=i) for i in range(count)]


def _whole_hours(midnight: datetime) -> int:
    seconds = int(midnight.timestamp())
    if seconds % 3600:
        raise ValueError(f"Time zone {midnight.tzinfo} is not a whole number of hours from UTC on {midnight.date()}.")
    return seconds // 3600
