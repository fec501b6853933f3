"""What one bill has besides what contracts, prices and meters say: amounts stated by hand, and discounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine
from services.billing.domain.planning import Segment
from services.chassis.money import round_half_up

#: Concepts whose amount may be stated, and the section each is printed in.
STATABLE: Mapping[str, str] = {
    "excess_power": "excess",
    "reactive": "excess",
    "management_fee": "energy",
    "social_bonus_financing": "regulated",
    "meter_rental": "regulated",
    "connection_fee": "service",
    "other_service": "service",
}
#: The order in which an electricity bill prints its concepts.
ORDER = (
    "power",
    "energy",
    "fixed_charge",
    "excess_power",
    "reactive",
    "discount",
    "surplus",
    "management_fee",
    "social_bonus_financing",
    "meter_rental",
    "connection_fee",
    "other_service",
)


@dataclass(frozen=True)
class StatedLine:
    """An amount that replaces whatever the tables would give for its concept, one of STATABLE."""

    concept: str
    amount: Decimal
    label: str = ""


@dataclass(frozen=True)
class Discount:
    """A discount on the energy term, one of: a `ratio` of it (0.20), an `amount`, or `wh` at the bill's mean energy price."""

    ratio: Decimal | None = None
    wh: int | None = None
    amount: Decimal | None = None
    label: str = ""


@dataclass(frozen=True)
class BillTerms:
    """Facts of one bill. `market_price` is the mean daily-market price of the month before, EUR/MWh, where a tax asks."""

    zone: str = ""
    market_price: Decimal | None = None
    stated: tuple[StatedLine, ...] = ()
    discounts: tuple[Discount, ...] = ()

    @property
    def stated_concepts(self) -> frozenset[str]:
        return frozenset(line.concept for line in self.stated)


#: Amount, kWh, price per kWh and label of a discount before it is capped.
Wanted = tuple[Decimal, Decimal | None, Decimal | None, str]


def discount_lines(
    priced: Sequence[tuple[Segment, Sequence[BillLine]]], discounts: Sequence[Discount]
) -> Iterator[BillLine]:
    """Discounts of the products and of the bill, before taxes and on the energy term only, which never falls below zero.

    `priced` are the segments, each with the lines of its energy term.
    """
    by_ratio: dict[tuple[str, Decimal], Decimal] = {}
    for segment, lines in priced:
        ratio = segment.discount
        if ratio:
            key = (segment.service, ratio)
            by_ratio[key] = by_ratio.get(key, ZERO) + _energy(lines)
    services = list(dict.fromkeys(segment.service for segment, _ in priced))
    for service in services:
        lines = [line for segment, found in priced for line in found if segment.service == service]
        # Below zero where the market paid for consuming: then there is nothing to take a discount from.
        term = left = max(_energy(lines), ZERO)
        wanted: list[Wanted] = [
            (round_half_up(ratio * base), None, None, "") for (of, ratio), base in by_ratio.items() if of == service
        ]
        if service == "electricity":
            wanted += [found for each in discounts if (found := _of_bill(each, term, lines)) is not None]
        for amount, kwh, unit_price, label in wanted:
            granted = min(amount, left)
            left -= granted
            if not granted:
                continue
            capped = granted < amount
            yield BillLine(
                concept="discount",
                section="discount",
                service=service,
                amount=-granted,
                quantity=kwh,
                unit="" if kwh is None else "kwh",
                # A capped discount is not quantity × price.
                unit_price=None if capped or unit_price is None else -unit_price,
                price_unit="" if capped or unit_price is None else "kwh",
                label=label,
            )


def _of_bill(discount: Discount, term: Decimal, lines: Sequence[BillLine]) -> Wanted | None:
    """None for kWh of a bill that has no energy to take a mean price from."""
    if discount.ratio is not None:
        return round_half_up(term * discount.ratio), None, None, discount.label
    if discount.amount is not None:
        return round_half_up(discount.amount), None, None, discount.label
    assert discount.wh is not None
    consumed = sum((line.quantity for line in lines if line.concept == "energy" and line.quantity), ZERO)
    if not consumed:
        return None
    mean = round_half_up(term / consumed, 6)
    kwh = Decimal(discount.wh) / 1000
    return round_half_up(kwh * mean), kwh, mean, discount.label


def _energy(lines: Sequence[BillLine]) -> Decimal:
    return sum((line.amount for line in lines if line.concept == "energy"), ZERO)


def with_stated(lines: Sequence[BillLine], stated: Sequence[StatedLine]) -> list[BillLine]:
    """The lines with the stated ones in their places."""
    if not stated:
        return list(lines)
    made = [
        BillLine(each.concept, STATABLE[each.concept], "electricity", round_half_up(each.amount), label=each.label)
        for each in stated
    ]
    return sorted([*lines, *made], key=lambda line: ORDER.index(line.concept) if line.concept in ORDER else len(ORDER))
