"""Civil dates, half-open periods and days of 23, 24 or 25 hours."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MONTH = re.compile(r"(\d{4})-(\d{2})")
LONGEST_MONTH = 31
"""Days; a year has more, which tells by what a price of time is divided."""


@dataclass(frozen=True, order=True)
class DatePeriod:
    """Local days from ``start`` (included) to ``end`` (excluded)."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a period from {self.start} to {self.end} holds no day: the end is excluded")

    @classmethod
    def month(cls, text: str) -> "DatePeriod":
        """``"2026-10"`` as the days of that month. Raises ValueError with the form that is understood."""
        found = _MONTH.fullmatch(text.strip())
        if not found or not 1 <= int(found[2]) <= 12 or int(found[1]) < 1:
            raise ValueError(f"{text!r} is not a month: write it as 2026-10")
        year, month = int(found[1]), int(found[2])
        return cls(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))

    @classmethod
    def parse(cls, start: str, end: str) -> "DatePeriod":
        """Two ISO dates. Raises ValueError that names the one which is no date."""
        return cls(parse_date(start), parse_date(end))

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    def contains(self, day: date) -> bool:
        return self.start <= day < self.end

    def __iter__(self) -> Iterator[date]:
        for offset in range(self.days):
            yield self.start + timedelta(days=offset)

    def by_month(self) -> "Iterator[tuple[DatePeriod, int]]":
        """The days of each calendar month, and how many days that month has."""
        start = self.start
        while start < self.end:
            month = DatePeriod.month(start.strftime("%Y-%m"))
            part = DatePeriod(start, min(self.end, month.end))
            yield part, month.days
            start = part.end

    def intersection(self, other: "DatePeriod") -> "DatePeriod | None":
        start, end = max(self.start, other.start), min(self.end, other.end)
        return DatePeriod(start, end) if start < end else None


def parse_date(text: str) -> date:
    """An ISO date (2026-10-31). Raises ValueError with a sentence for anything else."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a date of the calendar: write it as 2026-10-31") from None


@lru_cache
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError for a name the database does not have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"time zone {name!r} is unknown: use an IANA name such as Europe/Madrid") from None


def day_start(day: date, tz: ZoneInfo) -> datetime:
    """The instant a local day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC)


def hours_in_day(day: date, tz: ZoneInfo) -> int:
    """23, 24 or 25: the whole hours between this local midnight and the next."""
    return int((day_start(day + timedelta(days=1), tz) - day_start(day, tz)).total_seconds()) // 3600
