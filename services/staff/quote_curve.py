"""The hours of a curve file as the energy of a quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.billing.domain.bill import Energy, HourEnergy, PeriodEnergy, QuarterDemand
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import ZONE_TIME, TariffCalendar, calendar
from services.metering.domain.formats import SupplyCurve
from services.metering.domain.hours import END_DAY, FIRST_DAY, QUARTERS, day_of_number, hour_start, local_days
from services.metering.domain.readings import CHANNELS, EXPORT, IMPORT, REAL, no_quarters
from services.staff.offline_files import read_files
from services.staff.show import say
from services.staff.tariff_hours import hours_between

MIN_HOURS_PERCENT = 95
"""With fewer hours of the period than these a bill would be held; with more, what is missing is said."""
QUARTER = timedelta(minutes=15)
Quarters = dict[str, tuple[QuarterDemand, ...]]
_R1, _R4 = CHANNELS.index("r1"), CHANNELS.index("r4")


@dataclass(frozen=True)
class CurveOfQuote:
    """Hour starts with (n, 6) Wh and VArh in the order of the metering channels, quality, and the tariff's calendar.

    `quarters`: (n, 4) import Wh of hours that came by quarters, NO_QUARTERS of the others; None where none did.
    """

    start_hours: NDArray[np.int64]
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]
    calendar: TariffCalendar
    clock: str
    quarters: NDArray[np.int64] | None = None

    @property
    def by_quarters(self) -> bool:
        """Whether the file has quarters of an hour."""
        return self.quarters is not None

    def within(self, days: DatePeriod, periods: Sequence[str]) -> Energy:
        """Energy of some days by tariff period; inductive reactive energy is QR1 − QR4, never negative."""
        begin, after = hours_between(self.clock, days.start, days.end)
        inside = (self.start_hours >= begin) & (self.start_hours < after)
        number = self.calendar.classify(self.start_hours[inside])
        values = self.values[inside]
        sums = {period: values[number == index].sum(axis=0) for index, period in enumerate(periods, start=1)}
        real = int((self.quality[inside] == REAL).sum())
        present = int(inside.sum())
        return Energy(
            {period: PeriodEnergy(int(total[IMPORT]), int(total[EXPORT])) for period, total in sums.items()},
            hours_expected=after - begin,
            hours_measured=real,
            hours_estimated=present - real,
            hours_missing=after - begin - present,
            reactive_varh={period: max(int(total[_R1] - total[_R4]), 0) for period, total in sums.items()},
        )

    def above(self, days: DatePeriod, powers: Mapping[str, int]) -> tuple[Quarters, dict[str, int]]:
        """Quarters of an hour of some days above the W of their power period, in order, and by power period the hours which
        may have some and whose quarters are not known: those that took more than a quarter may at that power.
        """
        found: dict[str, list[QuarterDemand]] = {}
        unknown: dict[str, int] = {}
        begin, after = hours_between(self.clock, days.start, days.end)
        inside = (self.start_hours >= begin) & (self.start_hours < after)
        hours, import_wh = self.start_hours[inside], self.values[inside, IMPORT]
        quarters = no_quarters(len(hours)) if self.quarters is None else self.quarters[inside]
        known = quarters.sum(axis=1) == import_wh
        numbers = self.calendar.classify(hours)
        limits = np.array([0, *(powers.get(f"P{each}", 0) for each in range(1, self.calendar.periods + 1))])[numbers]
        for at, quarter in np.argwhere(known[:, None] & (QUARTERS * quarters > limits[:, None])).tolist():
            start = hour_start(int(hours[at])) + quarter * QUARTER
            found.setdefault(f"P{numbers[at]}", []).append(QuarterDemand(QUARTERS * int(quarters[at, quarter]), start))
        for number in numbers[~known & (QUARTERS * import_wh > limits)].tolist():
            unknown[f"P{number}"] = unknown.get(f"P{number}", 0) + 1
        return {period: tuple(demands) for period, demands in found.items()}, unknown

    def hours(self, days: DatePeriod, market: Sequence[Decimal]) -> tuple[HourEnergy, ...]:
        """Every hour present with its market price. Invalid when there is not one price for each hour of `days`."""
        begin, after = hours_between(self.clock, days.start, days.end)
        if len(market) != after - begin:
            raise Invalid(
                f"prices.indexed.market_eur_kwh has {len(market)} prices and the period {after - begin} hours; give one "
                "for each hour, in order.",
                field="prices.indexed.market_eur_kwh",
            )
        inside = (self.start_hours >= begin) & (self.start_hours < after)
        hours = self.start_hours[inside]
        day, _ = local_days(self.clock).day_and_slot(hours)
        numbers = self.calendar.classify(hours)
        import_wh = self.values[inside, IMPORT]
        return tuple(
            HourEnergy(day_of_number(local_day), f"P{number}", wh, market[hour - begin])
            for hour, local_day, number, wh in zip(
                hours.tolist(), day.tolist(), numbers.tolist(), import_wh.tolist(), strict=True
            )
        )


def read_curve(path: Path, tariff: str, zone: str, period: DatePeriod, supply: str) -> CurveOfQuote:
    """The curve of the one supply of a file, or of the one named `supply`.

    Invalid when the file cannot be read, has several supplies or lacks more than a few of the period's hours.
    """
    clock = ZONE_TIME[zone]
    if not FIRST_DAY <= period.start < period.end <= END_DAY:
        raise Invalid(f"from and to are outside the calendar of the curves, {FIRST_DAY} to {END_DAY}.", field="from")
    if path.is_dir():
        raise Invalid(f"{path} is a folder; name the one file that holds the curve.", field="curve")
    files = list(read_files([path], clock))
    curves = [curve for file in files for curve in file.supplies if len(curve)]
    for count in (file.quarantined_count for file in files if file.quarantined_count):
        say(f"{path}: {count:,} rows could not be taken; 'coopctl curve inspect' says why.")
    found = _chosen(path, curves, supply)
    made = CurveOfQuote(found.start_hours, found.values, found.quality, calendar(tariff, zone), clock, found.quarters)
    _check_hours(path, made, period)
    return made


def _chosen(path: Path, curves: Sequence[SupplyCurve], supply: str) -> SupplyCurve:
    if not curves:
        raise Invalid(
            f"{path} gives no curve; --curve takes any file that 'coopctl curve inspect' can read.", field="curve"
        )
    names = ", ".join(curve.name for curve in curves[:5]) + (", ..." if len(curves) > 5 else "")
    if supply:
        curves = [curve for curve in curves if curve.name == supply]
        if not curves:
            raise Invalid(f"{path} has no supply {supply!r}; it has {names}.", field="supply")
    if len(curves) > 1:
        raise Invalid(f"{path} has {len(curves)} supplies, {names}; say which one in the field supply.", field="supply")
    return curves[0]


def _check_hours(path: Path, curve: CurveOfQuote, period: DatePeriod) -> None:
    energy = curve.within(period, ())
    present = energy.hours_measured + energy.hours_estimated
    missing = f"{path} has {present:,} of the {energy.hours_expected:,} hours of the days {period.start} to {period.end} (excluded)"
    if present * 100 < MIN_HOURS_PERCENT * energy.hours_expected:
        raise Invalid(
            f"{missing}, and at least {MIN_HOURS_PERCENT} % are needed; give another file or period.", field="curve"
        )
    if energy.hours_missing:
        say(f"{missing}; the missing ones are priced as nothing.")
