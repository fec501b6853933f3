"""One issued invoice taken apart: each line down to quantity, price, rows of law, and the hours or readings behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as billing

from services.chassis.periods import LONGEST_MONTH
from services.staff.invoice_behind import behind, quarters_said
from services.staff.invoice_hours import Hours, hours_of, known_otherwise, missing_of, of_lines, summed
from services.staff.invoice_hours import said as hours_said
from services.staff.plain import plain

UNITS = {"kw": "kW", "kwh": "kWh", "kvarh": "kVArh", "m3": "m³", "month": "months", "unit": "units"}
METHODS_OF_RECTIFYING = {"I": "difference", "S": "substitution"}
PER = {
    "kwh": "kWh",
    "m3": "m³",
    "kvarh": "kVArh",
    "kw": "kW",
    "kw_year": "kW and year",
    "kw_month": "kW and month",
    "kw_day": "kW and day",
}


def explained(
    invoice: billing_pb2.Invoice,
    facts: billing.GetInvoiceFactsResponse,
    bundle: Mapping[str, Any],
    *,
    by_hour: bool = False,
) -> dict[str, Any]:
    """One JSON document: amounts and prices are texts, energy whole Wh, ends are excluded. `bundle` has its hours, of which
    the document has each with `by_hour`.
    """
    printed = bundle["invoice"]
    hours = [hours_of(bundle, segment) for segment in bundle["segments"]]
    in_hours = of_lines(
        [(line, basis.segments) for line, basis in zip(printed["lines"], facts.lines, strict=True)], hours
    )
    reasons = [
        _reason(line, basis, found, reason, bundle["time_zone"])
        for line, basis, found, reason in zip(printed["lines"], facts.lines, in_hours, behind(bundle), strict=True)
    ]
    return {
        "invoice": {
            "number": invoice.number,
            "account_number": invoice.account_number,
            "kind": invoice.kind,
            "charged_for": invoice.charged_for,
            "from": printed["from"],
            "to": printed["to"],
            "issue_date": printed["issue_date"],
            "accrual_date": printed["accrual_date"],
            "total": printed["total"],
            "currency": bundle["currency"],
            "rules_sha256": bundle["rules_sha256"],
            "rectifies": rectified(bundle),
        },
        "lines": [
            {
                "description": said.description,
                **line,
                "calculation": calculation(line, bundle["currency"]),
                "behind": reason,
                "rows": [plain(row) for row in basis.rows],
                "measured_in": list(basis.segments),
                "hours": found,
                "quarters": plain(basis.quarters) if basis.HasField("quarters") else None,
            }
            for said, line, basis, reason, found in zip(
                invoice.lines, printed["lines"], facts.lines, reasons, in_hours, strict=True
            )
        ],
        "taxes": [
            {
                "description": said.description,
                **tax,
                "lines": [at for at, line in enumerate(printed["lines"]) if tax["code"] in line["taxed_by"]],
                "rows": [plain(row) for row in basis.rows],
            }
            for said, tax, basis in zip(invoice.taxes, printed["taxes"], facts.taxes, strict=True)
        ],
        "measured": [
            _measured(bundle, segment, own, by_hour) for segment, own in zip(bundle["segments"], hours, strict=True)
        ],
        "known_otherwise": known_otherwise(bundle, by_hour=by_hour),
        "difference": _difference(invoice),
    }


def rectified(bundle: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which invoices it corrects, how and why, what was paid back for the delay, and its parts; None when it corrects none."""
    said = bundle.get("rectification")
    if not said:
        return None
    return {
        "documents": [{"number": number, "issue_date": issued} for number, issued in said["documents"]],
        "method": METHODS_OF_RECTIFYING[said["method"]],
        "cause": said["cause"],
        "reason": said["reason"],
        "interest": said["interest"],
        "instalments": [{"due_date": due, "amount": amount} for due, amount in said["instalments"]],
    }


def calculation(line: Mapping[str, Any], currency: str) -> str:
    """ "4.6 kW x 31 days x 27.704413 EUR per kW and year / 365"; empty for an amount that is no multiplication."""
    if line["unit_price"] is None:
        if line["concept"] == "energy" and line["quantity"] is not None:
            return f"{short(line['quantity'])} kWh, each hour at its own price"
        # A share of what the service costs carries its percentage where others have their tariff period.
        return f"{line['period']} of {line['service']}" if line["period"].endswith("%") else ""
    factors = []
    if line["quantity"] is not None:
        factors.append(f"{short(line['quantity'])} {UNITS.get(line['unit'], line['unit'])}".strip())
    if line["days"]:
        factors.append(f"{line['days']} days")
    unit = line["price_unit"]
    per = f" per {PER.get(unit, unit)}" if unit else ""
    factors.append(f"{short(line['unit_price'])} {currency}{per}")
    if unit == "month" and line["year_days"] and line["year_days"] > LONGEST_MONTH:
        factors.append("12")
    if line["concept"] == "invitation":
        factors[-1] += " (the mean price of this bill's energy)"
    return " x ".join(factors) + (f" / {line['year_days']}" if line["year_days"] else "")


def short(text: str) -> str:
    """A figure without the zeros that its column adds."""
    return f"{Decimal(text).normalize():f}"


def _reason(
    line: Mapping[str, Any], basis: billing.Basis, found: Mapping[str, int] | None, reason: str, time_zone: str
) -> str:
    """What is behind a line besides its printed factors: quarters of an hour, what was read, the hours of the curve."""
    if basis.HasField("quarters"):
        return quarters_said(basis.quarters, time_zone)
    in_hours = hours_said(line, found) if found and line["concept"] in ("energy", "surplus") else ""
    return "; ".join(filter(None, (in_hours, reason)))


def _measured(bundle: Mapping[str, Any], segment: Mapping[str, Any], hours: Hours, by_hour: bool) -> dict[str, Any]:
    return {
        "service": segment["service"],
        "from": segment["from"],
        "to": segment["to"],
        "contract": segment["contract"]["number"],
        "tariff": segment["contract"]["tariff"],
        "product": segment["product"]["code"],
        "energy": segment["energy"],
        "curve": _curve(bundle, segment, hours, by_hour) if segment["curve_version"] else None,
        "readings": segment["closes"],
    }


def _curve(bundle: Mapping[str, Any], segment: Mapping[str, Any], hours: Hours, by_hour: bool) -> dict[str, Any]:
    methods = Counter(hour["method"] for hour in hours)
    return {
        "curve_version": segment["curve_version"],
        **summed(hours),
        "missing": missing_of(bundle, segment),
        "methods": {str(method): methods[method] for method in sorted(methods)},
        "first": hours[0]["start"] if hours else None,
        "last": hours[-1]["start"] if hours else None,
        **({"by_hour": hours} if by_hour else {}),
    }


def _difference(invoice: billing_pb2.Invoice) -> dict[str, Any] | None:
    """None where there is no invoice before to compare with."""
    if not invoice.effects:
        return None
    effects = [{**plain(effect), "amount": effect.amount.amount} for effect in invoice.effects]
    return {
        "previous_total": invoice.previous_total.amount,
        "amount": str(sum(Decimal(effect.amount.amount) for effect in invoice.effects)),
        "effects": effects,
    }
