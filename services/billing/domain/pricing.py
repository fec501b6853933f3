"""Pricing a supply's month: from contracts, prices and measured energy to lines, taxes and a total.

A pure function of its arguments: pricing the same facts again gives the same bill to the cent.
Power is split by days where a price or the year changes; energy is what metering measured in each span of prices
(RD 88/2026 art. 44.1: the hourly consumption that really fell in each span). Each line is rounded half-up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import groupby

from services.billing.domain.adjustments import BillTerms, discount_lines, with_stated
from services.billing.domain.bill import ZERO, Bill, BillLine, Energy
from services.billing.domain.block_term import check_registers
from services.billing.domain.charged import Measured, charged_services
from services.billing.domain.concepts import NO_CONCEPTS, Concepts
from services.billing.domain.energy_term import energy_lines, management_fee_lines
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.policy import Policy, TaxFacts
from services.billing.domain.power import power_lines
from services.billing.domain.taxes import percent
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

AS_THE_TABLES_SAY = BillTerms()
#: What the energy costs after discounts.
ENERGY_TERM = ("energy", "discount", "invitation")


def price(
    supply_id: str,
    period: DatePeriod,
    segments: Sequence[Segment],
    energies: Sequence[Energy | None],
    policy: Policy,
    accrual_date: date,
    terms: BillTerms = AS_THE_TABLES_SAY,
    concepts: Concepts = NO_CONCEPTS,
) -> Bill:
    """Price `segments`, with the energy of each (None where nothing is measured), for taxes accruing on `accrual_date`.

    Of the cooperative's `concepts` the own ones are in it; foreign_bill (domain/foreign.py) has the others.
    Raises HeldBill when a price, a power or a regulated row is missing.
    """
    measured = list(zip(segments, energies, strict=True))
    stated = terms.stated_concepts
    try:
        lines = list(power_lines(segments, policy))
        check_registers(measured)
        priced = [(segment, list(energy_lines(segment, energy, policy))) for segment, energy in measured]
        lines.extend(line for _, found in priced for line in found)
        for segment, energy in _by_contract(measured):
            lines.extend(policy.demand_lines(segment, energy, stated))
        lines.extend(discount_lines(priced, terms.discounts))
        lines.extend(_surplus_lines(measured, lines))
        if "management_fee" not in stated:
            lines.extend(line for segment in segments for line in management_fee_lines(segment))
        lines.extend(policy.regulated_lines(segments, stated))
        decided = list(concepts.lines(charged_services(measured, lines), foreign=False)) if concepts else []
        lines.extend(each.line for each in decided)
        totals = _energy_by_service(measured)
        import_wh = totals["electricity"].import_wh if "electricity" in totals else 0
        by_code = {each.concept.code: each.concept for each in decided}
        facts = TaxFacts(accrual_date, tuple(segments), import_wh, terms.zone, terms.market_price, by_code)
        taxed, taxes = policy.taxed(with_stated(lines, terms.stated), facts)
        references = dict.fromkeys([*policy.references(segments), *(each.concept.source for each in decided)])
    except Refused as refused:
        raise HeldBill(refused.reason, refused.message, segments[0].contract.id if segments else "") from refused
    return Bill(supply_id, period, accrual_date, tuple(taxed), tuple(taxes), totals, tuple(references))


def _by_contract(measured: Measured) -> Iterator[tuple[Segment, Energy]]:
    """The measured days of each contract as one: a maximeter is read once for all of them, whatever prices do."""
    for _, group in groupby(measured, key=lambda each: (each[0].service, each[0].contract.id)):
        found = [(segment, energy) for segment, energy in group if energy is not None]
        if found:
            (first, energy), rest = found[0], found[1:]
            for _, more in rest:
                energy = energy + more
            yield replace(first, days=DatePeriod(first.days.start, found[-1][0].days.end)), energy


def _surplus_lines(measured: Measured, lines: Sequence[BillLine]) -> Iterator[BillLine]:
    """Energy fed in at the agreed price, never more than the energy taken, after discounts (RD 244/2019 art. 14: energy
    term >= 0).
    """
    cap = max(sum((line.amount for line in lines if line.concept in ENERGY_TERM), ZERO), ZERO)
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


def _energy_by_service(measured: Measured) -> dict[str, Energy]:
    totals: dict[str, Energy] = {}
    for segment, energy in measured:
        if energy is not None:
            # A register has no hours and no Wh by period, whatever was answered for its days.
            known = Energy(closes=energy.closes) if segment.by_register else energy
            totals[segment.service] = totals[segment.service] + known if segment.service in totals else known
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
