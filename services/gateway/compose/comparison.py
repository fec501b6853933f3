"""A span of consumption beside the same one a year before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.chassis.periods import DatePeriod
from services.gateway.compose.curves import CurveView, DayView
from services.gateway.compose.spans import Span


@dataclass(frozen=True)
class Beside:
    """One bar and the one of the year before: Wh of both, and the first day (and hour) they are about."""

    day: date
    before: date
    wh: int
    before_wh: int
    clock: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Days that can be compared, each beside its own of the year before; `asked` days there would be."""

    pairs: tuple[tuple[DayView, DayView], ...]
    asked: int

    @property
    def wh(self) -> int:
        return sum(day.wh for day, _before in self.pairs)

    @property
    def before_wh(self) -> int:
        return sum(before.wh for _day, before in self.pairs)

    @property
    def days_before(self) -> DatePeriod:
        """From the first to the last day of the year before."""
        days = [before.day for _day, before in self.pairs]
        return DatePeriod(days[0], date.fromordinal(days[-1].toordinal() + 1))

    @property
    def change(self) -> Decimal | None:
        """How much more than the year before, as a share of it; None when that was nothing."""
        return Decimal(self.wh - self.before_wh) / self.before_wh if self.before_wh else None

    def by_hour(self) -> list[Beside]:
        """Of a single day: 24 hours of the wall clock. The two alike of an autumn night are one, that of spring is 0."""
        now, before = self.pairs[0]
        of_now, of_before = _by_clock(now), _by_clock(before)
        return [Beside(now.day, before.day, of_now[clock], of_before[clock], clock) for clock in range(24)]

    def by_day(self) -> list[Beside]:
        return [Beside(now.day, before.day, now.wh, before.wh) for now, before in self.pairs]

    def by_month(self) -> list[Beside]:
        return list(self._grouped(lambda day: (day.year, day.month)))

    def by_week(self, first: date) -> list[Beside]:
        """Runs of seven days from the first day of the span on."""
        return list(self._grouped(lambda day: ((day - first).days // 7, 0)))

    def _grouped(self, key: Callable[[date], tuple[int, int]]) -> Iterator[Beside]:
        groups: dict[tuple[int, int], list[tuple[DayView, DayView]]] = {}
        for now, before in self.pairs:
            groups.setdefault(key(now.day), []).append((now, before))
        for pairs in groups.values():
            first, of_before = pairs[0]
            yield Beside(
                first.day, of_before.day, sum(now.wh for now, _ in pairs), sum(before.wh for _, before in pairs)
            )


def compare(span: Span, now: CurveView, before: CurveView) -> Comparison | None:
    """Day beside day, those with every hour on both sides; None when fewer than half of the days shown are.

    A missing hour would make one side look frugal, so a day with one is left out on both sides.
    """
    of_before = {day.day: day for day in before.days}
    pairs = []
    for day in now.shown:
        other_day = span.a_year_before(day.day)
        other = of_before.get(other_day) if other_day else None
        if other is not None and day.coverage.whole and other.coverage.whole:
            pairs.append((day, other))
    return Comparison(tuple(pairs), len(now.shown)) if pairs and 2 * len(pairs) >= len(now.shown) else None


def _by_clock(day: DayView) -> Counter[int]:
    totals: Counter[int] = Counter()
    for hour in day.hours:
        totals[hour.clock] += hour.wh or 0
    return totals
