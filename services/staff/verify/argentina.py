"""An Argentine bill of electricity, water and what the assembly decided, from its facts (Ley 23.349 art. 28)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from services.staff.verify.discounts import discounts
from services.staff.verify.numbers import Tax, Unverifiable, day, number, rounded, row_on
from services.staff.verify.services import Line, flat, water_and_blocks

Bundle = dict[str, Any]


def lines_of(bundle: Bundle) -> list[Line]:
    """Every line before taxes, without the concepts (they are taxed by rules of their own)."""
    segments = bundle["segments"]
    found = [list(_of_service(segment)) for segment in segments]
    return [*(line for lines in found for line in lines), *discounts(bundle, segments, found)]


def _of_service(segment: dict[str, Any]) -> Iterator[Line]:
    kind = segment["product"]["kind"]
    if kind == "flat":
        return flat(segment)
    if kind == "blocks":
        return water_and_blocks(segment)
    raise Unverifiable(f"The product kind {kind!r} is not sold in Argentina.")


def taxes_of(bundle: Bundle, lines: list[Line]) -> list[Tax]:
    """Each IVA rate, the lowest first; what is outside the tax is in no base."""
    bases: dict[Decimal, Decimal] = {}
    concepts = _rules(bundle)
    for line in lines:
        row = concepts.get((line.service, line.concept))
        named = row["iva"] if row else ""
        if named == "outside":
            continue
        rate = _named(bundle, named) if named else _of_holder(bundle, row["on"] if row else line.service)
        bases[rate] = bases.get(rate, Decimal(0)) + line.amount
    return [("iva", base, rounded(base * rate), rate) for rate, base in sorted(bases.items())]


def _rules(bundle: Bundle) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["account"], row["code"]): row for row in bundle.get("concepts", [])}


def _named(bundle: Bundle, name: str) -> Decimal:
    accrual = day(bundle["invoice"]["accrual_date"])
    return number(row_on(bundle["tables"]["rule"], accrual, "the IVA", name=name)["percent"]) / 100


def _of_holder(bundle: Bundle, service: str) -> Decimal:
    """The first rule whose conditions all hold for the contract in force last."""
    accrual = day(bundle["invoice"]["accrual_date"])
    segment = [each for each in bundle["segments"] if each["service"] == service][-1]
    contract = segment["contract"]
    for rule in bundle["tables"]["rule"]:
        conditions = (
            not rule.get("named"),
            not rule.get("services") or service in rule["services"],
            not rule.get("uses") or contract["use"] in rule["uses"],
            not rule.get("tax_conditions") or contract["tax_condition"] in rule["tax_conditions"],
            rule.get("metered") is None or rule["metered"] == (segment["product"]["kind"] != "flat"),
            day(rule["from"]) <= accrual and (not rule.get("to") or accrual < day(rule["to"])),
        )
        if all(conditions):
            return number(rule["percent"]) / 100
    raise Unverifiable(f"No IVA rule of the bundle takes {service} of contract {contract['number']}.")
