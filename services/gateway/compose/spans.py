"""Days, weeks, months and ranges of consumption: which days they hold, and which lie before, after and a year ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.chassis.periods import DatePeriod

DAY, WEEK, MONTH, RANGE, BILLED = "day", "week", "month", "range", "billed"
LONGEST_RANGE = 400
"""Days a range may have: a year and a month."""

_A_YEAR_OF_WEEKS = timedelta(weeks=52)


@dataclass(frozen=True)
class Span:
    """Some local days that are looked at together, and as what."""

    kind: str
    days: DatePeriod

    @property
    def first(self) -> date:
        return self.days.start

    @property
    def last(self) -> date:
        return self.days.end - timedelta(days=1)

    def step(self, count: int) -> Span:
        """The same kind of days, so many steps later (or earlier): the next week, the month before."""
        if self.kind == MONTH:
            first = _months_later(self.first, count)
            return Span(MONTH, DatePeriod(first, _months_later(first, 1)))
        moved = timedelta(days=self.days.days * count)
        return Span(self.kind, DatePeriod(self.days.start + moved, self.days.end + moved))

    def a_year_before(self, day: date) -> date | None:
        """The day that one of these is compared with: of a day and a week the same weekday 52 weeks before, because
        households live, and tariffs change, by the weekday; of longer spans the same date. None for 29 February."""
        if self.kind in (DAY, WEEK):
            return day - _A_YEAR_OF_WEEKS
        return None if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)

    def year_before(self) -> DatePeriod:
        """All the days to compare with, in one range."""
        found = [other for other in map(self.a_year_before, self.days) if other is not None]
        first, last = (found[0], found[-1]) if found else (self.first - _A_YEAR_OF_WEEKS, self.last - _A_YEAR_OF_WEEKS)
        return DatePeriod(first, last + timedelta(days=1))


def day_span(day: date) -> Span:
    return Span(DAY, DatePeriod(day, day + timedelta(days=1)))


def week_span(day: date, first_weekday: int) -> Span:
    """The week of a day. `first_weekday` is the reader's (0 is Monday)."""
    first = day - timedelta(days=(day.weekday() - first_weekday) % 7)
    return Span(WEEK, DatePeriod(first, first + timedelta(days=7)))


def month_span(day: date) -> Span:
    """The calendar month of a day."""
    first = day.replace(day=1)
    return Span(MONTH, DatePeriod(first, _months_later(first, 1)))


def within(shown: Sequence[DatePeriod], days: DatePeriod) -> list[DatePeriod]:
    """The parts of some days that are shown, the earliest first."""
    found = [one.intersection(days) for one in shown]
    return sorted(one for one in found if one is not None)


def _months_later(first: date, count: int) -> date:
    months = first.year * 12 + first.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)
