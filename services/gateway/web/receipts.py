"""The receipt of a payment: the page that says what it paid, and its PDF."""

from __future__ import annotations

from coop.billing.v1 import payments_service_pb2 as pb
from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from services.chassis.errors import NotFound
from services.gateway import session
from services.gateway.compose.payments import PaymentView
from services.gateway.upstream import document as stream
from services.gateway.web.frame import SupplyPage
from services.gateway.web.invoices import DOCUMENT_DEADLINE_S, pdf

blueprint = Blueprint("receipts", __name__)


@blueprint.get("/s/<supply_id>/payments/<payment_id>")
@session.members_only
def show(supply_id: str, payment_id: str) -> ResponseReturnValue:
    """Everything that the printed receipt says, and what became of the payment since."""
    page = SupplyPage(supply_id, "invoices")
    part = page.fanout.ask(
        session.upstream().payments.GetPayment,
        pb.GetPaymentRequest(payment_id=payment_id),
        lambda answer: PaymentView.of(answer.payment),
    ).part()
    if part.value and part.value.supply_id != supply_id:
        raise NotFound("There is no such payment of this supply.")
    return page.render("pages/receipt.html", part=part, payment_id=payment_id)


@blueprint.get("/s/<supply_id>/payments/<payment_id>.pdf")
@session.members_only
def document(supply_id: str, payment_id: str) -> ResponseReturnValue:
    """The PDF as it was made the first time."""
    answers = session.upstream().payments.GetReceiptDocument(
        pb.GetReceiptDocumentRequest(payment_id=payment_id),
        timeout=DOCUMENT_DEADLINE_S,
        metadata=session.member_metadata(),
    )
    return pdf(*stream(answers))


def movement(kind: str) -> str:
    """The name of a movement of the account."""
    return {
        "invoice": _("Invoice"),
        "rectification": _("Rectifying invoice"),
        "payment": _("Payment"),
        "credit_applied": _("Credit used"),
        "payment_returned": _("Returned payment"),
        "refund": _("Refund"),
        "payment_taken_off": _("Payment of somebody else"),
    }.get(kind, kind)


def came_by(method: str) -> str:
    """How money came, as the end of a sentence."""
    return {
        "cash": _("in cash"),
        "transfer": _("by bank transfer"),
        "card": _("by card"),
        "direct_debit": _("by direct debit"),
        "collector": _("at a collection point"),
    }.get(method, method)


def register(app: Flask) -> None:
    app.add_template_filter(movement, "movement")
    app.add_template_filter(came_by, "came_by")
