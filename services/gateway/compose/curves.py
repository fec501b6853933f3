"""Billed periods and the hours of a load curve, as pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.periods import DatePeriod, day_start, hours_in_day, zone


@dataclass(frozen=True)
class Coverage:
    """How many hours of some days there should be, and how many of them are measured, estimated and missing."""

    expected: int
    measured: int
    estimated: int
    missing: int

    @property
    def whole(self) -> bool:
        """No hour is missing, and there is at least one."""
        return self.expected > 0 and self.missing == 0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.expected + other.expected,
            self.measured + other.measured,
            self.estimated + other.estimated,
            self.missing + other.missing,
        )


NO_HOURS = Coverage(0, 0, 0, 0)


@dataclass(frozen=True)
class BilledPeriodView:
    period: DatePeriod
    invoice_id: str
    invoice_number: str
    wh: int
    hours: Coverage

    @property
    def last_day(self) -> date:
        return self.period.end - timedelta(days=1)

    @property
    def month(self) -> date:
        """A day of the month the period is known by: the one in its middle."""
        return self.period.start + timedelta(days=self.period.days // 2)

    @classmethod
    def of(cls, billed: metering.BilledPeriod) -> BilledPeriodView:
        return cls(
            DatePeriod.parse(billed.period.start, billed.period.end),
            billed.invoice_id,
            billed.invoice_number,
            billed.import_wh,
            Coverage(billed.hours_expected, billed.hours_measured, billed.hours_estimated, billed.hours_missing),
        )


@dataclass(frozen=True)
class HourView:
    """One hour of a local day. `number` counts from 1 (1 + whole hours since local midnight: 1…23, 24 or 25).

    `wh` is None when the hour is absent: absent hours are never zero. `starts` is the local wall clock. `export_wh` is
    surplus fed into the grid. `method` is how the value was obtained (1 measured, 2 to 6 and 7 estimated, 9 doubtful; 0
    unknown), `reason` why it is estimated in the reader's words, empty where nobody said.
    """

    number: int
    starts: datetime
    wh: int | None
    estimated: bool
    tariff_period: str
    export_wh: int = 0
    method: int = 0
    reason: str = ""

    @property
    def clock(self) -> int:
        """The hour on the wall clock, 0 to 23."""
        return self.starts.hour


@dataclass(frozen=True)
class DayView:
    """A local day under a tariff; `tariff` is "2.0TD", "3.0TD", … or empty where hours have no tariff periods.

    A day without any hour, not even absent ones, is one that is not shown to members yet.
    """

    day: date
    hours: tuple[HourView, ...]
    tariff: str

    @property
    def shown(self) -> bool:
        return bool(self.hours)

    @cached_property
    def wh(self) -> int:
        return sum(hour.wh or 0 for hour in self.hours)

    @cached_property
    def export_wh(self) -> int:
        return sum(hour.export_wh for hour in self.hours)

    @cached_property
    def coverage(self) -> Coverage:
        missing = sum(1 for hour in self.hours if hour.wh is None)
        estimated = sum(1 for hour in self.hours if hour.wh is not None and hour.estimated)
        return Coverage(len(self.hours), len(self.hours) - missing - estimated, estimated, missing)

    @property
    def whole(self) -> bool:
        """Every hour was measured."""
        hours = self.coverage
        return self.shown and hours.measured == hours.expected

    @cached_property
    def by_period(self) -> dict[str, int]:
        """Wh per tariff period, in the order of their names."""
        totals: Counter[str] = Counter()
        for hour in self.hours:
            totals[hour.tariff_period] += hour.wh or 0
        return {name: totals[name] for name in sorted(totals) if name}


@dataclass(frozen=True)
class CurveView:
    """Every local day of a range, each with all its 23, 24 or 25 hours, or with none when it is not shown yet."""

    days: tuple[DayView, ...]
    time_zone: str
    tariff: str

    @cached_property
    def wh(self) -> int:
        return sum(day.wh for day in self.days)

    @cached_property
    def export_wh(self) -> int:
        return sum(day.export_wh for day in self.days)

    @cached_property
    def coverage(self) -> Coverage:
        return sum((day.coverage for day in self.days), NO_HOURS)

    @cached_property
    def by_period(self) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for day in self.days:
            totals.update(day.by_period)
        return {name: totals[name] for name in sorted(totals)}

    @cached_property
    def shown(self) -> tuple[DayView, ...]:
        """The days that are shown to members."""
        return tuple(day for day in self.days if day.shown)

    @property
    def present(self) -> Iterable[HourView]:
        """The hours that are there, in order."""
        return (hour for day in self.days for hour in day.hours if hour.wh is not None)

    @classmethod
    def of(cls, curve: metering.GetCurveResponse) -> CurveView:
        # Outside the Spanish access tariffs every hour costs the same: its one period is not worth a colour or a word.
        tariff = curve.tariff if curve.tariff.endswith("TD") else ""
        days = tuple(_day(day, curve.time_zone, tariff, curve.reasons) for day in curve.days)
        return cls(days, curve.time_zone, curve.tariff)


def over(asked: DatePeriod, parts: Sequence[CurveView], time_zone: str) -> CurveView:
    """The days asked for out of the pieces that are shown; the days between are empty ones."""
    known = {day.day: day for part in parts for day in part.days}
    last = parts[-1] if parts else None
    tariff = last.days[-1].tariff if last and last.days else ""
    days = tuple(known.get(day) or DayView(day, (), tariff) for day in asked)
    return CurveView(days, time_zone, last.tariff if last else "")


def _day(message: metering.DayCurve, time_zone: str, tariff: str, reasons: Sequence[str]) -> DayView:
    day, tz = date.fromisoformat(message.day), zone(time_zone)
    midnight = day_start(day, tz)
    found = {hour.start.seconds: hour for hour in message.hours}
    first, hours = int(midnight.timestamp()), []
    for offset in range(hours_in_day(day, tz)):
        hour = found.get(first + 3600 * offset)
        starts = datetime.fromtimestamp(first + 3600 * offset, UTC).astimezone(tz)
        hours.append(
            HourView(offset + 1, starts, None, False, "")
            if hour is None
            else HourView(
                number=offset + 1,
                starts=starts,
                wh=hour.import_wh,
                estimated=hour.quality == metering.QUALITY_ESTIMATED,
                tariff_period=hour.tariff_period if tariff else "",
                export_wh=hour.export_wh,
                method=hour.method,
                reason=reasons[hour.reason - 1] if 0 < hour.reason <= len(reasons) else "",
            )
        )
    return DayView(day, tuple(hours), tariff)
