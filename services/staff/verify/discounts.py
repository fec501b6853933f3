"""What is taken off the energy term: shares that a product promises, then the discounts of the one bill."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

from services.staff.verify.numbers import number, rounded
from services.staff.verify.services import Line

#: What the energy costs after discounts.
ENERGY_TERM = ("energy", "discount", "invitation")


def discounts(bundle: dict[str, Any], segments: list[dict[str, Any]], energy: list[list[Line]]) -> Iterator[Line]:
    """Never more than the energy term; `energy` has the lines of each segment."""
    for service in dict.fromkeys(segment["service"] for segment in segments):
        own = [(s, e) for s, e in zip(segments, energy, strict=True) if s["service"] == service]
        cost = sum((line.amount for _, found in own for line in found if line.concept == "energy"), Decimal(0))
        term = left = max(cost, Decimal(0))
        shares: dict[Decimal, Decimal] = {}
        for segment, found in own:
            ratio = number(segment.get("discount", "0"))
            if ratio:
                part = sum((line.amount for line in found if line.concept == "energy"), Decimal(0))
                shares[ratio] = shares.get(ratio, Decimal(0)) + part
        wanted: list[tuple[str, Decimal, Decimal | None, Decimal | None]] = [
            ("discount", rounded(ratio * base), None, None) for ratio, base in shares.items() if base > 0
        ]
        if service == "electricity":
            kwh = Decimal(sum(e["import_wh"] for s, _ in own for e in s["energy"].values())) / 1000
            for each in bundle["invoice"]["terms"].get("discounts", []):
                wanted.append((each.get("concept", "discount"), *_of_this_bill(each, term, kwh)))
        for concept, amount, energy_off, price in wanted:
            granted = min(amount, left)
            if energy_off is not None and price and granted < amount:  # the whole Wh that what is left pays for
                energy_off = (left / price).quantize(Decimal("0.001"), ROUND_DOWN)
            left -= granted
            if granted:
                yield Line(service, concept, "", -granted, _printable(granted, energy_off, price), energy_off)


def _printable(granted: Decimal, kwh: Decimal | None, price: Decimal | None) -> Decimal | None:
    """The price, where its multiplication gives the amount."""
    return None if kwh is None or price is None or rounded(kwh * price) != granted else -price


def _of_this_bill(
    discount: dict[str, Any], term: Decimal, kwh: Decimal
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Amount and, of energy, how much (never more than the bill has) and its price, the mean one."""
    if discount.get("ratio") is not None:
        return rounded(term * number(discount["ratio"])), None, None
    if discount.get("amount") is not None:
        return rounded(number(discount["amount"])), None, None
    if not kwh:
        return Decimal(0), None, None
    mean, free = rounded(term / kwh, 6), min(Decimal(discount["wh"]) / 1000, kwh)
    return rounded(free * mean), free, mean
