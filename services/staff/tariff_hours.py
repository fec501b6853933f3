"""Hours with their local start and tariff periods, thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TariffCalendar, power_period
from services.metering.domain.hours import day_number, local_days

PIECE = 1 << 14

Row = tuple[str, str, str]
"""Local start in ISO 8601 with its offset, energy period, power period."""


def hours_between(zone_name: str, first: date, last: date) -> tuple[int, int]:
    """First hour of a half-open range of local days, and the hour after its last one."""
    days = local_days(zone_name)
    final = day_number(last) - 1
    return days.start_of(day_number(first)), days.start_of(final) + days.hours_in(final)


def local_iso(hours: NDArray[np.int64], zone_name: str) -> list[str]:
    """Each hour start as its local time with offset, `2026-10-25T02:00:00+01:00`."""
    days = local_days(zone_name)
    day, _ = days.day_and_slot(hours)
    local = day * 24 + _clock(zone_name)[hours - days.first_hour]
    stamps = np.datetime_as_string(local.astype("datetime64[h]"), unit="s")
    offsets = local - hours
    named = {offset: f"{'-' if offset < 0 else '+'}{abs(offset):02d}:00" for offset in np.unique(offsets).tolist()}
    return [stamp + named[offset] for stamp, offset in zip(stamps.tolist(), offsets.tolist(), strict=True)]


def classified(calendar: TariffCalendar, zone_name: str, begin: int, end: int) -> Iterator[list[Row]]:
    """The rows of the hours from `begin` to `end` (excluded), some thousands at a time."""
    power = {number: f"P{power_period(calendar.tariff, number)}" for number in range(1, calendar.periods + 1)}
    for first in range(begin, end, PIECE):
        hours = np.arange(first, min(first + PIECE, end))
        starts = local_iso(hours, zone_name)
        numbers = calendar.classify(hours).tolist()
        yield [(start, f"P{number}", power[number]) for start, number in zip(starts, numbers, strict=True)]


def hours_by_period(calendar: TariffCalendar, begin: int, end: int) -> dict[str, int]:
    """How many hours of each energy period lie from `begin` to `end` (excluded)."""
    counts = np.bincount(calendar.classify(np.arange(begin, end)), minlength=calendar.periods + 1)
    return {f"P{number}": int(counts[number]) for number in range(1, calendar.periods + 1)}


@lru_cache(maxsize=4)
def _clock(zone_name: str) -> NDArray[np.int8]:
    """Local clock hour of every known hour."""
    return local_days(zone_name).clock_hours()
