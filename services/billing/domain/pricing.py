"""Pricing a supply's month: from contracts, prices and measured energy to lines, taxes and a total.

A pure function of its arguments: pricing the same facts again gives the same bill to the cent.
Power is split by days where a price or the year changes; energy is what metering measured in each span of prices
(RD 88/2026 art. 44.1: the hourly consumption that really fell in each span). Each line is rounded half-up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from services.billing.domain.bill import ZERO, Bill, BillLine, BillTax, Energy, PeriodEnergy
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import HeldBill, Segment, by_year, year_days
from services.billing.domain.taxes import percent
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

PerPeriod = Mapping[str, Decimal]


@dataclass(frozen=True)
class TaxFacts:
    """What decides a tax besides the lines: when it accrues, who buys, and how much was consumed."""

    accrual_date: date
    segments: tuple[Segment, ...]
    import_wh: int  # electricity


class Policy(Protocol):
    """The country's rules: regulated prices, regulated lines and taxes, read from dated tables."""

    def regulated_power(self, tariff: str) -> DatedTable[PerPeriod] | None:
        """€/kW and year by power period of an access tariff; None when the tables do not know the tariff."""
        ...

    def regulated_lines(self, segments: Sequence[Segment]) -> Iterator[BillLine]: ...

    def taxed(self, lines: Sequence[BillLine], facts: TaxFacts) -> tuple[list[BillLine], list[BillTax]]:
        """The lines, each naming the taxes on it, and those taxes."""
        ...

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        """Official references of the regulated prices applied."""
        ...

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        """How much of a line's amount goes to networks and to the system's charges; zero where prices contain neither."""
        ...


def price(
    supply_id: str,
    period: DatePeriod,
    segments: Sequence[Segment],
    energies: Sequence[Energy | None],
    policy: Policy,
    accrual_date: date,
) -> Bill:
    """Price `segments`, with the energy of each (None where nothing is measured), for taxes accruing on `accrual_date`.

    Raises HeldBill when a price, a power or a regulated row is missing.
    """
    measured = list(zip(segments, energies, strict=True))
    lines: list[BillLine] = []
    try:
        for segment in segments:
            lines.extend(_power_lines(segment, policy))
        for segment, energy in measured:
            lines.extend(_energy_lines(segment, energy))
        lines.extend(_surplus_lines(measured, lines))
        lines.extend(policy.regulated_lines(segments))
        totals = _energy_by_service(measured)
        import_wh = totals["electricity"].import_wh if "electricity" in totals else 0
        taxed, taxes = policy.taxed(lines, TaxFacts(accrual_date, tuple(segments), import_wh))
        references = policy.references(segments)
    except Refused as refused:
        raise HeldBill(refused.reason, refused.message, segments[0].contract.id if segments else "") from refused
    return Bill(supply_id, period, accrual_date, tuple(taxed), tuple(taxes), totals, references)


def _power_lines(segment: Segment, policy: Policy) -> Iterator[BillLine]:
    """kW × days × yearly price ÷ days of that year, for each power period and span of prices."""
    if segment.product.kind != "fixed":
        return
    contract = segment.contract
    for span, prices in _power_prices(segment, policy):
        powers = dict(contract.powers)
        if set(powers) != set(prices):
            raise HeldBill(
                "NO_POWER",
                f"Contract {contract.number} has powers for {', '.join(sorted(powers)) or 'no period'} and its tariff "
                f"{contract.tariff} needs {', '.join(sorted(prices))}.",
                contract.id,
            )
        for days in by_year(span):
            for period in sorted(powers):
                kilowatts = Decimal(powers[period]) / 1000
                in_year = year_days(days.start)
                amount = round_half_up(kilowatts * days.days * prices[period] / in_year)
                yield BillLine(
                    concept="power",
                    section="power",
                    service=segment.service,
                    amount=amount,
                    period=period,
                    quantity=kilowatts,
                    unit="kw",
                    days=days.days,
                    unit_price=prices[period],
                    price_unit="kw_year",
                    year_days=in_year,
                )


def _power_prices(segment: Segment, policy: Policy) -> Iterator[tuple[DatePeriod, PerPeriod]]:
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
        )
    for span, row in table.spans(segment.days):
        yield span, row.value


def _energy_lines(segment: Segment, energy: Energy | None) -> Iterator[BillLine]:
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
        return
    for period in sorted({*energy.by_period, *product.energy}):
        wh = energy.by_period.get(period, PeriodEnergy()).import_wh
        unit_price = product.energy_price(period)
        if unit_price is None:
            raise HeldBill(
                "NO_PRICE",
                f"Product {product.code!r} has no energy price for {period}, where contract {segment.contract.number} "
                f"consumed {wh} Wh.",
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


def _surplus_lines(measured: Sequence[tuple[Segment, Energy | None]], lines: Sequence[BillLine]) -> Iterator[BillLine]:
    """Energy fed in at the agreed price, never more than the energy taken (RD 244/2019 art. 14: energy term >= 0)."""
    cap = sum((line.amount for line in lines if line.concept == "energy"), ZERO)
    for segment, energy in measured:
        rate = segment.product.surplus_price
        if rate is None or energy is None or not energy.export_wh:
            continue
        kwh = Decimal(energy.export_wh) / 1000
        value = round_half_up(kwh * rate)
        granted = min(value, cap)
        cap -= granted
        capped = granted < value
        yield BillLine(
            concept="surplus",
            section="surplus",
            service=segment.service,
            amount=-granted,
            quantity=kwh,
            unit="kwh",
            # A capped compensation is not quantity × price: printing the price would print a wrong multiplication.
            unit_price=None if capped else -rate,
            price_unit="" if capped else "kwh",
        )


def _energy_by_service(measured: Sequence[tuple[Segment, Energy | None]]) -> dict[str, Energy]:
    totals: dict[str, Energy] = {}
    for segment, energy in measured:
        if energy is not None:
            totals[segment.service] = totals[segment.service] + energy if segment.service in totals else energy
    return totals


def check_hours(segment: Segment, energy: Energy, min_ratio: Decimal) -> None:
    """Hold a bill with less than `min_ratio` (0 to 1) of its hours measured or estimated, or with none at all."""
    present = energy.hours_measured + energy.hours_estimated
    if present == 0:
        raise HeldBill(
            "NO_READINGS",
            f"There is no reading of {segment.days.start} to {segment.days.end} (excluded) for contract "
            f"{segment.contract.number}; import them and run the month again.",
            segment.contract.id,
        )
    if present < min_ratio * energy.hours_expected:
        raise HeldBill(
            "MISSING_READINGS",
            f"{energy.hours_missing} of {energy.hours_expected} hours are missing for contract "
            f"{segment.contract.number}, and at least {percent(min_ratio)} % must be there; import them and run the month "
            "again.",
            segment.contract.id,
        )
