"""An invoice that bills no supply: one amount, and the tax that its concept and its holder pay on the day it was earned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from services.staff.verify.numbers import Tax, Unverifiable, day, number, rounded, row_on
from services.staff.verify.services import Line

Bundle = dict[str, Any]
OTHER_TAXES = ("canarias", "ceuta", "melilla")


def line_of(bundle: Bundle) -> Line:
    said = bundle["charge"]
    return Line(said["account"], said["concept"], "", number(said["net"]))


def taxes_of(bundle: Bundle) -> list[Tax]:
    """Its IVA; none where the concept is outside the tax."""
    row = _concept(bundle)
    if row["iva"] == "outside":
        return []
    rate = _spain(bundle, row["iva"]) if bundle["jurisdiction"] == "es" else _argentina(bundle, row["iva"])
    base = number(bundle["charge"]["net"])
    return [("iva", base, rounded(base * rate), rate)]


def unlike(bundle: Bundle) -> list[str]:
    """Does the paper say of the charge what its facts say: one day, on which the tax accrues, the text, an amount above 0?"""
    said, invoice = bundle["charge"], bundle["invoice"]
    found = []
    if (day(invoice["to"]) - day(invoice["from"])).days != 1 or invoice["accrual_date"] != invoice["from"]:
        found.append(
            f"It charges for one day, on which its tax accrues: it says {invoice['from']} to {invoice['to']}, and the tax "
            f"of {invoice['accrual_date']}."
        )
    if said.get("day", invoice["from"]) != invoice["from"]:
        found.append(f"It was earned on {said['day']}, and the invoice says {invoice['from']}.")
    if number(said["net"]) <= 0:
        found.append(f"It charges {said['net']}, which is not above zero.")
    found += [
        f"It is for {said['text']!r}, and the line says {line['label']!r}."
        for line in invoice["lines"]
        if line["label"] != said["text"]
    ]
    return found


def _concept(bundle: Bundle) -> dict[str, Any]:
    on = day(bundle["invoice"]["from"])
    return row_on(bundle["charge_concepts"], on, "the charge", code=bundle["charge"]["concept"])


def _spain(bundle: Bundle, name: str) -> Decimal:
    if name != "general":
        raise Unverifiable(f"The tax {name!r} of a charge is not known; it is general or outside.")
    if bundle["charge"]["zone"] in OTHER_TAXES:
        raise Unverifiable(f"In {bundle['charge']['zone']} there is no IVA.")
    accrual = day(bundle["invoice"]["accrual_date"])
    return number(row_on(bundle["tables"]["general"], accrual, "the general IVA")["percent"]) / 100


def _argentina(bundle: Bundle, name: str) -> Decimal:
    """The rule that the concept names, or the first whose conditions all hold for the holder."""
    accrual, said = day(bundle["invoice"]["accrual_date"]), bundle["charge"]
    if name:
        return number(row_on(bundle["tables"]["rule"], accrual, "the IVA", name=name)["percent"]) / 100
    for rule in bundle["tables"]["rule"]:
        conditions = (
            not rule.get("named"),
            not rule.get("metered"),
            not rule.get("services") or said["account"] in rule["services"],
            not rule.get("uses") or said["use"] in rule["uses"],
            not rule.get("tax_conditions") or said["tax_condition"] in rule["tax_conditions"],
            day(rule["from"]) <= accrual and (not rule.get("to") or accrual < day(rule["to"])),
        )
        if all(conditions):
            return number(rule["percent"]) / 100
    raise Unverifiable(f"No IVA rule of the bundle takes a holder who is {said['tax_condition']!r}.")
