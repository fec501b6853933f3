"""What one bill has besides what contracts, prices and meters say: amounts stated by hand, and discounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

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
    "invitation",
    "surplus",
    "management_fee",
    "social_bonus_financing",
    "meter_rental",
    "connection_fee",
    "other_service",
)


#: Of a kWh.
WH = Decimal("0.001")


@dataclass(frozen=True)
class StatedLine:
    """An amount that replaces whatever the tables would give for its concept, one of STATABLE."""

    concept: str
    amount: Decimal
    label: str = ""


@dataclass(frozen=True)
class Discount:
    """A discount on the energy term, one of: a `ratio` of it (0.20), an `amount`, or up to `wh` of the energy at the bill's
    mean energy price. `concept`: "discount", or "invitation" for what the holder is owed by an invitation code.
    """

    ratio: Decimal | None = None
    wh: int | None = None
    amount: Decimal | None = None
    label: str = ""
    concept: str = "discount"


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


@dataclass(frozen=True)
class _Wanted:
    """A discount before it is capped; `kwh` at `price` where it is energy."""

    amount: Decimal
    concept: str = "discount"
    label: str = ""
    kwh: Decimal | None = None
    price: Decimal | None = None

    def line(self, service: str, left: Decimal) -> BillLine | None:
        """What is granted of it when no more than `left` remains of the energy term; None for nothing."""
        granted = min(self.amount, left)
        if not granted:
            return None
        kwh, price = self.kwh, self.price
        if kwh is not None and price is not None:
            if granted < self.amount:
                # Whole Wh that what is left pays for: the rest of the kWh is not used up.
                kwh = (left / price).quantize(WH, ROUND_DOWN)
            if round_half_up(kwh * price) != granted:
                # Printing the price would print a wrong multiplication.
                price = None
        return BillLine(
            concept=self.concept,
            section="discount",
            service=service,
            amount=-granted,
            quantity=kwh,
            unit="" if kwh is None else "kwh",
            unit_price=None if price is None else -price,
            price_unit="" if price is None else "kwh",
            label=self.label,
        )


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
        shares = ((ratio, base) for (of, ratio), base in by_ratio.items() if of == service and base > 0)
        wanted = [_Wanted(round_half_up(ratio * base)) for ratio, base in shares]
        if service == "electricity":
            wanted += [found for each in discounts if (found := _of_bill(each, term, lines)) is not None]
        for each in wanted:
            line = each.line(service, left)
            if line is not None:
                left += line.amount
                yield line


def _of_bill(discount: Discount, term: Decimal, lines: Sequence[BillLine]) -> _Wanted | None:
    """None for kWh of a bill that has no energy to take a mean price from."""
    if discount.ratio is not None:
        return _Wanted(round_half_up(term * discount.ratio), discount.concept, discount.label)
    if discount.amount is not None:
        return _Wanted(round_half_up(discount.amount), discount.concept, discount.label)
    assert discount.wh is not None
    consumed = sum((line.quantity for line in lines if line.concept == "energy" and line.quantity), ZERO)
    if consumed <= 0 or not term:
        return None
    mean = round_half_up(term / consumed, 6)
    kwh = min(Decimal(discount.wh) / 1000, consumed)
    return _Wanted(round_half_up(kwh * mean), discount.concept, discount.label, kwh, mean)


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
