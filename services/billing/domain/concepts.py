"""What members pay besides the service because their assembly decided so: works fund, social quota, street lighting.

Each is a dated row of the profile with the approval it rests on. A concept is *own*, part of the service's price, or
*foreign* to it. In Argentina Resolución SIC 267/2024, in force since 11 October 2024, lets a bill name only the service
contracted, so foreign concepts go on a document of their own, which is paid (or not) apart from the service.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from services.billing.domain.bill import ZERO, BillLine
from services.billing.domain.blocks import share_of_months
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import civil_date, decimal, optional_date, text
from services.billing.domain.supplies import Contract
from services.chassis.errors import Invalid
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

Basis = Literal["month", "unit", "share"]
#: The field that holds the price, by how a concept is charged; a row has exactly one of them.
BASIS_FIELDS: dict[str, Basis] = {"per_month": "month", "per_unit": "unit", "percent": "share"}


@dataclass(frozen=True)
class Concept:
    """`price` by `basis`: per month; per kWh or m³ of the service; or the ratio of what the service costs.

    It is charged to supplies with the service `on`, under the `uses` and `tariffs` named (none: all). `iva` names the rule
    that taxes it, "" the service's own. `account` is the service whose revenue it is.
    """

    code: str
    on: str
    account: str
    foreign: bool
    basis: Basis
    price: Decimal
    iva: str
    approval: str
    approved_on: date
    label: str = ""
    uses: frozenset[str] = frozenset()
    tariffs: frozenset[str] = frozenset()

    def charges(self, contract: Contract) -> bool:
        return (not self.uses or contract.use in self.uses) and (not self.tariffs or contract.tariff in self.tariffs)

    @property
    def source(self) -> str:
        return f"{self.approval} ({self.approved_on:%d/%m/%Y})"


@dataclass(frozen=True)
class Charged:
    """A service of the bill as concepts see it: the contract and days of each span, and what is billed of it."""

    service: str
    spans: tuple[tuple[Contract, DatePeriod], ...]
    amount: Decimal  # the service's lines before taxes
    used: int  # thousandths of kWh or m³
    unit: str


@dataclass(frozen=True)
class ConceptLine:
    """A priced concept: its line, the row it rests on, and the days it was charged for."""

    concept: Concept
    line: BillLine


class Concepts:
    """All concepts of a profile; none by default."""

    def __init__(self, tables: Mapping[str, DatedTable[Concept]] | None = None) -> None:
        self.tables = dict(tables or {})

    def __bool__(self) -> bool:
        return bool(self.tables)

    def lines(self, charged: Sequence[Charged], *, foreign: bool) -> Iterator[ConceptLine]:
        """The own or the foreign concepts of a bill, in the profile's order.

        A price by month is prorated by days, and each price is charged for its own days; a price by consumption or by
        share is that of the last day, because the consumption of a day is not known for every service.
        """
        for table in self.tables.values():
            for service in charged:
                yield from (each for each in _of_table(table, service) if each.concept.foreign == foreign)


NO_CONCEPTS = Concepts()


def _of_table(table: DatedTable[Concept], service: Charged) -> Iterator[ConceptLine]:
    by_row: dict[int, tuple[Concept, list[DatePeriod]]] = {}
    for contract, days in service.spans:
        for row in table.within(days):
            concept = row.value
            part = days.intersection(DatePeriod(row.start, row.end or date.max))
            if part is not None and concept.on == service.service and concept.charges(contract):
                by_row.setdefault(id(row), (concept, []))[1].append(part)
    rows = list(by_row.values())
    for concept, parts in rows:
        if concept.basis == "month":
            yield ConceptLine(concept, _by_month(concept, parts))
    if rows and rows[-1][0].basis != "month":
        yield ConceptLine(rows[-1][0], _by_consumption(rows[-1][0], service))


def _by_month(concept: Concept, parts: Sequence[DatePeriod]) -> BillLine:
    share = sum((share_of_months(part) for part in parts), start=Fraction(0))
    amount = round_half_up(concept.price * share.numerator / share.denominator)
    line = _line(concept, amount)
    lengths = {in_month for part in parts for _, in_month in part.by_month()}
    if share != 1 and len(lengths) > 1:
        return line  # of months of different lengths: the amount has no multiplication to print
    line = replace(line, unit_price=concept.price, price_unit="month")
    return line if share == 1 else replace(line, days=sum(part.days for part in parts), year_days=lengths.pop())


def _by_consumption(concept: Concept, service: Charged) -> BillLine:
    if concept.basis == "share":
        percent = f"{(concept.price * 100).normalize():f} %"
        return replace(_line(concept, round_half_up(service.amount * concept.price)), period=percent)
    quantity = Decimal(service.used) / 1000
    return replace(
        _line(concept, round_half_up(quantity * concept.price)),
        quantity=quantity,
        unit=service.unit,
        unit_price=concept.price,
        price_unit=service.unit,
    )


def _line(concept: Concept, amount: Decimal) -> BillLine:
    section = "foreign" if concept.foreign else "service"
    return BillLine(concept.code, section, concept.account, amount, label=concept.label)


def concepts(rows: Iterable[Mapping[str, Any]], where: str) -> Concepts:
    """Concepts from the rows of concepts.toml; Invalid names the row and what is wrong in it."""
    by_code: dict[str, list[Row[Concept]]] = {}
    for index, row in enumerate(rows, start=1):
        place = f"{where}, concept {index}"
        concept = _concept(row, place)
        start, end = civil_date(row, "from", place), optional_date(row, "to", place)
        if concept.approved_on > start:
            raise Invalid(
                f"{place}: {concept.code!r} is charged from {start} and was approved on {concept.approved_on}, later; "
                "an assembly decides before members are charged.",
                field="from",
            )
        by_code.setdefault(concept.code, []).append(Row(start, end, concept.source, concept))
    return Concepts({code: DatedTable(f"concept {code}", versions) for code, versions in by_code.items()})


def _concept(row: Mapping[str, Any], place: str) -> Concept:
    given = [field for field in BASIS_FIELDS if field in row]
    if len(given) != 1:
        raise Invalid(
            f"{place}: give exactly one of {', '.join(BASIS_FIELDS)}; it has {given or 'none'}.", field="price"
        )
    foreign = row.get("foreign")
    if not isinstance(foreign, bool):
        raise Invalid(
            f"{place}: foreign = {foreign!r} must be true (alien to the service, on a document of its own) or false (part "
            "of the service).",
            field="foreign",
        )
    basis = BASIS_FIELDS[given[0]]
    price = decimal(row, given[0], place)
    if price < ZERO:
        raise Invalid(f"{place}: {given[0]} = {price} is less than zero.", field=given[0])
    on = text(row, "on", place)
    return Concept(
        code=text(row, "code", place),
        on=on,
        account=text(row, "account", place) if "account" in row else on,
        foreign=foreign,
        basis=basis,
        price=price / 100 if basis == "share" else price,
        iva=text(row, "iva", place) if "iva" in row else "",
        approval=text(row, "approval", place),
        approved_on=civil_date(row, "approved_on", place),
        label=text(row, "name", place) if "name" in row else "",
        uses=frozenset(row.get("uses", ())),
        tariffs=frozenset(row.get("tariffs", ())),
    )
