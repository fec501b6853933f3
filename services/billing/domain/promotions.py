"""Discounts on the energy term by month of the contract: what a product promises to everybody, and what a promotional code
that the contract names promises in its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.rows import civil_date, decimal, optional_date, text
from services.chassis.errors import Invalid

FIELDS = ("code", "from", "to", "products", "discounts", "source")


@dataclass(frozen=True)
class DiscountStep:
    """A promotional discount on the energy term, a ratio, for so many months of the contract (None: the rest)."""

    months: int | None
    ratio: Decimal


@dataclass(frozen=True)
class Promotion:
    """A code that contracts beginning from `start` to `end` (excluded; None: until further notice) may name; `products` that
    it goes with, any when there are none.
    """

    code: str
    start: date
    end: date | None
    products: frozenset[str]
    discounts: tuple[DiscountStep, ...]
    source: str

    def refusal(self, contract_start: date, product: str) -> str:
        """Why a contract cannot have it, as the end of a sentence; empty when it can."""
        if contract_start < self.start or (self.end is not None and contract_start >= self.end):
            last = f" and before {self.end}" if self.end else ""
            return f"is for contracts that begin from {self.start} on{last}, and this one began on {contract_start}"
        if self.products and product not in self.products:
            return f"goes with {', '.join(sorted(self.products))}, and this one has {product}"
        return ""


def promotions(rows: Iterable[Mapping[str, Any]], where: str, products: Iterable[str]) -> dict[str, Promotion]:
    """The [[promotion]] rows of products.toml by code; Invalid names the row and what is wrong in it."""
    known = frozenset(products)
    found: dict[str, Promotion] = {}
    for index, row in enumerate(rows, start=1):
        place = f"{where}, promotion {index}"
        one = promotion(row, place)
        if one.code in found:
            raise Invalid(f"{place}: {one.code!r} is an earlier promotion's code; give each its own.", field="code")
        if not one.products <= known:
            names = ", ".join(sorted(one.products - known))
            raise Invalid(
                f"{place}: {names} is no product of the price book; it has {', '.join(sorted(known))}.",
                field="products",
            )
        found[one.code] = one
    return found


def promotion(row: Mapping[str, Any], place: str) -> Promotion:
    for name in sorted(set(row) - set(FIELDS)):
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "take it out."
        raise Invalid(f"{place}: {name} is not a known field; {hint}", field=name)
    start, end = civil_date(row, "from", place), optional_date(row, "to", place)
    if end is not None and end <= start:
        raise Invalid(f"{place}: it goes from {start} and ends on {end}, not after it starts.", field="to")
    products = row.get("products", [])
    if not isinstance(products, list) or not all(isinstance(each, str) for each in products):
        raise Invalid(f"{place}: products = {products!r} must be a list of codes.", field="products")
    steps = discount_steps(row, place)
    if not steps:
        raise Invalid(
            f'{place}: discounts are missing; give such as [{{ months = 6, percent = "10" }}].', field="discounts"
        )
    source = text(row, "source", place) if "source" in row else "price book"
    return Promotion(text(row, "code", place), start, end, frozenset(products), steps, source)


def discount_steps(row: Mapping[str, Any], place: str) -> tuple[DiscountStep, ...]:
    """Percentages in the order of the contract's months, only the last without `months`; after the last, no discount."""
    steps: list[DiscountStep] = []
    for item in row.get("discounts", []):
        if steps and steps[-1].months is None:
            raise Invalid(f"{place}: only the last of the discounts may lack months.", field="discounts")
        unknown = set(item) - {"months", "percent"}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise Invalid(f"{place}: a discount has {names}; it may have months and percent.", field="discounts")
        months = item.get("months")
        if months is not None and (isinstance(months, bool) or not isinstance(months, int) or months < 1):
            raise Invalid(f"{place}: months = {months!r} must be a whole number of months.", field="discounts")
        ratio = decimal(item, "percent", place) / 100
        if not 0 <= ratio <= 1:
            raise Invalid(f"{place}: a discount of {item['percent']} % is not between 0 and 100.", field="discounts")
        steps.append(DiscountStep(months, ratio))
    return tuple(steps)
