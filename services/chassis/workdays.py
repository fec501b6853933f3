"""Working days: what is neither a weekend nor a holiday of a list, and Easter, on which some holidays hang."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True)
class WorkingCalendar:
    """Holidays as data: fixed days of the year, days counted from Easter Sunday, and single dates decreed."""

    fixed: frozenset[tuple[int, int]]  # (month, day)
    from_easter: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "WorkingCalendar":
        """A table of TOML: ``fixed`` as "MM-DD", ``from_easter`` in days, ``dates`` for single decrees."""
        return cls(
            fixed=frozenset((int(day[:2]), int(day[3:])) for day in content["fixed"]),
            from_easter=frozenset(content.get("from_easter", [])),
            dates=frozenset(content.get("dates", [])),
        )

    def is_working_day(self, day: date) -> bool:
        if day.weekday() >= 5 or (day.month, day.day) in self.fixed or day in self.dates:
            return False
        return (day - easter_sunday(day.year)).days not in self.from_easter

    def on_or_after(self, day: date) -> date:
        """`day` itself when it is a working day, otherwise the next one."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day


def easter_sunday(year: int) -> date:
    """Gregorian Easter (Meeus/Jones/Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (b - (b + 8) // 25 + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)
