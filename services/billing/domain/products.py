"""The cooperative's price book: products sold, each with prices that change on dates.

Kinds: `fixed` (agreed energy price by tariff period, power at the regulated or an agreed price), `blocks` (a monthly fixed
charge and steps of consumption, each step at its own price), `flat` (a monthly charge, no meter).
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

ProductKind = Literal["fixed", "blocks", "flat"]
KINDS: tuple[ProductKind, ...] = ("fixed", "blocks", "flat")


@dataclass(frozen=True)
class Block:
    """A step of consumption up to `up_to_wh` a month (None: the rest) at `price` per kWh."""

    up_to_wh: int | None
    price: Decimal


@dataclass(frozen=True)
class Product:
    code: str
    kind: ProductKind
    service: str
    name: str
    energy: Mapping[str, Decimal] = field(default_factory=dict)
    power: Mapping[str, Decimal] | None = None  # None: the regulated price
    surplus_price: Decimal | None = None
    fixed_charge: Decimal | None = None
    blocks: tuple[Block, ...] = ()
    monthly: Decimal | None = None

    @property
    def metered(self) -> bool:
        return self.kind != "flat"

    def energy_price(self, period: str) -> Decimal | None:
        """Price of a tariff period; a product with the single period P1 has one price at all hours."""
        if period in self.energy:
            return self.energy[period]
        return next(iter(self.energy.values())) if len(self.energy) == 1 else None


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
    power = row.get("power", "regulated")
    return Product(
        code=text(row, "code", place),
        kind=kind,
        service=text(row, "service", place),
        name=text(row, "name", place),
        energy=decimals(row, "energy", place) if kind == "fixed" else {},
        power=None if power == "regulated" or kind != "fixed" else decimals(row, "power", place),
        surplus_price=decimal(row, "surplus_price", place) if "surplus_price" in row else None,
        fixed_charge=decimal(row, "fixed_charge", place) if "fixed_charge" in row else None,
        blocks=_blocks(row, place) if kind == "blocks" else (),
        monthly=decimal(row, "monthly", place) if kind == "flat" else None,
    )


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
