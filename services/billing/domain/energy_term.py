"""The energy term: what was consumed in each tariff period, block or hour, at its price; and the monthly fee."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine, Energy, PeriodEnergy
from services.billing.domain.block_term import energy_blocks, flat_lines, water_lines
from services.billing.domain.charges import prorated_month_line
from services.billing.domain.planning import HeldBill, Segment, by_year
from services.billing.domain.policy import PerPeriod, Policy
from services.billing.domain.products import energy_price
from services.chassis.money import round_half_up


def energy_lines(segment: Segment, energy: Energy | None, policy: Policy) -> Iterator[BillLine]:
    """The lines of one segment. Raises HeldBill when energy or a price is missing, Refused when a table ends before it."""
    product = segment.product
    if product.kind == "flat":
        yield from flat_lines(segment)
        return
    if segment.by_register:
        yield from water_lines(segment, energy.closes if energy else ())
        return
    if energy is None:
        raise HeldBill("NO_READINGS", f"Contract {segment.contract.number} is metered and no energy was given.")
    if product.kind == "blocks":
        yield from energy_blocks(segment, energy.import_wh)
    elif product.kind == "indexed":
        yield from _indexed_lines(segment, energy, policy)
    else:
        yield from _period_lines(segment, energy, _prices(segment, policy))


def _prices(segment: Segment, policy: Policy) -> PerPeriod:
    if segment.product.energy is not None:
        return segment.product.energy
    contract = segment.contract
    table = policy.regulated_energy(contract.tariff)
    if table is None:
        raise HeldBill(
            "NO_TARIFF",
            f"Contract {contract.number} has the access tariff {contract.tariff!r}, for which there are no regulated "
            "energy prices.",
            contract.id,
            remedy="Correct its tariff, or give it a product with energy prices of its own.",
        )
    # Where the regulated price changes, the plan cuts: the first day's price is that of all days.
    return table.at(segment.days.start)


def _period_lines(segment: Segment, energy: Energy, prices: PerPeriod) -> Iterator[BillLine]:
    for period in sorted({*energy.by_period, *prices}):
        wh = energy.by_period.get(period, PeriodEnergy()).import_wh
        unit_price = energy_price(prices, period)
        if unit_price is None:
            raise HeldBill(
                "NO_PRICE",
                f"Product {segment.product.code!r} has no energy price for {period}, where contract "
                f"{segment.contract.number} consumed {wh} Wh.",
                segment.contract.id,
                remedy="Give the contract a product of its tariff, or the product a price for that period in the price book.",
            )
        yield _energy_line(segment, period, wh, unit_price)


def _energy_line(segment: Segment, period: str, wh: int, unit_price: Decimal) -> BillLine:
    kwh = Decimal(wh) / 1000
    return BillLine(
        concept="energy",
        section="energy",
        service=segment.service,
        amount=round_half_up(kwh * unit_price),
        period=period,
        quantity=kwh,
        unit="kwh",
        unit_price=unit_price,
        price_unit="kwh",
    )


def _indexed_lines(segment: Segment, energy: Energy, policy: Policy) -> Iterator[BillLine]:
    """Each hour at its own price of six decimals, summed unrounded and rounded once for each tariff period.

    The line has no unit price: it would be a mean, whose multiplication does not give the amount.
    """
    # Loads numpy, which no other bill needs: a quote of a fixed price starts without it.
    from services.billing.domain.priced_hours import PRICE_PLACES, PricedHours

    contract, product = segment.contract, segment.product
    if energy.unpriced:
        count, first = len(energy.unpriced), min(hour.start for hour in energy.unpriced)
        raise HeldBill(
            "NO_MARKET_PRICE",
            f"Contract {contract.number} is priced by the hour, and {count} of its hours have no market price, the first "
            f"that which starts at {first.isoformat(timespec='minutes')}; upload the prices with 'coopctl tariff market "
            "upload' and run the month again.",
            contract.id,
        )
    hours = PricedHours.of(energy.hours)
    if hours.total_wh != energy.import_wh:
        raise HeldBill(
            "NO_HOURS",
            f"Contract {contract.number} is priced by the hour, and its hours with a market price hold "
            f"{hours.total_wh} of {energy.import_wh} Wh; give every hour its price.",
            contract.id,
        )

    def hour_price(day: date, period: str, market_price: Decimal) -> Decimal:
        price = policy.hour_price(contract.tariff, day, period, market_price + product.adjustment)
        return round_half_up(price, PRICE_PLACES)

    terms = (policy, contract.tariff, product.adjustment)
    totals = {**dict.fromkeys(energy.by_period, ZERO), **hours.amounts(terms, hour_price)}
    for period in sorted(totals):
        yield BillLine(
            concept="energy",
            section="energy",
            service=segment.service,
            amount=round_half_up(totals[period]),
            period=period,
            quantity=Decimal(energy.by_period.get(period, PeriodEnergy()).import_wh) / 1000,
            unit="kwh",
        )


def management_fee_lines(segment: Segment) -> Iterator[BillLine]:
    """The monthly fee of an indexed product, always by days: 3.90 × 12 × 31 ÷ 365."""
    if segment.product.management_fee is not None:
        for days in by_year(segment.days):
            fee = segment.product.management_fee
            yield prorated_month_line("management_fee", "energy", segment.service, days, fee)
