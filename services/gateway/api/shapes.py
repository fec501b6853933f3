"""What the pages show, as the JSON API says it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.periods import DatePeriod
from services.gateway.compose.curves import BilledPeriodView, CurveView, HourView
from services.gateway.compose.invoices import (
    CertificateView,
    DebtView,
    InvoiceView,
    LineView,
    OpenItemView,
    StatementView,
)
from services.gateway.compose.money import Money
from services.gateway.compose.notices import NoticeView
from services.gateway.compose.plans import PlanView
from services.gateway.compose.supplies import SupplyView


def money(value: Money) -> dict[str, str]:
    return {"amount": str(value.amount), "currency": value.currency}


def period(value: DatePeriod) -> dict[str, Any]:
    return {"start": value.start, "end": value.end}


def supply(value: SupplyView) -> dict[str, Any]:
    return asdict(value)


def billed_period(value: BilledPeriodView) -> dict[str, Any]:
    return {
        "period": period(value.period),
        "invoice_id": value.invoice_id,
        "invoice_number": value.invoice_number,
        "import_wh": value.wh,
        "hours_expected": value.hours.expected,
        "hours_measured": value.hours.measured,
        "hours_estimated": value.hours.estimated,
        "hours_missing": value.hours.missing,
    }


def register_reading(value: metering.RegisterReading) -> dict[str, Any]:
    """Whole Wh or litres, as the service has them."""
    return {
        "id": value.id,
        "service_id": value.service_id,
        "meter": value.meter,
        "day": date.fromisoformat(value.day),
        "origin": value.origin,
        "unit": value.unit,
        "registers": [
            {"register": one.register, "value": one.final, "used": one.used if value.since else None}
            for one in value.registers
        ],
        "since": date.fromisoformat(value.since) if value.since else None,
        "superseded": value.superseded,
        "doubtful": value.doubtful,
        "findings": list(value.findings),
        "receipt": value.receipt,
    }


def curve(value: CurveView) -> dict[str, Any]:
    return {
        "time_zone": value.time_zone,
        "tariff": value.tariff,
        "import_wh": value.wh,
        "export_wh": value.export_wh,
        "hours": asdict(value.coverage),
        "days": [
            {
                "day": day.day,
                "hours_expected": len(day.hours),
                "hours": [hour(one) for one in day.hours if one.wh is not None],
            }
            for day in value.shown
        ],
    }


def hour(value: HourView) -> dict[str, Any]:
    return {
        "number": value.number,
        "start": value.starts,
        "import_wh": value.wh,
        "export_wh": value.export_wh,
        "quality": "E" if value.estimated else "R",
        "method": value.method,
        "tariff_period": value.tariff_period,
        "reason": value.reason,
    }


def curve_file(value: CurveView, of: SupplyView) -> dict[str, Any]:
    return {"supply": {"cups": of.cups, "account_number": of.account_number}, **curve(value)}


def invoice(value: InvoiceView) -> dict[str, Any]:
    return {
        "id": value.id,
        "number": value.number,
        "supply_id": value.supply_id,
        "period": period(value.period),
        "issue_date": value.issued,
        "due_date": value.due,
        "total": money(value.total),
        "outstanding": money(value.outstanding),
        "state": value.state,
        "import_wh": value.import_wh,
        "charged_for": value.charged_for,
        "rectifies": value.rectifies,
        "rectified_by": list(value.rectified_by),
        "plan": plan(value.plan) if value.plan else None,
        "lines": [_line(line) for line in value.lines],
    }


def _line(value: LineView) -> dict[str, Any]:
    base = {} if value.base is None else {"base": money(value.base)}
    without = {name: each for name, each in asdict(value).items() if name != "base"}
    return {**without, "amount": money(value.amount), **base}


def open_item(value: OpenItemView) -> dict[str, Any]:
    return {
        "invoice_id": value.invoice_id,
        "invoice_number": value.number,
        "due_date": value.due,
        "outstanding": money(value.outstanding),
    }


def debt(value: DebtView) -> dict[str, Any]:
    return {
        "overdue": money(value.overdue),
        "not_yet_due": money(value.not_yet_due),
        "credit": money(value.credit),
        "open_items": [open_item(item) for item in value.items],
        "plans": [plan(each) for each in value.plans],
    }


def plan(value: PlanView) -> dict[str, Any]:
    return {
        "id": value.id,
        "state": "broken" if value.broken else "kept",
        "outstanding": money(value.outstanding),
        "instalments": [
            {"number": part.number, "due_date": part.due, "amount": money(part.amount), "left": money(part.left)}
            for part in value.parts
        ],
        "invoice_numbers": list(value.invoices),
        "missed": value.missed.number if value.missed else None,
    }


def statement(value: StatementView) -> dict[str, Any]:
    return {
        "period": period(value.period),
        "opening_balance": money(value.opening),
        "entries": [
            {
                "date": entry.day,
                "kind": entry.kind,
                "document": entry.document,
                "debit": money(entry.debit),
                "credit": money(entry.credit),
                "balance": money(entry.balance),
                "method": entry.method,
                "payment_id": entry.payment_id,
                "receipt_number": entry.receipt_number,
                "settled": [
                    {"invoice_id": each.invoice_id, "invoice_number": each.number, "amount": money(each.amount)}
                    for each in entry.settled
                ],
                "credited": money(entry.credited),
            }
            for entry in value.entries
        ],
        "closing_balance": money(value.closing),
    }


def certificate(value: CertificateView) -> dict[str, Any]:
    return {
        "id": value.id,
        "number": value.number,
        "code": value.code,
        "issued_at": value.issued_at,
        "valid_until": value.valid_until,
        "state": value.state,
        "variant": value.variant,
        "not_yet_due": [open_item(item) for item in value.not_yet_due],
        "disputed": [open_item(item) for item in value.disputed],
        "all_supplies": value.all_supplies,
        "accounts": list(value.accounts),
        "revoked_why": value.revoked_why,
    }


def notice(value: NoticeView) -> dict[str, Any]:
    return {
        "id": value.id,
        "kind": value.kind,
        "title": value.title,
        "body": value.body,
        "link": value.link,
        "created_at": value.at,
        "read": value.read,
    }
