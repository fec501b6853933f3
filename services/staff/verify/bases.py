"""Are the taxes on what the invoice says they are on? Its lines name the taxes whose base they are in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from services.staff.verify.numbers import day, number, rounded, row_on

Bundle = dict[str, Any]


def wrong_bases(bundle: Bundle) -> list[str]:
    """Taxes whose base is not the sum of what names them, or that name a minimum or a quantity that is not theirs."""
    invoice = bundle["invoice"]
    codes = {tax["code"] for tax in invoice["taxes"]}
    found = []
    for each in [*invoice["lines"], *invoice["taxes"]]:
        unknown = set(each["taxed_by"]) - codes
        if unknown:
            found.append(f"{_name(each)} is taxed by {', '.join(sorted(unknown))}, and the invoice has no such tax.")
    for tax in invoice["taxes"]:
        named = [each for each in [*invoice["lines"], *invoice["taxes"]] if tax["code"] in each["taxed_by"]]
        base = sum((number(each["amount"]) for each in named), Decimal(0))
        if tax["kind"] == "iee":
            base = rounded(base * _base_percent(bundle) / 100)
            found += _wrong_minimum(bundle, tax)
        if base != number(tax["base"]):
            found.append(f"{tax['code']}: what it taxes adds up to {base}, and its base is {tax['base']}.")
    return found


def _wrong_minimum(bundle: Bundle, tax: dict[str, Any]) -> list[str]:
    found = []
    electricity = [segment for segment in bundle["segments"] if segment["service"] == "electricity"]
    mwh = Decimal(sum(e["import_wh"] for s in electricity for e in s["energy"].values())) / 1_000_000
    said = tax.get("quantity_mwh")
    if said is not None and number(said) != mwh:
        found.append(f"{tax['code']}: the energy is {mwh} MWh, and the invoice says {said}.")
    by_rate = rounded(number(tax["base"]) * number(tax["rate"]))
    if tax.get("minimum_applied") != (number(tax["amount"]) > by_rate):
        raised = "is" if tax.get("minimum_applied") else "is not"
        found.append(
            f"{tax['code']}: the rate gives {by_rate} and {tax['amount']} are charged; the invoice says that it {raised} "
            "raised to the minimum."
        )
    return found


def _base_percent(bundle: Bundle) -> Decimal:
    """What of the base is taxed: less than all of it for the uses that the law names."""
    own = [segment for segment in bundle["segments"] if segment["service"] == "electricity"]
    use = own[-1]["contract"].get("electricity_tax", "") if own else ""
    if not use:
        return Decimal(100)
    accrual = day(bundle["invoice"]["accrual_date"])
    return number(row_on(bundle["tables"]["use"], accrual, "the electricity tax uses", name=use)["base_percent"])


def _name(each: dict[str, Any]) -> str:
    return (
        " ".join(part for part in (each.get("service"), each.get("concept"), each.get("period")) if part)
        or each["code"]
    )
