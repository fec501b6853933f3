"""The facts of one bill as plain JSON: days, contracts, prices, energy. See docs/invoice-bundle.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from services.billing.domain.adjustments import BillTerms
from services.billing.domain.bill import Bill, BillLine, BillTax, Energy
from services.billing.domain.charging import Charge, ChargeConcept
from services.billing.domain.closes import Close
from services.billing.domain.planning import Segment
from services.billing.domain.priced_hours import PricedHours
from services.billing.domain.products import Product
from services.billing.domain.supplies import Contract

Facts = dict[str, Any]
#: A part of a month is charged by its days of those of the month; who reads facts without it: × 12 ÷ days of the year.
MONTH_PARTS = "by_month"


def facts_of(
    segments: Sequence[Segment],
    energies: Sequence[Energy | None],
    terms: BillTerms,
    zone: str,
    accrual_date: date,
    *,
    foreign: bool = False,
) -> Facts:
    """Everything that decides the lines of a bill besides the rule set; `zone` is the supply's tariff zone."""
    return {
        "accrual_date": accrual_date.isoformat(),
        "foreign": foreign,
        "terms": _terms(terms),
        "segments": [
            _segment(segment, energy or Energy(), zone) for segment, energy in zip(segments, energies, strict=True)
        ],
    }


def charge_facts(charge: Charge, concept: ChargeConcept, contract: Contract, zone: str, accrual_date: date) -> Facts:
    """Everything that decides the lines of an invoice that bills no supply."""
    return {
        **no_facts(accrual_date),
        "charge": {
            "concept": charge.concept,
            "account": concept.account,
            "day": charge.day.isoformat(),
            "net": str(charge.net),
            "text": charge.text,
            "zone": zone,
            "contract": contract.number,
            "tax_condition": contract.tax_condition,
            "use": contract.use,
        },
    }


def no_facts(accrual_date: date) -> Facts:
    """Of a document that says nothing was to be charged."""
    return {"accrual_date": accrual_date.isoformat(), "foreign": False, "terms": {}, "segments": []}


def printed_of(lines: Sequence[BillLine], taxes: Sequence[BillTax]) -> dict[str, Any]:
    """Lines and taxes as the invoice prints them."""
    return {"lines": [_plain(line) for line in lines], "taxes": [_plain(tax) for tax in taxes]}


def printed_bill(bill: Bill) -> dict[str, Any]:
    """The same of a bill that has no number yet."""
    return {**printed_of(bill.lines, bill.taxes), "total": str(bill.total)}


def _terms(terms: BillTerms) -> dict[str, Any]:
    return {
        "zone": terms.zone,
        "market_price": _text(terms.market_price),
        "stated": [{"concept": each.concept, "amount": str(each.amount)} for each in terms.stated],
        "discounts": [_plain(each) for each in terms.discounts],
    }


def _segment(segment: Segment, energy: Energy, zone: str) -> dict[str, Any]:
    return {
        "service": segment.service,
        "service_id": segment.service_id,
        "from": segment.days.start.isoformat(),
        "to": segment.days.end.isoformat(),
        "contract": _contract(segment.contract, zone),
        "product": _product(segment.product),
        "source": segment.source,
        "discount": str(segment.discount),
        "month_parts": MONTH_PARTS,
        "prices": _prices(segment, energy),
        "energy": {
            period: {"import_wh": each.import_wh, "export_wh": each.export_wh}
            for period, each in energy.by_period.items()
        },
        "curve_version": energy.curve_version,
        "max_demand_w": None if energy.max_demand_w is None else dict(energy.max_demand_w),
        **_quarters(energy),
        "reactive_varh": None if energy.reactive_varh is None else dict(energy.reactive_varh),
        "priced_hours": _priced_hours(energy),
        "closes": [_close(close) for close in energy.closes],
    }


def _priced_hours(energy: Energy) -> list[list[str | int]]:
    """Day, period, Wh and market price of each hour of an indexed price; of other prices there are none."""
    return PricedHours.of(energy.hours).written() if energy.hours else []


def _quarters(energy: Energy) -> dict[str, Any]:
    """Only of contracts whose excess they decide: the quarters of an hour above the contracted W, each with its start."""
    if energy.quarter_demands is None:
        return {}
    return {
        "quarter_demand_w": {
            period: [[each.start.isoformat() if each.start else None, each.watts] for each in quarters]
            for period, quarters in sorted(energy.quarter_demands.items())
        },
        "quarters_unknown": dict(energy.quarters_unknown),
    }


def _contract(contract: Contract, zone: str) -> dict[str, Any]:
    return {
        "number": contract.number,
        "start": contract.start.isoformat(),
        "tariff": contract.tariff,
        "zone": zone,
        "powers_w": dict(contract.powers),
        "meter_rental": contract.meter_rental,
        "tax_condition": contract.tax_condition,
        "use": contract.use,
        "power_control": contract.power_control,
        "electricity_tax": contract.electricity_tax,
        "vulnerable": contract.vulnerable,
    }


def _product(product: Product) -> dict[str, Any]:
    """Prices as texts; what the tables price (regulated) is null."""
    return {
        "code": product.code,
        "kind": product.kind,
        "energy": None if product.energy is None else _texts(product.energy),
        "power": None if product.power is None else _texts(product.power),
        "adjustment": str(product.adjustment),
        "management_fee": _text(product.management_fee),
        "surplus_price": _text(product.surplus_price),
        "fixed_charge": _text(product.fixed_charge),
        "blocks": [
            {"up_to": each.up_to, "price": str(each.price), "fixed_charge": _text(each.fixed_charge)}
            for each in product.blocks
        ],
        "algorithm": product.algorithm,
        "months": product.months,
        "monthly": _text(product.monthly),
        "sewage": None
        if product.sewage is None
        else {"share": str(product.sewage.share), "price": _text(product.sewage.price)},
    }


def _prices(segment: Segment, energy: Energy) -> list[dict[str, Any]]:
    """The product's rows that a register's closes touch, which may lie before the segment's days."""
    if segment.prices is None or not energy.closes:
        return []
    first = min(close.period.start for close in energy.closes)
    last = max(close.period.end for close in energy.closes)
    return [
        {"from": row.start.isoformat(), "to": row.end.isoformat() if row.end else None, "product": _product(row.value)}
        for row in segment.prices.rows
        if row.start < last and (row.end is None or first < row.end)
    ]


def _close(close: Close) -> dict[str, Any]:
    return {
        "meter": close.meter,
        "register": close.register,
        "from": close.period.start.isoformat(),
        "to": close.period.end.isoformat(),
        "unit": close.unit,
        "initial": close.initial,
        "final": close.final,
        "used": close.used,
        "origin": close.origin,
        "reading_ids": list(close.reading_ids),
    }


def _plain(item: Any) -> dict[str, Any]:
    """A flat data class with its decimals as texts."""
    return {name: _value(value) for name, value in vars(item).items()}


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _texts(prices: Mapping[str, Decimal]) -> dict[str, str]:
    return {period: str(price) for period, price in prices.items()}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


@dataclass(frozen=True)
class RuleSet:
    """Every dated row of a cooperative's rules as JSON text, and its SHA-256: invoices name the set by it."""

    sha256: str
    content: str
