"""Charges: what the cooperative invoices besides supplying, such as the fee for a returned debit or a reconnection.

Which concepts there are, and how each is taxed, is data of the profile (concepts.toml, [[charge]]), dated and with its source.
The rate itself is the country's table of the day on which the charge was earned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from services.billing.domain.bill import Bill, BillLine
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.rows import civil_date, optional_date, text
from services.billing.domain.supplies import Contract, Supply
from services.billing.domain.taxes import add_iva_by_line
from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod

#: What a concept names that is in the base of no tax: a compensation is no consideration for anything.
OUTSIDE = "outside"
#: The concept of the fee that a returned direct debit brings by itself.
RETURNED_DEBIT = "returned_debit_fee"
#: Whose revenue a charge is, where its row does not say.
ACCOUNT = "charges"
#: Section of a document in which its line stands.
SECTION = "other"
LONGEST_TEXT = 200
LONGEST_CODE = 40
_CENT = Decimal("0.01")
_LARGEST = Decimal("99999999.99")


@dataclass(frozen=True)
class ChargeConcept:
    """`name` in the cooperative's language; `iva` a name that the country's law knows; `account`: whose revenue it is."""

    code: str
    name: str
    iva: str
    account: str = ACCOUNT


ChargeConcepts = Mapping[str, DatedTable[ChargeConcept]]


@dataclass(frozen=True)
class ChargeNumbering:
    """What decides the series of a charge's invoice."""

    name: str  # of the profile
    issue_date: date
    contract: Contract
    point_of_sale: int


@dataclass(frozen=True)
class ChargeLaw:
    """How a country has charges invoiced.

    `taxes`: what a concept may name as its `iva`. `rate`: the ratio on a concept charged under a contract in a zone on a day,
    None outside the tax; Refused where no row of the tables says it. `coded`: each takes a code of the tax office first.
    """

    taxes: frozenset[str]
    rate: Callable[[ChargeConcept, Contract, str, date], Decimal | None]
    series: Callable[[ChargeNumbering], str]
    coded: bool = False


@dataclass(frozen=True)
class Charge:
    """What is charged: `net` before taxes, `text` as it is printed, `day` when it was earned (the tax accrues then)."""

    concept: str
    net: Decimal
    text: str
    day: date


def charge_concepts(rows: Iterable[Mapping[str, Any]], where: str) -> dict[str, DatedTable[ChargeConcept]]:
    """The concepts of concepts.toml by code; Invalid names the row and what is wrong in it."""
    by_code: dict[str, list[Row[ChargeConcept]]] = {}
    for index, row in enumerate(rows, start=1):
        place = f"{where}, charge {index}"
        code = text(row, "code", place)
        if len(code) > LONGEST_CODE:
            raise Invalid(f"{place}: the code {code!r} has more than {LONGEST_CODE} characters.", field="code")
        concept = ChargeConcept(
            code,
            text(row, "name", place),
            text(row, "iva", place) if "iva" in row else "",
            text(row, "account", place) if "account" in row else ACCOUNT,
        )
        start, end = civil_date(row, "from", place), optional_date(row, "to", place)
        by_code.setdefault(code, []).append(Row(start, end, text(row, "source", place), concept))
    return {code: DatedTable(f"charge {code}", versions) for code, versions in by_code.items()}


def check_concepts(concepts: ChargeConcepts, law: ChargeLaw | None) -> None:
    """Invalid names a concept that could not be charged: in a country without charges, or under a tax that there is not."""
    for concept in (row.value for table in concepts.values() for row in table.rows):
        if law is None:
            raise Invalid(
                f"concepts.toml: the charge {concept.code!r} cannot be invoiced in this country.", field="code"
            )
        if concept.iva not in law.taxes:
            known = ", ".join(repr(name) for name in sorted(law.taxes))
            raise Invalid(
                f"concepts.toml: the charge {concept.code!r} names the tax {concept.iva!r}; use one of {known}.",
                field="iva",
            )


