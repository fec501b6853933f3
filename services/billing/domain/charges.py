"""Charges by time: a price for a month, or for several, whole or for the days of a part."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from services.billing.domain.bill import BillLine
from services.billing.domain.planning import year_days
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod


def charge_lines(
    concept: str, section: str, service: str, days: DatePeriod, price: Decimal, months: int = 1
) -> Iterator[BillLine]:
    """`price` for each `months` calendar months: whole months count whole, and a part by its days of those of its month.

    So a month that is cut costs what the whole one does.
    """
    whole = _whole_months(days)
    if whole is None:
        for part, in_month in days.by_month():
            yield BillLine(
                concept,
                section,
                service,
                round_half_up(price * part.days / (months * in_month)),
                days=part.days,
                unit_price=price / months,
                price_unit="month",
                year_days=in_month,
            )
    elif whole == months == 1:
        yield BillLine(concept, section, service, round_half_up(price), unit_price=price, price_unit="month")
    elif whole == months:
        # A price for several months has no unit to print: the amount is the price.
        yield BillLine(concept, section, service, round_half_up(price))
    else:
        yield BillLine(
            concept,
            section,
            service,
            round_half_up(price * whole / months),
            quantity=Decimal(whole),
            unit="month",
            unit_price=price / months,
            price_unit="month",
        )


def _whole_months(days: DatePeriod) -> int | None:
    """How many calendar months `days` are, None when they are not whole ones."""
    if days.start.day != 1 or days.end.day != 1:
        return None
    return (days.end.year - days.start.year) * 12 + days.end.month - days.start.month


def prorated_month_line(concept: str, section: str, service: str, days: DatePeriod, monthly: Decimal) -> BillLine:
    """days × monthly price × 12 ÷ days of the year; `days` lie within one year."""
    in_year = year_days(days.start)
    return BillLine(
        concept,
        section,
        service,
        round_half_up(monthly * 12 * days.days / in_year),
        days=days.days,
        unit_price=monthly,
        price_unit="month",
        year_days=in_year,
    )
