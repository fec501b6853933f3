"""The energy term: what was consumed in each tariff period, block or hour, at its price; and charges by the month."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine, Energy, PeriodEnergy
from services.billing.domain.planning import HeldBill, Segment, by_year, year_days
from services.billing.domain.policy import PerPeriod, Policy
from services.billing.domain.products import energy_price
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod


def energy_lines(segment: Segment, energy: Energy | None, policy: Policy) -> Iterator[BillLine]:
    """The lines of one segment. Raises HeldBill when energy or a price is missing, Refused when a table ends before it."""
    product = segment.product
    if product.kind == "flat":
        assert product.monthly is not None
        concept, section = ("water_fixed", "water") if segment.service == "water" else ("fixed_charge", "energy")
        yield from _monthly_lines(segment, concept, section, product.monthly)
        return
    if energy is None:
        raise HeldBill("NO_READINGS", f"Contract {segment.contract.number} is metered and no energy was given.")
    if product.kind == "blocks":
        if product.fixed_charge is not None:
            yield from _monthly_lines(segment, "fixed_charge", "energy", product.fixed_charge)
        yield from _block_lines(segment, energy)
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
    contract, product = segment.contract, segment.product
    if sum(hour.import_wh for hour in energy.hours) != energy.import_wh:
        raise HeldBill(
            "NO_HOURS",
            f"Contract {contract.number} is priced by the hour, and its hours with a market price hold "
            f"{sum(hour.import_wh for hour in energy.hours)} of {energy.import_wh} Wh; give every hour its price.",
            contract.id,
        )
    totals: dict[str, Decimal] = dict.fromkeys(energy.by_period, ZERO)
    for hour in energy.hours:
        price = policy.hour_price(contract.tariff, hour.day, hour.period, hour.market_price + product.adjustment)
        totals[hour.period] = totals.get(hour.period, ZERO) + Decimal(hour.import_wh) / 1000 * round_half_up(price, 6)
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


def _block_lines(segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """Steps of consumption, each at its own price (marginal). A part of a month has that part of each step."""
    left, floor = energy.import_wh, 0
    for block in segment.product.blocks:
        if block.up_to_wh is None:
            ceiling, label = None, f"> {floor // 1000}"
        else:
            ceiling, label = block.up_to_wh, f"{floor // 1000}–{block.up_to_wh // 1000}"
        width = left if ceiling is None else _share_of_month(ceiling - floor, segment.days)
        wh = min(left, width)
        if wh or floor == 0:
            yield _energy_line(segment, label, wh, block.price)
        left -= wh
        floor = ceiling or floor


def _share_of_month(wh: int, days: DatePeriod) -> int:
    month = DatePeriod.month(days.start.strftime("%Y-%m"))
    return int(round_half_up(Decimal(wh) * days.days / month.days, 0))


def _monthly_lines(segment: Segment, concept: str, section: str, monthly: Decimal) -> Iterator[BillLine]:
    """A monthly charge: whole for a whole month, × 12 × days ÷ days of the year for a part."""
    month = DatePeriod.month(segment.days.start.strftime("%Y-%m"))
    if segment.days == month:
        yield BillLine(
            concept,
            section,
            segment.service,
            round_half_up(monthly),
            unit_price=monthly,
            price_unit="month",
        )
        return
    yield prorated_month_line(concept, section, segment.service, segment.days, monthly)


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