def check_returned_debit(concepts: ChargeConcepts, law: ChargeLaw | None, fee: Decimal) -> None:
    """Invalid where the profile wants a fee for returned debits that it could not charge."""
    if law is None or law.coded:
        raise Invalid(
            f"coop.toml [direct_debit]: return_fee = {fee} cannot be charged by itself in this country, where each such "
            "invoice takes a code of the tax office first; leave it out and use 'coopctl invoice charge'.",
            field="return_fee",
        )
    if RETURNED_DEBIT not in concepts:
        raise Invalid(
            f"coop.toml [direct_debit]: return_fee = {fee} needs the charge {RETURNED_DEBIT!r} in concepts.toml, which says "
            "how it is taxed.",
            field="return_fee",
        )


def concept_on(concepts: ChargeConcepts, code: str, day: date) -> ChargeConcept:
    """The concept as it is on a day. Invalid for a code that is none, Refused for a day of which its rows say nothing."""
    if not concepts:
        raise Refused(
            "This cooperative has no charges: add them with their tax to concepts.toml, as [[charge]].", "NO_CHARGES"
        )
    if code not in concepts:
        raise Invalid(f"The concept {code!r} is not known; use one of {', '.join(concepts)}.", field="concept")
    return concepts[code].at(day)


def compensations(concepts: ChargeConcepts) -> list[tuple[str, date, date | None]]:
    """(Code, first day, day after the last or None) of what is in the base of no tax."""
    return [
        (code, row.start, row.end) for code, table in concepts.items() for row in table.rows if row.value.iva == OUTSIDE
    ]


def charge_amount(written: str) -> Decimal:
    """An amount before taxes, as "18.09". Invalid when it is none, not above zero, or has more than two decimals."""
    try:
        amount = Decimal(written.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise Invalid(f"The amount {written!r} is not a number; write it as 18.09.", field="amount")
    if amount <= 0:
        raise Invalid(
            f"The amount {written} is not above zero; what was charged too much is taken back with 'coopctl bill rectify'.",
            field="amount",
        )
    if amount != amount.quantize(_CENT):
        raise Invalid(f"The amount {written} has more than two decimals; round it to the cent.", field="amount")
    if amount > _LARGEST:
        raise Invalid(f"The amount {written} is more than {_LARGEST}, the largest that is charged.", field="amount")
    return amount.quantize(_CENT)


def charge_text(written: str) -> str:
    """What it is for, as it is printed. Invalid when it is empty or too long."""
    said = " ".join(written.split())
    if not said or len(said) > LONGEST_TEXT:
        raise Invalid(
            f"Say in up to {LONGEST_TEXT} characters what it is for; it is printed on the invoice.", field="text"
        )
    return said


def contract_for(supply: Supply, day: date) -> Contract:
    """The contract under which a charge of a day is made: the one in force then, else the last that began before it.

    Electricity comes before the other services. Refused when there was none yet: nobody could be asked to pay.
    """
    ordered = sorted(supply.services, key=lambda service: service.kind != "electricity")
    contracts = [contract for service in ordered for contract in service.contracts if contract.start <= day]
    in_force = [each for each in contracts if each.end is None or day < each.end]
    if in_force:
        return in_force[0]
    if contracts:
        return max(contracts, key=lambda each: each.start)
    raise Refused(
        f"Account {supply.account_number} had no contract yet on {day}: nobody can be charged for that day.",
        "NO_CONTRACT",
    )


def charge_bill(supply: Supply, charge: Charge, concept: ChargeConcept, contract: Contract, law: ChargeLaw) -> Bill:
    """The charge with its tax. Its period is the day on which it was earned, on which the tax accrues."""
    line = BillLine(concept.code, SECTION, concept.account, charge.net, label=charge.text)
    rate = law.rate(concept, contract, supply.tariff_zone, charge.day)
    lines, taxes = add_iva_by_line([line], lambda _: rate)
    day = DatePeriod(charge.day, charge.day + timedelta(days=1))
    return Bill(supply.id, day, charge.day, tuple(lines), tuple(taxes))
