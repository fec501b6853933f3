"""The power term: kW × days × yearly price ÷ days of the year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from services.billing.domain.bill import BillLine
from services.billing.domain.planning import HeldBill, Segment, by_year, year_days
from services.billing.domain.policy import PerPeriod, Policy
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod


def power_lines(segments: Sequence[Segment], policy: Policy) -> Iterator[BillLine]:
    """A line for each power period, span of prices and year; a change of another price does not split it.

    Raises HeldBill when the contract lacks a power that its tariff needs, or no table has a price for the tariff.
    """
    for _, group in groupby(segments, key=lambda segment: (segment.service, segment.contract.id)):
        found = [segment for segment in group if segment.product.by_power]
        for span, prices in _merged(part for segment in found for part in _prices(segment, policy)):
            yield from _lines(found[0], span, prices)


def _lines(segment: Segment, span: DatePeriod, prices: PerPeriod) -> Iterator[BillLine]:
    contract = segment.contract
    powers = dict(contract.powers)
    if set(powers) != set(prices):
        raise HeldBill(
            "NO_POWER",
            f"Contract {contract.number} has powers for {', '.join(sorted(powers)) or 'no period'} and its tariff "
            f"{contract.tariff} needs {', '.join(sorted(prices))}.",
            contract.id,
            remedy="Correct the powers or the tariff of the contract.",
        )
    for days in by_year(span):
        for period in sorted(powers):
            kilowatts = Decimal(powers[period]) / 1000
            in_year = year_days(days.start)
            yield BillLine(
                concept="power",
                section="power",
                service=segment.service,
                amount=round_half_up(kilowatts * days.days * prices[period] / in_year),
                period=period,
                quantity=kilowatts,
                unit="kw",
                days=days.days,
                unit_price=prices[period],
                price_unit="kw_year",
                year_days=in_year,
            )


def _merged(parts: Iterator[tuple[DatePeriod, PerPeriod]]) -> Iterator[tuple[DatePeriod, PerPeriod]]:
    """Adjacent days at the same prices as one span."""
    current: tuple[DatePeriod, PerPeriod] | None = None
    for days, prices in parts:
        if current is not None and current[0].end == days.start and current[1] == prices:
            current = (DatePeriod(current[0].start, days.end), prices)
            continue
        if current is not None:
            yield current
        current = (days, prices)
    if current is not None:
        yield current


def _prices(segment: Segment, policy: Policy) -> Iterator[tuple[DatePeriod, PerPeriod]]:
    if segment.product.power is not None:
        yield segment.days, segment.product.power
        return
    table = policy.regulated_power(segment.contract.tariff)
    if table is None:
        raise HeldBill(
            "NO_TARIFF",
            f"Contract {segment.contract.number} has the access tariff {segment.contract.tariff!r}, for which there are no "
            "regulated power prices.",
            segment.contract.id,
            remedy="Correct its tariff, or give it a product with power prices of its own.",
        )
    for span, row in table.spans(segment.days):
        yield span, row.value
