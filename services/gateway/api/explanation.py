"""What an invoice rests on: effects against the one before, the rows and readings of each line, and its bundle."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import AwareDateTime, Boolean, Date, Dict, Integer, List, Nested, String
from coop.billing.v1 import billing_service_pb2 as billing
from flask import Response
from flask.typing import ResponseReturnValue

from services.gateway import session
from services.gateway.api import shapes
from services.gateway.api.auth import auth
from services.gateway.api.bodies import json_only
from services.gateway.api.schemas import Money, Period
from services.gateway.compose.basis import BasisView, FactsView, QuartersView, RowView
from services.gateway.compose.bundles import as_text, bundle_of
from services.gateway.compose.invoices import InvoiceView

blueprint = APIBlueprint("explanation", __name__, url_prefix="/api/v1", tag="Records")
blueprint.before_request(json_only)


class EffectOut(Schema):
    cause = String(required=True, metadata={"enum": ["consumption", "price", "days", "power", "taxes", "other"]})
    amount = Nested(Money, required=True)
    service = String(required=True, metadata={"description": "Empty where the cause is of no single service."})
    more = String(
        metadata={"description": "The change behind it, negative for less; absent where nothing was counted."}
    )
    unit = String(required=True, metadata={"description": "Of `more`: kwh, m3, kw or day."})


class RowOut(Schema):
    """A dated row of law or agreement."""

    table = String(required=True)
    name = String(required=True)
    start = Date(required=True)
    end = Date(metadata={"description": "The first day on which it no longer held; absent while it holds."})
    source = String(required=True)
    value = String(required=True)


class CloseOut(Schema):
    """Two readings of a register."""

    meter = String(required=True)
    register = String(required=True)
    initial = Integer(required=True)
    final = Integer(required=True)
    used = Integer(required=True)
    unit = String(required=True, metadata={"description": "litre or Wh."})
    origin = String(required=True)


class MeasuredOut(Schema):
    """The days whose hours or readings gave the quantity."""

    period = Nested(Period, required=True)
    by_hours = Boolean(required=True)
    closes = List(Nested(CloseOut), required=True)


class QuarterOut(Schema):
    start = AwareDateTime(required=True)
    watts = Integer(required=True)


class QuartersOut(Schema):
    """Quarters of an hour above the contracted power, of excess power that they decide."""

    contracted_watts = Integer(required=True)
    count = Integer(required=True)
    squares = String(
        required=True, metadata={"description": "kW²: the sum of the squared kW above, whose root is the quantity."}
    )
    highest = List(Nested(QuarterOut), required=True, metadata={"description": "At most three, the highest first."})


class BasisOut(Schema):
    rows = List(Nested(RowOut), required=True)
    measured = List(Nested(MeasuredOut), required=True)
    quarters = Nested(QuartersOut, metadata={"description": "Absent where quarters of an hour decide nothing."})


class ExplanationOut(Schema):
    previous_total = Nested(Money, metadata={"description": "Of the invoice before; absent on the first."})
    difference = Nested(Money, metadata={"description": "The sum of the effects, where there are any."})
    effects = List(Nested(EffectOut), required=True)
    lines = List(
        Nested(BasisOut), required=True, metadata={"description": "One for each line of the invoice, in its order."}
    )


class BundleOut(Schema):
    """The whole of it is described in docs/invoice-bundle.md."""

    format = String(required=True, metadata={"example": "acometida-invoice/1"})
    time_zone = String(required=True)
    invoice = Dict(required=True)
    segments = List(Dict(), required=True)


@blueprint.get("/invoices/<invoice_id>/explanation")
@blueprint.auth_required(auth)
@blueprint.output(ExplanationOut)
@blueprint.doc(
    operation_id="explainInvoice", summary="What each line rests on, and why it is not the last invoice's amount"
)
def explain(invoice_id: str) -> ResponseReturnValue:
    fanout, services = session.fanout(), session.upstream()
    invoice = fanout.ask(
        services.billing.GetInvoice,
        billing.GetInvoiceRequest(invoice_id=invoice_id),
        lambda answer: InvoiceView.of(answer.invoice),
    )
    facts = fanout.ask(
        services.billing.GetInvoiceFacts, billing.GetInvoiceFactsRequest(invoice_id=invoice_id), FactsView.of
    )
    return _explanation(invoice.get(), facts.get())


@blueprint.get("/invoices/<invoice_id>/bundle")
@blueprint.auth_required(auth)
@blueprint.output(BundleOut)
@blueprint.doc(operation_id="getInvoiceBundle", summary="The data from which anybody calculates the invoice again")
def bundle(invoice_id: str) -> ResponseReturnValue:
    content = bundle_of(session.fanout(), session.upstream(), invoice_id)
    return Response(as_text(content), content_type="application/json")


def _explanation(invoice: InvoiceView, facts: FactsView) -> dict[str, Any]:
    said: dict[str, Any] = {
        "effects": [
            {
                "cause": effect.cause,
                "amount": shapes.money(effect.amount),
                "service": effect.service,
                "unit": effect.unit,
                **({} if effect.more is None else {"more": f"{effect.more:f}"}),
            }
            for effect in invoice.effects
        ],
        "lines": [_basis(basis) for basis in facts.lines],
    }
    if invoice.previous_total is not None and invoice.difference is not None:
        said["previous_total"] = shapes.money(invoice.previous_total)
        said["difference"] = shapes.money(invoice.difference)
    return said


def _basis(basis: BasisView) -> dict[str, Any]:
    quarters = {} if basis.quarters is None else {"quarters": _quarters(basis.quarters)}
    return {
        **quarters,
        "rows": [_row(row) for row in basis.rows],
        "measured": [
            {
                "period": shapes.period(each.period),
                "by_hours": each.by_hours,
                "closes": [asdict(close) for close in each.closes],
            }
            for each in basis.measured
        ],
    }


def _quarters(found: QuartersView) -> dict[str, Any]:
    return {
        "contracted_watts": found.contracted_watts,
        "count": found.count,
        "squares": f"{found.squares:f}",
        "highest": [{"start": each.start, "watts": each.watts} for each in found.highest],
    }


def _row(row: RowView) -> dict[str, Any]:
    end = {} if row.last_day is None else {"end": row.last_day + timedelta(days=1)}
    return {"table": row.table, "name": row.name, "start": row.start, "source": row.source, "value": row.value, **end}
