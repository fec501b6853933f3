"""The cooperative's price book: products sold, each with prices that change on dates.

Kinds: `fixed` (energy and power each at an agreed or at the regulated price of the tariff period), `indexed` (each hour
at its market price plus the regulated one, and a monthly fee; power as in `fixed`), `blocks` (a fixed charge and blocks of
consumption, marginal or by category), `flat` (a monthly charge, no meter).
Prices are `Decimal` per kWh or m³, per kW and year, or per month; charge and blocks may hold for several months.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from services.billing.domain.blocks import ALGORITHMS, Algorithm, Block
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.promotions import DiscountStep, Promotion, discount_steps, promotions
from services.billing.domain.rows import civil_date, decimal, decimals, optional_date, text
from services.chassis.errors import Invalid

ProductKind = Literal["fixed", "indexed", "blocks", "flat"]
KINDS: tuple[ProductKind, ...] = ("fixed", "indexed", "blocks", "flat")
REGULATED = "regulated"
#: How a price book writes the upper limit of a block, by service: both are thousands of what is counted (Wh, litres).
LIMITS = {"electricity": "up_to_kwh", "water": "up_to_m3"}
LONGEST_MONTHS = 12
COMMON_FIELDS = ("code", "kind", "service", "name", "from", "to", "source")
#: What a row of each kind may say besides: a field that nobody reads is a price that nobody charges.
KIND_FIELDS: Mapping[str, tuple[str, ...]] = {
    "fixed": ("energy", "power", "management_fee", "surplus_price", "discounts"),
    "indexed": ("adjustment", "power", "management_fee", "surplus_price", "discounts"),
    "blocks": ("fixed_charge", "blocks", "algorithm", "months", "sewage", "surplus_price", "discounts"),
    "flat": ("monthly", "sewage"),
}
#: Prices of which less than zero would pay the member; what an indexed product adds to the market's may be a rebate.
NOT_NEGATIVE = ("management_fee", "surplus_price", "fixed_charge", "monthly")


@dataclass(frozen=True)
class Sewage:
    """Sewage as a `share` of the water: of its m³ at `price` each, or of what the water costs (None)."""

    share: Decimal
    price: Decimal | None


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
    fixed_charge: Decimal | None = None  # blocks: for `months` months
    blocks: tuple[Block, ...] = ()
    algorithm: Algorithm = "marginal"
    months: int = 1  # for which the fixed charge and the limits of the blocks hold
    monthly: Decimal | None = None
    sewage: Sewage | None = None

    @property
    def metered(self) -> bool:
        return self.kind != "flat"

    @property
    def by_hour(self) -> bool:
        """Whether each hour has a price of its own."""
        return self.kind == "indexed"

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
    def __init__(
        self, products: Mapping[str, DatedTable[Product]], promotions: Mapping[str, Promotion] | None = None
    ) -> None:
        self._products = dict(products)
        #: What contracts may name besides their product, by code.
        self.promotions = dict(promotions or {})

    def __contains__(self, code: str) -> bool:
        return code in self._products

    def codes(self) -> list[str]:
        return sorted(self._products)

    def services(self) -> frozenset[str]:
        """The services the cooperative sells."""
        return frozenset(row.value.service for table in self._products.values() for row in table.rows)

    def prices(self, code: str) -> DatedTable[Product]:
        return self._products[code]


def price_book(
    rows: Iterable[Mapping[str, Any]], where: str, promotional: Iterable[Mapping[str, Any]] = ()
) -> PriceBook:
    """A price book from the rows [[product]] and [[promotion]] of products.toml; Invalid names the row and what is wrong."""
    by_code: dict[str, list[Row[Product]]] = {}
    for index, given in enumerate(rows, start=1):
        row = product_row(given, f"{where}, product {index}")
        by_code.setdefault(row.value.code, []).append(row)
    tables = {code: DatedTable(table_name(code), versions) for code, versions in by_code.items()}
    return PriceBook(tables, promotions(promotional, where, tables))


def table_name(code: str) -> str:
    """What errors call the prices of a product."""
    return f"product {code}"


def product_row(row: Mapping[str, Any], place: str) -> Row[Product]:
    """The days and prices of one row; Invalid says what is wrong in it."""
    product = _product(row, place)
    source = text(row, "source", place) if "source" in row else "price book"
    return Row(civil_date(row, "from", place), optional_date(row, "to", place), source, product)


def _product(row: Mapping[str, Any], place: str) -> Product:
    kind = text(row, "kind", place)
    if kind not in KINDS:
        raise Invalid(f"{place}: kind {kind!r} is not known; use one of {', '.join(KINDS)}.", field="kind")
    _check_fields(row, kind, place)
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
        discounts=discount_steps(row, place),
        surplus_price=decimal(row, "surplus_price", place) if "surplus_price" in row else None,
        fixed_charge=decimal(row, "fixed_charge", place) if "fixed_charge" in row else None,
        blocks=_blocks(row, place) if kind == "blocks" else (),
        algorithm=_algorithm(row, place),
        months=_months(row, place),
        monthly=decimal(row, "monthly", place) if kind == "flat" else None,
        sewage=_sewage(row, kind, place) if "sewage" in row else None,
    )


def _check_fields(row: Mapping[str, Any], kind: str, place: str) -> None:
    """Every field is one of the kind, and no price is below zero."""
    for name in sorted(set(row) - {*COMMON_FIELDS, *KIND_FIELDS[kind]}):
        if any(name in fields for fields in KIND_FIELDS.values()):
            kinds = " or ".join(each for each, fields in KIND_FIELDS.items() if name in fields)
            raise Invalid(f"{place}: {name} is for a product of kind {kinds}, and this one is {kind}.", field=name)
        near = difflib.get_close_matches(name, (*COMMON_FIELDS, *KIND_FIELDS[kind]), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "take it out."
        raise Invalid(f"{place}: {name} is not a known field; {hint}", field=name)
    prices = {name: decimal(row, name, place) for name in NOT_NEGATIVE if name in row}
    for name in ("energy", "power"):
        if isinstance(row.get(name), Mapping):
            prices |= {f"{name}.{period}": price for period, price in decimals(row, name, place).items()}
    for name, price in prices.items():
        if price < 0:
            raise Invalid(f"{place}: {name} = {price} is less than zero.", field=name)


def _blocks(row: Mapping[str, Any], place: str) -> tuple[Block, ...]:
    """Blocks in rising order, only the last without a limit; a charge by category is that of every one of them."""
    limit_field = LIMITS[_service(row, place)]
    blocks: list[Block] = []
    for item in row.get("blocks", []):
        unknown = set(item) - {limit_field, "price", "fixed_charge"}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise Invalid(
                f"{place}: a block has {names}; it may have {limit_field}, price, fixed_charge.", field="blocks"
            )
        limit = decimal(item, limit_field, place) if limit_field in item else None
        for name in ("price", "fixed_charge"):
            if name in item and decimal(item, name, place) < 0:
                raise Invalid(f"{place}: the {name} of a block, {item[name]}, is less than zero.", field="blocks")
        if blocks and (blocks[-1].up_to is None or (limit is not None and limit * 1000 <= blocks[-1].up_to)):
            raise Invalid(f"{place}: the blocks must rise and only the last may lack {limit_field}.", field="blocks")
        charge = decimal(item, "fixed_charge", place) if "fixed_charge" in item else None
        blocks.append(Block(None if limit is None else int(limit * 1000), decimal(item, "price", place), charge))
    if not blocks or blocks[-1].up_to is not None:
        raise Invalid(
            f"{place}: the last block must lack {limit_field}, so that any consumption has a price.", field="blocks"
        )
    charged = [block.fixed_charge is not None for block in blocks]
    if any(charged) and (not all(charged) or "fixed_charge" in row or _algorithm(row, place) != "category"):
        raise Invalid(
            f'{place}: a fixed_charge by block needs algorithm = "category", one in every block and none of the product.',
            field="blocks",
        )
    return tuple(blocks)


def _service(row: Mapping[str, Any], place: str) -> str:
    service = text(row, "service", place)
    if service not in LIMITS:
        raise Invalid(f"{place}: service {service!r} is not known; use one of {', '.join(LIMITS)}.", field="service")
    return service


def _algorithm(row: Mapping[str, Any], place: str) -> Algorithm:
    wanted = row.get("algorithm", "marginal")
    for algorithm in ALGORITHMS:
        if algorithm == wanted:
            return algorithm
    raise Invalid(f"{place}: algorithm {wanted!r} is not known; use one of {', '.join(ALGORITHMS)}.", field="algorithm")


def _months(row: Mapping[str, Any], place: str) -> int:
    months = row.get("months", 1)
    if isinstance(months, bool) or not isinstance(months, int) or not 1 <= months <= LONGEST_MONTHS:
        raise Invalid(f"{place}: months = {months!r} must be a whole number, 1 to {LONGEST_MONTHS}.", field="months")
    return months


def _sewage(row: Mapping[str, Any], kind: str, place: str) -> Sewage:
    """A table such as {share = "0.40"} or {share = "1", price = "0.35"}."""
    given = row["sewage"]
    if not isinstance(given, Mapping) or not set(given) <= {"share", "price"} or _service(row, place) != "water":
        raise Invalid(
            f"{place}: sewage = {given!r} must be a table with share, and price where its m³ have one, of a water product.",
            field="sewage",
        )
    share = decimal(given, "share", place)
    price = decimal(given, "price", place) if "price" in given else None
    if share <= 0 or (price is not None and (price < 0 or kind == "flat")):
        raise Invalid(
            f"{place}: sewage needs a share above 0, and a price per m³ only where water is metered.", field="sewage"
        )
    return Sewage(share, price)
