"""Local stamps of files as UTC: the one place where they are converted.

Every dialect here labels an interval by its **end**. A *quarter* is a count of 15 minutes since 1970-01-01T00:00Z.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.lines import BadRow
from services.metering.domain.hours import (
    END_DAY,
    FIRST_DAY,
    QUARTERS,
    day_number,
    day_of_number,
    local_days,
    standard_offset,
)

_MINUTES_OF_QUARTER = 15
_YEAR_FIRST = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


@lru_cache(maxsize=4096)
def parse_day(text: str) -> int:
    """Day number of YYYY/MM/DD or DD/MM/YYYY, also with hyphens."""
    text = text.strip()
    match = _YEAR_FIRST.fullmatch(text)
    if match is not None:
        year, month, day = map(int, match.groups())
    else:
        match = _DAY_FIRST.fullmatch(text)
        if match is None:
            raise BadRow(f'"{text[:40]}" is not a date: YYYY/MM/DD or DD/MM/YYYY.')
        day, month, year = map(int, match.groups())
    if not FIRST_DAY.year <= year < END_DAY.year:
        raise BadRow(f"The year {year} is not between {FIRST_DAY.year} and {END_DAY.year - 1}.")
    try:
        return day_number(date(year, month, day))
    except ValueError:
        raise BadRow(f"There is no day {year:04}-{month:02}-{day:02}.") from None


@lru_cache(maxsize=4096)
def parse_time(text: str) -> int:
    """Minutes from midnight of hh:mm or hh:mm:ss, up to 25:00, at whole quarters of an hour."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise BadRow(f'"{text[:40]}" is not a time of day: hh:mm.')
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    minutes = hour * 60 + minute
    if minute > 59 or second > 59 or minutes > 25 * 60:
        raise BadRow(f"There is no time {text[:20]}.")
    if second or minute % _MINUTES_OF_QUARTER:
        raise BadRow(f"{text[:20]} is not the end of an hour or of a quarter of one.")
    return minutes


class LocalClock:
    """Local stamps of one zone as UTC."""

    def __init__(self, context: Context) -> None:
        self._zone = ZoneInfo(context.zone_name)
        self._days = local_days(context.zone_name)
        self._winter = standard_offset(context.zone_name, context.latest)
        self._first, self._end = context.known_hours()
        self._summer = lru_cache(maxsize=1 << 15)(self._is_summer)

    def hours_in(self, day: int) -> int:
        """23, 24 or 25."""
        return self._days.hours_in(day)

    def hour(self, day: int, number: int) -> int:
        """Start of the hour of that number (1 + whole hours elapsed since local midnight)."""
        last = self._days.hours_in(day)
        if not 1 <= number <= last:
            raise BadRow(f"There is no hour {number}: {day_of_number(day)} has the hours 1 to {last}.")
        return self._known(self._days.start_of(day) + number - 1)

    def quarter_by_season(self, day: int, minutes: int, season: int) -> int:
        """The quarter that ends at a local stamp with its season flag (0 winter, 1 summer).

        The instant of a clock change may be written by either clock: in autumn 02:00 in winter time, as the distributors
        do, or 03:00 in summer time. Anywhere else a flag that contradicts the calendar is a damaged row, not another hour.
        """
        end = self._end_quarter(day, minutes, season)
        if season not in (self._summer(end // QUARTERS), self._summer((end - 1) // QUARTERS)):
            word = "summer" if season else "winter"
            raise BadRow(f"The season flag {season} says {word} time, which {_stamp(day, minutes)} is not.")
        self._known((end - 1) // QUARTERS)
        return end - 1

    def quarters_by_wall(self, day: int, minutes: int) -> list[int]:
        """The quarters that end at a stamp without season flag: one, or the two of the repeated hour, in order; they may lie
        ahead (``check``).
        """
        ends = [(season, self._end_quarter(day, minutes, season)) for season in (1, 0)]
        found = [end - 1 for season, end in ends if self._summer(end // QUARTERS) == season]
        if not found:
            raise BadRow(f"{_stamp(day, minutes)} does not exist: the clock was put forward over it.")
        return found

    def check(self, quarter: int) -> int:
        """A quarter that can have been measured. Raises BadRow for one that lies ahead, or before known time."""
        self._known(quarter // QUARTERS)
        return quarter

    def _end_quarter(self, day: int, minutes: int, season: int) -> int:
        if minutes > 24 * 60:
            raise BadRow(f"There is no time {minutes // 60:02}:{minutes % 60:02}.")
        return day * 24 * QUARTERS + minutes // _MINUTES_OF_QUARTER - (self._winter + season) * QUARTERS

    def _known(self, hour: int) -> int:
        if not self._first <= hour < self._end:
            place = "in the future" if hour >= self._end else f"before {FIRST_DAY}"
            raise BadRow(f"The hour lies {place}: the clock that wrote it is wrong.")
        return hour

    def _is_summer(self, hour: int) -> int:
        return int(bool(datetime.fromtimestamp(hour * 3600, self._zone).dst()))


def _stamp(day: int, minutes: int) -> str:
    return f"{day_of_number(day)} {minutes // 60:02}:{minutes % 60:02}"
