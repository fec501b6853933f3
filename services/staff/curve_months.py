"""What a curve holds month by month, in the supply's local time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.periods import DatePeriod
from services.metering.domain.formats import SupplyCurve
from services.metering.domain.hours import local_days
from services.staff.tariff_hours import hours_between, local_iso


@dataclass(frozen=True)
class MonthOfCurve:
    """Hours present, energy in Wh, how many hours are real and how many estimated, starts of the first and last hour."""

    month: str
    hours: int
    import_wh: int
    export_wh: int
    real: int
    estimated: int
    first: str
    last: str


def local_months(hours: NDArray[np.int64], zone_name: str) -> NDArray[np.int64]:
    """Months since January 1970 of each hour start, in local time."""
    day, _ = local_days(zone_name).day_and_slot(hours)
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def month_name(month: int) -> str:
    """`2026-10` for months since January 1970."""
    return f"{1970 + month // 12:04d}-{month % 12 + 1:02d}"


def hours_of_month(name: str, zone_name: str) -> int:
    """Hours that a local month has: 745 for 2026-10 in Madrid."""
    month = DatePeriod.month(name)
    begin, after = hours_between(zone_name, month.start, month.end)
    return after - begin


def months_of(curve: SupplyCurve, zone_name: str) -> Iterator[MonthOfCurve]:
    """The months of a curve in order; a month without any hour is not among them."""
    hours = curve.start_hours
    if not len(hours):
        return
    months = local_months(hours, zone_name)
    begins = np.flatnonzero(np.append(True, months[1:] != months[:-1]))
    ends = np.append(begins[1:], len(hours))
    firsts, lasts = local_iso(hours[begins], zone_name), local_iso(hours[ends - 1], zone_name)
    for index, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        real = int(curve.real[begin:end].sum())
        yield MonthOfCurve(
            month=month_name(int(months[begin])),
            hours=end - begin,
            import_wh=int(curve.import_wh[begin:end].sum()),
            export_wh=int(curve.export_wh[begin:end].sum()),
            real=real,
            estimated=end - begin - real,
            first=firsts[index],
            last=lasts[index],
        )
