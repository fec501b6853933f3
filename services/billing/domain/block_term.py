"""The terms of products in blocks: electricity from its curve, water from the readings of its register, and sewage.

Electricity was measured in each span of prices. What a register counted is known only between two of its readings: it is
billed on the bill in which the last of them lies, over the days between them, at the prices of those days.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from services.billing.domain.bill import ZERO, BillLine, Energy
from services.billing.domain.blocks import category, share_of_months, steps
from services.billing.domain.charged import Measured
from services.billing.domain.charges import charge_lines
from services.billing.domain.closes import Close, used_within
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.products import Product
from services.billing.domain.taxes import percent
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod


def energy_blocks(segment: Segment, wh: int) -> Iterator[BillLine]:
    """The fixed charge and the blocks of `wh` consumed on the segment's days."""
    yield from _fixed_charge(segment, "fixed_charge", "energy")
    yield from _consumption(segment, segment.product, wh, [segment.days], ("energy", "energy", "fixed_charge", "kwh"))


def water_lines(segment: Segment, closes: Sequence[Close]) -> Iterator[BillLine]:
    """Drinking water by its meter: the charge of the segment's days, what the register counted, and sewage.

    Raises HeldBill when readings are not of water, or reach back before the contract.
    """
    _check(segment, closes)
    lines = [*_fixed_charge(segment, "water_fixed", "water"), *_metered(segment, closes)]
    yield from lines
    yield from _sewage_lines(segment, lines, sum(close.used for close in closes))


def check_registers(measured: Measured) -> None:
    """Raises HeldBill when a register that is read every month was not: over all the days of a contract, whatever its prices
    did meanwhile.
    """
    found: dict[tuple[str, str], list[tuple[Segment, Energy | None]]] = {}
    for segment, energy in measured:
        if segment.by_register:
            found.setdefault((segment.service_id, segment.contract.id), []).append((segment, energy))
    for each in found.values():
        (first, _), (last, _) = each[0], each[-1]
        if last.product.months == 1 and not any(energy and energy.closes for _, energy in each):
            raise HeldBill(
                "NO_READINGS",
                f"The water meter of contract {last.contract.number} has no two readings of which the last lies between "
                f"{first.days.start} and {last.days.end}; import its reading and run the month again.",
                last.contract.id,
            )


def flat_lines(segment: Segment) -> Iterator[BillLine]:
    """A charge by the month for what no meter counts, and sewage where it is water."""
    monthly = segment.product.monthly
    assert monthly is not None
    concept, section = ("water_fixed", "water") if segment.service == "water" else ("fixed_charge", "energy")
    lines = list(charge_lines(concept, section, segment.service, segment.days, monthly))
    yield from lines
    yield from _sewage_lines(segment, lines, 0)


def _fixed_charge(segment: Segment, concept: str, section: str) -> Iterator[BillLine]:
    product = segment.product
    if product.fixed_charge is not None:
        yield from charge_lines(concept, section, segment.service, segment.days, product.fixed_charge, product.months)


def _metered(segment: Segment, closes: Sequence[Close]) -> Iterator[BillLine]:
    """The closes' litres at the prices of their own days, which may lie before the segment's."""
    if not closes:
        return
    prices = segment.prices
    assert prices is not None
    reach = DatePeriod(min(close.period.start for close in closes), max(close.period.end for close in closes))
    try:
        rows = [(span, row.value) for span, row in prices.spans(reach)]
    except Refused as refused:
        raise HeldBill("NO_PRICE", refused.message, segment.contract.id) from refused
    for (span, product), used in zip(rows, used_within(closes, [span for span, _ in rows]), strict=True):
        parts = [part for close in closes if (part := span.intersection(close.period))]
        if parts:
            yield from _consumption(segment, product, used, parts, ("water", "water", "water_fixed", "m3"))


def _consumption(
    segment: Segment, product: Product, used: int, days: Sequence[DatePeriod], printed: tuple[str, str, str, str]
) -> Iterator[BillLine]:
    """`used` thousandths over `days` in blocks; with categories also the charge of the one that is reached.

    `printed` names the consumption's concept and section, the charge's concept, and the unit.
    """
    concept, section, charge_concept, unit = printed
    share = sum((share_of_months(part, product.months) for part in days), start=Fraction(0))
    if product.algorithm == "category":
        charge = product.blocks[category(used, product.blocks, share)].fixed_charge
        if charge is not None:
            for part in days:
                yield from charge_lines(charge_concept, section, segment.service, part, charge, product.months)
    for step in steps(used, product.blocks, product.algorithm, share):
        yield BillLine(
            concept=concept,
            section=section,
            service=segment.service,
            amount=step.amount,
            period=step.label,
            quantity=Decimal(step.used) / 1000,
            unit=unit,
            unit_price=step.price,
            price_unit=unit,
        )


def _sewage_lines(segment: Segment, water: Sequence[BillLine], litres: int) -> Iterator[BillLine]:
    """Sewage as a share of the water: of what it costs, or of its m³ at a price of their own."""
    sewage = segment.product.sewage
    if sewage is None:
        return
    if sewage.price is None:
        amount = round_half_up(sum((each.amount for each in water), ZERO) * sewage.share)
        yield BillLine("sewage", "water", segment.service, amount, period=f"{percent(sewage.share)} %")
    elif litres:
        cubic_metres = round_half_up(Decimal(litres) / 1000 * sewage.share, 3)
        yield BillLine(
            "sewage",
            "water",
            segment.service,
            round_half_up(cubic_metres * sewage.price),
            quantity=cubic_metres,
            unit="m3",
            unit_price=sewage.price,
            price_unit="m3",
        )


def _check(segment: Segment, closes: Sequence[Close]) -> None:
    contract = segment.contract
    for close in closes:
        if close.unit != "litre" or close.used < 0:
            raise HeldBill(
                "WRONG_READINGS",
                f"Meter {close.meter} of contract {contract.number} counted {close.used} {close.unit} from "
                f"{close.period.start} to {close.period.end}; water is counted in litres and never backwards: correct the "
                "readings.",
                contract.id,
            )
        if close.period.start < contract.start:
            raise HeldBill(
                "READINGS_BEFORE_CONTRACT",
                f"Meter {close.meter} was last read on {close.period.start}, before contract {contract.number} began on "
                f"{contract.start}; enter the reading of that day, so that each holder pays their own.",
                contract.id,
            )
