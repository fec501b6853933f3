"""The cooperative's price book: products sold, each with prices that change on dates.

Kinds: `fixed` (energy and power each at an agreed or at the regulated price of the tariff period), `indexed` (each hour
at its market price plus the regulated one, and a monthly fee; power as in `fixed`), `blocks` (a monthly fixed charge and
steps of consumption, each step at its own price), `flat` (a monthly charge, no meter).
Prices are `Decimal` per kWh, per kW and year, or per month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import civil_date, decimal, decimals, optional_date, text
from services.chassis.errors import Invalid

ProductKind = Literal["fixed", "indexed", "blocks", "flat"]
KINDS: tuple[ProductKind, ...] = ("fixed", "indexed", "blocks", "flat")
REGULATED = "regulated"


@dataclass(frozen=True)
class Block:
    """A step of consumption up to `up_to_wh` a month (None: the rest) at `price` per kWh."""

    up_to_wh: int | None
    price: Decimal


@dataclass(frozen=True)
class DiscountStep:
    """A promotional discount on the energy term, a ratio, for so many months of the contract (None: the rest)."""

    months: int | None
    ratio: Decimal


@dataclass(frozen=True)
class Product:
    code: str
    kind: ProductKind
    service: str
    name: str
    energy: Mapping[str, Decimal] | None = field(default_factory=dict)  # None: the regulated price
    power: Mapping[str, Decimal] | None = None  # None: the regulated price
    adjustment: Decimal = Decimal(0)  # indexed: added to each hour's market price, per kWh
    management_fee: Decimal | None = None  # indexed: per month
    discounts: tuple[DiscountStep, ...] = ()
    surplus_price: Decimal | None = None
    fixed_charge: Decimal | None = None
    blocks: tuple[Block, ...] = ()
    monthly: Decimal | None = None

    @property
    def metered(self) -> bool:
        return self.kind != "flat"

    @property
    def by_power(self) -> bool:
        """Whether contracted power is charged."""
        return self.kind in ("fixed", "indexed")


def energy_price(prices: Mapping[str, Decimal], period: str) -> Decimal | None:
    """Price of a tariff period; the single period P1 means one price at all hours."""
    if period in prices:
        return prices[period]
    return next(iter(prices.values())) if len(prices) == 1 else None


class PriceBook:
    def __init__(self, products: Mapping[str, DatedTable[Product]]) -> None:
        self._products = dict(products)

    def __contains__(self, code: str) -> bool:
        return code in self._products

    def codes(self) -> list[str]:
        return sorted(self._products)

    def services(self) -> frozenset[str]:
        """The services the cooperative sells."""
        return frozenset(row.value.service for table in self._products.values() for row in table.rows)

    def prices(self, code: str) -> DatedTable[Product]:
        return self._products[code]


def price_book(rows: Iterable[Mapping[str, Any]], where: str) -> PriceBook:
    """A price book from the rows of products.toml; Invalid names the row and what is wrong in it."""
    by_code: dict[str, list[Row[Product]]] = {}
    for index, row in enumerate(rows, start=1):
        place = f"{where}, product {index}"
        start: date = civil_date(row, "from", place)
        product = _product(row, place)
        source = str(row.get("source", "price book"))
        by_code.setdefault(product.code, []).append(Row(start, optional_date(row, "to", place), source, product))
    return PriceBook({code: DatedTable(f"product {code}", versions) for code, versions in by_code.items()})


def _product(row: Mapping[str, Any], place: str) -> Product:
    kind = text(row, "kind", place)
    if kind not in KINDS:
        raise Invalid(f"{place}: kind {kind!r} is not known; use one of {', '.join(KINDS)}.", field="kind")
    by_power = kind in ("fixed", "indexed")
    regulated_energy = kind == "fixed" and row.get("energy") == REGULATED
    return Product(
        code=text(row, "code", place),
        kind=kind,
        service=text(row, "service", place),
        name=text(row, "name", place),
        energy=None if regulated_energy else decimals(row, "energy", place) if kind == "fixed" else {},
        power=None if row.get("power", REGULATED) == REGULATED or not by_power else decimals(row, "power", place),
        adjustment=decimal(row, "adjustment", place) if "adjustment" in row else Decimal(0),
        management_fee=decimal(row, "management_fee", place) if "management_fee" in row else None,
        discounts=_discounts(row, place),
        surplus_price=decimal(row, "surplus_price", place) if "surplus_price" in row else None,
        fixed_charge=decimal(row, "fixed_charge", place) if "fixed_charge" in row else None,
        blocks=_blocks(row, place) if kind == "blocks" else (),
        monthly=decimal(row, "monthly", place) if kind == "flat" else None,
    )


def _discounts(row: Mapping[str, Any], place: str) -> tuple[DiscountStep, ...]:
    """Percentages in the order of the contract's months, only the last without `months`; after the last, no discount."""
    steps: list[DiscountStep] = []
    for item in row.get("discounts", []):
        if steps and steps[-1].months is None:
            raise Invalid(f"{place}: only the last of the discounts may lack months.", field="discounts")
        months = item.get("months")
        if months is not None and (isinstance(months, bool) or not isinstance(months, int) or months < 1):
            raise Invalid(f"{place}: months = {months!r} must be a whole number of months.", field="discounts")
        ratio = decimal(item, "percent", place) / 100
        if not 0 <= ratio <= 1:
            raise Invalid(f"{place}: a discount of {item['percent']} % is not between 0 and 100.", field="discounts")
        steps.append(DiscountStep(months, ratio))
    return tuple(steps)


def _blocks(row: Mapping[str, Any], place: str) -> tuple[Block, ...]:
    """Steps in rising order, only the last without `up_to_kwh`."""
    blocks: list[Block] = []
    for item in row.get("blocks", []):
        limit = decimal(item, "up_to_kwh", place) if "up_to_kwh" in item else None
        if blocks and (blocks[-1].up_to_wh is None or (limit is not None and limit * 1000 <= blocks[-1].up_to_wh)):
            raise Invalid(f"{place}: the blocks must rise and only the last may lack up_to_kwh.", field="blocks")
        blocks.append(Block(None if limit is None else int(limit * 1000), decimal(item, "price", place)))
    if not blocks or blocks[-1].up_to_wh is not None:
        raise Invalid(
            f"{place}: the last block must lack up_to_kwh, so that any consumption has a price.", field="blocks"
        )
    return tuple(blocks)
