"""Billed periods and the hours of a load curve, as pages show them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.periods import DatePeriod, day_start, hours_in_day, zone


@dataclass(frozen=True)
class BilledPeriodView:
    period: DatePeriod
    invoice_id: str
    invoice_number: str
    wh: int
    hours_expected: int
    hours_measured: int
    hours_estimated: int
    hours_missing: int

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
            billed.invoice_id, billed.invoice_number, billed.import_wh,
            billed.hours_expected, billed.hours_measured, billed.hours_estimated, billed.hours_missing,
        )  # fmt: skip


@dataclass(frozen=True)
class HourView:
    """One hour of a local day. `number` counts from 1 (1 + whole hours since local midnight: 1…23, 24 or 25).

    `wh` is None when the hour is absent: absent hours are never zero. `starts` is the local wall clock.
    """

    number: int
    starts: datetime
    wh: int | None
    estimated: bool
    tariff_period: str

    @property
    def clock(self) -> int:
        """The hour on the wall clock, 0 to 23."""
        return self.starts.hour


@dataclass(frozen=True)
class DayView:
    """A local day under a tariff; `tariff` is "2.0TD", "3.0TD", … or empty where hours have no tariff periods."""

    day: date
    hours: tuple[HourView, ...]
    tariff: str

    @property
    def wh(self) -> int:
        return sum(hour.wh or 0 for hour in self.hours)

    @property
    def measured(self) -> int:
        return sum(1 for hour in self.hours if hour.wh is not None and not hour.estimated)

    @property
    def estimated(self) -> int:
        return sum(1 for hour in self.hours if hour.wh is not None and hour.estimated)

    @property
    def missing(self) -> int:
        return sum(1 for hour in self.hours if hour.wh is None)

    @property
    def by_period(self) -> dict[str, int]:
        """Wh per tariff period, in the order of their names."""
        totals: Counter[str] = Counter()
        for hour in self.hours:
            totals[hour.tariff_period] += hour.wh or 0
        return {name: totals[name] for name in sorted(totals) if name}


@dataclass(frozen=True)
class CurveView:
    """Every local day of a range, each with all its 23, 24 or 25 hours."""

    days: tuple[DayView, ...]
    time_zone: str
    tariff: str

    @property
    def wh(self) -> int:
        return sum(day.wh for day in self.days)

    @property
    def by_period(self) -> dict[str, int]:
        totals: Counter[str] = Counter()
        for day in self.days:
            totals.update(day.by_period)
        return {name: totals[name] for name in sorted(totals)}

    @classmethod
    def of(cls, curve: metering.GetCurveResponse) -> CurveView:
        # Outside the Spanish access tariffs every hour costs the same: its one period is not worth a colour or a word.
        tariff = curve.tariff if curve.tariff.endswith("TD") else ""
        return cls(tuple(_day(day, curve.time_zone, tariff) for day in curve.days), curve.time_zone, curve.tariff)


def _day(message: metering.DayCurve, time_zone: str, tariff: str) -> DayView:
    day, tz = date.fromisoformat(message.day), zone(time_zone)
    midnight = day_start(day, tz)
    found = {hour.start.ToDatetime(tzinfo=UTC): hour for hour in message.hours}
    hours = []
    for offset in range(hours_in_day(day, tz)):
        start = midnight + timedelta(hours=offset)
        hour = found.get(start)
        hours.append(
            HourView(
                number=offset + 1,
                starts=start.astimezone(tz),
                wh=hour.import_wh if hour is not None else None,
                estimated=hour is not None and hour.quality == metering.QUALITY_ESTIMATED,
                tariff_period=hour.tariff_period if hour is not None and tariff else "",
            )
        )
    return DayView(day, tuple(hours), tariff)
