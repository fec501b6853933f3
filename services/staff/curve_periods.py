"""Energy per tariff period of the supplies in several files: per invoice number, or per month where there is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.formats import SupplyCurve
from services.staff.curve_months import local_months, month_name

_MONTHS = 1 << 30
"""Groups below are invoices in order of appearance; groups from here on are months since January 1970."""


@dataclass(frozen=True)
class PeriodEnergy:
    """Hours present and Wh taken from the grid in each period. One of `invoice` and `month` is None."""

    supply: str
    invoice: str | None
    month: str | None
    hours: int
    wh: dict[str, int]


@dataclass
class SupplyHours:
    """The hours of one supply out of all files, in the order in which they were read: twelve bytes each."""

    supply: str
    invoices: dict[str, int] = field(default_factory=dict)
    hours: list[NDArray[np.integer]] = field(default_factory=list)
    wh: list[NDArray[np.integer]] = field(default_factory=list)
    groups: list[NDArray[np.integer]] = field(default_factory=list)

    def add(self, curve: SupplyCurve, zone_name: str) -> None:
        """Takes the hours of a file."""
        group = _MONTHS + local_months(curve.start_hours, zone_name)
        if curve.invoices is not None and curve.invoice is not None:
            numbers = [self.invoices.setdefault(number, len(self.invoices)) for number in curve.invoices]
            known = curve.invoice >= 0
            group[known] = np.array(numbers, np.int64)[curve.invoice[known]]
        wh = curve.import_wh
        self.hours.append(curve.start_hours.astype(np.int32))
        self.wh.append(wh.astype(np.uint32 if wh.max(initial=0) < 1 << 32 else np.int64))
        self.groups.append(group.astype(np.int32))

    def settled(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
        """Hours in order and each once, their Wh and groups; and how many hours came again with another value.

        Of an hour that is in several files, the file read last is believed, and it stays on the invoice that the last
        file with invoice numbers gave it.
        """
        columns = (self.hours, self.wh, self.groups)
        hours, wh, groups = (np.concatenate(column).astype(np.int64) for column in columns)
        order = np.argsort(hours, kind="stable")
        hours, wh, groups = hours[order], wh[order], groups[order]
        again = hours[1:] == hours[:-1]
        differing = int((again & (wh[1:] != wh[:-1])).sum())
        first, last = np.append(True, ~again), np.append(~again, True)
        position = np.arange(len(hours))
        latest_invoiced = np.maximum.accumulate(np.where(groups < _MONTHS, position, -1))
        of_same_hour = latest_invoiced >= np.maximum.accumulate(np.where(first, position, 0))
        groups = np.where(of_same_hour, groups[latest_invoiced], groups)
        return hours[last], wh[last], groups[last], differing


class Supplies:
    """The supplies of all files in order of appearance, each once."""

    def __init__(self, zone_name: str) -> None:
        self._zone_name = zone_name
        self._found: dict[str, SupplyHours] = {}

    def add(self, curve: SupplyCurve) -> None:
        """Takes a curve as a file gives it."""
        if len(curve):
            self._found.setdefault(_key(curve.name), SupplyHours(curve.name)).add(curve, self._zone_name)

    def __iter__(self) -> Iterator[SupplyHours]:
        return iter(self._found.values())


def energy(
    supply: str,
    invoices: Iterable[str],
    calendar: TariffCalendar,
    hours: NDArray[np.int64],
    wh: NDArray[np.int64],
    groups: NDArray[np.int64],
) -> Iterator[PeriodEnergy]:
    """One row per invoice in order of appearance, then one per month for the hours without invoice."""
    names = list(invoices)
    present, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    totals = np.zeros((len(present), calendar.periods + 1), np.int64)
    np.add.at(totals, (inverse, calendar.classify(hours)), wh)
    for group, count, total in zip(present.tolist(), counts.tolist(), totals.tolist(), strict=True):
        yield PeriodEnergy(
            supply=supply,
            invoice=None if group >= _MONTHS else names[group],
            month=month_name(group - _MONTHS) if group >= _MONTHS else None,
            hours=count,
            wh={f"P{number}": total[number] for number in range(1, calendar.periods + 1)},
        )


def _key(name: str) -> str:
    """Files write the same CUPS with and without the two characters of its border point: the first twenty tell it."""
    return name[:20] if name.startswith("ES") and len(name) == 22 else name
