"""Which local days of a supply's curve the cooperative shows to its members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from services.chassis.periods import DatePeriod

BILLED = "billed"
"""Only the days of billed periods."""

MONTH_DAY = "month_day"
"""Besides those, every month from a day of the month after it: what a distributor offers for download."""


@dataclass(frozen=True)
class Publication:
    """The cooperative's policy. ``from_day``: under MONTH_DAY, month M is shown from this day of month M+1; 0 under BILLED."""

    policy: str
    from_day: int = 0

    def __post_init__(self) -> None:
        if self.policy not in (BILLED, MONTH_DAY):
            raise ValueError(f"publication is {self.policy!r}: known are {BILLED} and {MONTH_DAY}")
        if self.policy == MONTH_DAY and not 1 <= self.from_day <= 28:
            raise ValueError(f"from_day is {self.from_day}: give a day that every month has, 1 to 28")
        if self.policy == BILLED and self.from_day:
            raise ValueError(f"from_day is {self.from_day}: it has a meaning under publication = {MONTH_DAY} alone")

    def shown(self, billed: Iterable[DatePeriod], read: DatePeriod | None, today: date) -> list[DatePeriod]:
        """The days that are shown, as ranges that neither touch nor overlap, the earliest first.

        ``billed``: periods of invoices, in any order. ``read``: from the first to the last day with readings, None when
        there are none. A month whose readings stopped half-way is shown whole, for its missing hours are news too.
        """
        days = list(billed)
        if self.policy == MONTH_DAY and read is not None:
            end = min(self._first_hidden(today), _end_of_month(read.end - timedelta(days=1)))
            if read.start < end:
                days.append(DatePeriod(read.start, end))
        return joined(days)

    def _first_hidden(self, today: date) -> date:
        this_month = today.replace(day=1)
        return this_month if today.day >= self.from_day else _month_before(this_month)


def joined(periods: Iterable[DatePeriod]) -> list[DatePeriod]:
    """The same days as ranges that neither touch nor overlap, the earliest first."""
    found: list[DatePeriod] = []
    for period in sorted(periods):
        if found and period.start <= found[-1].end:
            found[-1] = DatePeriod(found[-1].start, max(found[-1].end, period.end))
        else:
            found.append(period)
    return found


def first_not_shown(shown: Iterable[DatePeriod], asked: DatePeriod) -> date | None:
    """The earliest asked day that is in none of the joined ranges; None when all of them are shown."""
    reached = asked.start
    for period in shown:
        if period.start <= reached < period.end:
            reached = period.end
    return reached if reached < asked.end else None


def _month_before(first: date) -> date:
    return date(first.year, first.month - 1, 1) if first.month > 1 else date(first.year - 1, 12, 1)


def _end_of_month(day: date) -> date:
    """The first day after the month of a day."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
