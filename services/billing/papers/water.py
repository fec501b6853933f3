"""Metered water as an invoice shows it: what was used, month by month, and the readings of the meter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from services.billing.documents.model import Consumption, MonthConsumption, Reading
from services.billing.domain.bill import ZERO
from services.billing.domain.closes import Close
from services.billing.repository.invoices import Issued

ONE_DAY = timedelta(days=1)


def water_consumption(
    invoice: Issued,
    closes: Sequence[Close],
    earlier: Mapping[tuple[int, int], int],
    months: Sequence[tuple[int, int]],
) -> Consumption | None:
    """The bill's water, or None when no register counted it.

    `earlier` has the litres of the bills before, by year and month; `months` are those to show, oldest first.
    """
    if not closes:
        return None
    used = sum(close.used for close in closes)
    this = (invoice.period_start.year, invoice.period_start.month)
    by_month = {**earlier, this: used}
    estimated = any(close.origin == "estimate" for close in closes)
    history = tuple(
        MonthConsumption(year, month, _m3(by_month.get((year, month))), estimated=estimated and (year, month) == this)
        for year, month in months
    )
    twelve = [each.quantity for each in history[-12:]]
    # After a change of meter every reading names its own.
    several = len({close.meter for close in closes}) > 1
    return Consumption(
        service="water",
        unit="m3",
        quantity=Decimal(used) / 1000,
        history=history,
        same_month_last_year=_m3(earlier.get((this[0] - 1, this[1]))),
        last_year=sum((each for each in twelve if each is not None), ZERO) if None not in twelve else None,
        readings=tuple(reading_of(close, close.meter if several else "") for close in closes),
        meter="" if several else closes[-1].meter,
    )


def reading_of(close: Close, name: str) -> Reading:
    """Both readings with the days at whose end they hold; the weaker of the two is taken to be the later one."""
    return Reading(
        name,
        Decimal(close.initial) / 1000,
        Decimal(close.final) / 1000,
        close.period.start - ONE_DAY,
        close.period.end - ONE_DAY,
        end_estimated=close.origin == "estimate",
        used=Decimal(close.used) / 1000,
    )


def _m3(litres: int | None) -> Decimal | None:
    return None if litres is None else Decimal(litres) / 1000
