"""Paying by card: what to pay, the way to the bank's page, what our record says afterwards, and where the bank tells us."""

from __future__ import annotations

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import card_service_pb2 as pb
from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from services.chassis.errors import CoopError, NotFound
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.chassis.telemetry import logger
from services.gateway import headers, session
from services.gateway.compose.card_payments import ALL, NEXT, OVERDUE, CardPaymentView, choices
from services.gateway.compose.invoices import DebtView
from services.gateway.statuses import status_of
from services.gateway.web.account import ButtonForm
from services.gateway.web.frame import SupplyPage, profile, today

blueprint = Blueprint("card_payments", __name__)
#: The bank's server has no session and no form token: what it sends proves itself by its signature.
from_bank = Blueprint("card_notifications", __name__)

MAX_NOTIFICATION_BYTES = 8 * 1024
_SCOPES = {
    OVERDUE: pb.CARD_PAYMENT_SCOPE_OVERDUE,
    NEXT: pb.CARD_PAYMENT_SCOPE_NEXT,
    ALL: pb.CARD_PAYMENT_SCOPE_ALL,
}


def takes_cards() -> bool:
    return "card" in profile().section("payment")


def _sandbox() -> bool:
    card = profile().section("payment").get("card", {})
    return bool(card.get("mode") == "sandbox")


@blueprint.route("/s/<supply_id>/pay", methods=["GET", "POST"])
@session.members_only
def choose(supply_id: str) -> ResponseReturnValue:
    """What can be paid; POST begins an attempt. The amount is billing's own: none comes from the browser."""
    if not takes_cards():
        raise NotFound("This cooperative takes no cards.")
    form = ButtonForm()
    missing = False
    if form.validate_on_submit():
        what = request.form.get("what", "").strip()[:80]
        if what:
            order = _start(supply_id, what)
            return redirect(url_for("card_payments.to_bank", supply_id=supply_id, order=order), 303)
        missing = True
    page = SupplyPage(supply_id, "invoices")
    part = page.fanout.ask(
        session.upstream().billing.GetDebtState,
        billing.GetDebtStateRequest(supply_id=supply_id),
        lambda answer: choices(DebtView.of(answer.debt), today()),
    ).part()
    found = part.value or []
    wanted = request.args.get("what", "")
    chosen = next((one for one in found if wanted in (one.key, one.number)), found[0] if found else None)
    body = page.render(
        "pages/pay.html",
        part=part,
        chosen=chosen.key if chosen else "",
        missing=missing,
        request_id=new_id(),
        today=today(),
    )
    return body, 422 if missing else 200


def _start(supply_id: str, what: str) -> str:
    scope = _SCOPES.get(what, pb.CARD_PAYMENT_SCOPE_INVOICE)
    with remote():
        answer = session.upstream().cards.StartCardPayment(
            pb.StartCardPaymentRequest(
                supply_id=supply_id,
                scope=scope,
                invoice_id="" if what in _SCOPES else what,
                request_id=request.form.get("request_id", "")[:80] or new_id(),
            ),
            metadata=session.member_metadata(),
        )
    return str(answer.payment.order_number)


@blueprint.get("/s/<supply_id>/pay/<order>/bank")
@session.members_only
def to_bank(supply_id: str, order: str) -> ResponseReturnValue:
    """The signed form that leads to the bank; once the bank has answered, what it answered."""
    page = SupplyPage(supply_id, "invoices")
    payment = _ask(page, order)
    if payment.form is None:
        return redirect(url_for("card_payments.result", supply_id=supply_id, order=order), 303)
    headers.allow_form_to(payment.form.origin)
    return page.render("pages/pay_bank.html", payment=payment, sandbox=_sandbox())


@blueprint.get("/s/<supply_id>/pay/<order>")
@session.members_only
def result(supply_id: str, order: str) -> ResponseReturnValue:
    """What our record says. Where the bank sends the browser back to, and nothing that comes along with it is looked at."""
    page = SupplyPage(supply_id, "invoices")
    payment = _ask(page, order)
    return page.render("pages/pay_result.html", payment=payment, reason=_reason(payment.reason))


def _ask(page: SupplyPage, order: str) -> CardPaymentView:
    wanted = pb.GetCardPaymentRequest(supply_id=page.supply_id, order_number=order[:12], language=get_locale().language)
    return page.fanout.ask(session.upstream().cards.GetCardPayment, wanted, CardPaymentView.of).get()


def _reason(reason: str) -> str:
    """Why the bank said no, in words; what it does not explain is said as little as it says."""
    known = {
        "card_expired": _("The card has expired."),
        "security_code_wrong": _("The security code of the card is not right."),
        "card_not_served": _("Cards of this kind are not taken."),
        "not_authenticated": _("It could not be confirmed that you are the card's holder."),
        "cancelled_by_user": _("You left the bank's page before paying."),
        "issuer_unavailable": _("The bank of the card did not answer."),
        "system_error": _("The bank's system failed."),
        "order_repeated": _("The bank had seen this attempt before."),
    }
    return known.get(reason) or _("The bank of the card did not allow it.")


@from_bank.post("/payments/card/notification")
def notification() -> ResponseReturnValue:
    """What the bank's server says of a payment. 200 only when it is in the books, or was: otherwise the bank tells again."""
    request.max_content_length = MAX_NOTIFICATION_BYTES
    sent = request.form
    try:
        with remote():
            session.upstream().cards.NotifyCardPayment(
                pb.NotifyCardPaymentRequest(
                    signature_version=sent.get("Ds_SignatureVersion", ""),
                    parameters=sent.get("Ds_MerchantParameters", ""),
                    signature=sent.get("Ds_Signature", ""),
                ),
                metadata=session.anonymous_metadata(),
            )
    except CoopError as refused:
        logger().warning("card_notification_refused", code=refused.code, reason=refused.reason)
        return _plain(refused.reason, status_of(refused))
    return _plain("OK", 200)


def _plain(text: str, status: int) -> Response:
    return Response(text + "\n", status, content_type="text/plain; charset=utf-8")
