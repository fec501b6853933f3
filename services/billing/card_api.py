"""CardService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from coop.billing.v1 import card_service_pb2 as pb
from coop.billing.v1.card_service_pb2_grpc import CardServiceServicer

from services.billing.application.cards import CardPayments, Found
from services.billing.domain.payments.card_orders import Scope
from services.billing.messages import Messages, instant
from services.billing.repository.cards import RefusedNotification
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid
from services.chassis.paging import decode_token, encode_token, page_size

SCOPES: Mapping[pb.CardPaymentScope, Scope] = {
    pb.CARD_PAYMENT_SCOPE_INVOICE: "invoice",
    pb.CARD_PAYMENT_SCOPE_OVERDUE: "overdue",
    pb.CARD_PAYMENT_SCOPE_ALL: "all",
    pb.CARD_PAYMENT_SCOPE_NEXT: "next",
}


class CardApi(CardServiceServicer):
    def __init__(self, rules: Rules, cards: CardPayments) -> None:
        self._cards = cards
        self._write = Messages(rules)

    def StartCardPayment(
        self, request: pb.StartCardPaymentRequest, context: grpc.ServicerContext
    ) -> pb.StartCardPaymentResponse:
        key = RequestKey.of("StartCardPayment", request)
        found = self._cards.start(key, caller(), request.supply_id, _scope(request), request.invoice_id.strip())
        return pb.StartCardPaymentResponse(payment=self._payment(found))

    def NotifyCardPayment(
        self, request: pb.NotifyCardPaymentRequest, context: grpc.ServicerContext
    ) -> pb.NotifyCardPaymentResponse:
        sent = {
            "Ds_SignatureVersion": request.signature_version,
            "Ds_MerchantParameters": request.parameters,
            "Ds_Signature": request.signature,
        }
        found = self._cards.notify(sent, caller().client_address)
        return pb.NotifyCardPaymentResponse(order_number=found.order.order_number, state=found.state)

    def GetCardPayment(
        self, request: pb.GetCardPaymentRequest, context: grpc.ServicerContext
    ) -> pb.GetCardPaymentResponse:
        if not request.supply_id and caller().kind == "staff":
            found = self._cards.of_office(request.order_number)
        else:
            found = self._cards.get(caller(), request.supply_id, request.order_number)
        form = self._cards.form(found, request.language)
        sent = None
        if form is not None:
            sent = pb.BankForm(
                url=form.url,
                signature_version=form.fields["Ds_SignatureVersion"],
                parameters=form.fields["Ds_MerchantParameters"],
                signature=form.fields["Ds_Signature"],
            )
        return pb.GetCardPaymentResponse(payment=self._payment(found), form=sent)

    def ListCardPayments(
        self, request: pb.ListCardPaymentsRequest, context: grpc.ServicerContext
    ) -> pb.ListCardPaymentsResponse:
        size = page_size(request.page_size)
        found = self._cards.orders(request.state, request.supply_id, _before(request.page_token), size + 1)
        page, more = found[:size], found[size:]
        return pb.ListCardPaymentsResponse(
            payments=[self._payment(each) for each in page],
            next_page_token=encode_token(str(page[-1].order.sequence)) if more else "",
        )

    def ListRefusedNotifications(
        self, request: pb.ListRefusedNotificationsRequest, context: grpc.ServicerContext
    ) -> pb.ListRefusedNotificationsResponse:
        size = page_size(request.page_size)
        found = self._cards.refused(request.order_number, _before(request.page_token), size + 1)
        page, more = found[:size], found[size:]
        return pb.ListRefusedNotificationsResponse(
            notifications=[_refused(each) for each in page],
            next_page_token=encode_token(str(page[-1].id)) if more else "",
        )

    def _payment(self, found: Found) -> pb.CardPayment:
        order, answer = found.order, found.answer
        return pb.CardPayment(
            order_number=order.order_number,
            supply_id=order.supply_id,
            account_number=found.account_number,
            invoice_id=order.invoice_id or "",
            invoice_number=found.invoice_number,
            amount=self._write.money(order.amount),
            state=found.state,
            response=order.response,
            reason=answer.reason if answer else "",
            retry=answer.retry if answer else False,
            authorisation=order.authorisation,
            created_at=instant(order.created_at),
            settled_at=instant(order.settled_at) if order.settled_at else None,
            payment_id=order.payment_id or "",
            payer=order.payer if caller().kind == "staff" else "",
        )


def _scope(request: pb.StartCardPaymentRequest) -> Scope:
    found = SCOPES.get(request.scope)
    if found is None:
        raise Invalid(
            "Say what is paid: one invoice, what is past its date, what is due next, or everything.", field="scope"
        )
    if (found == "invoice") != bool(request.invoice_id.strip()):
        raise Invalid(
            f"The invoice {request.invoice_id!r} does not go with what is paid, {found!r}; name one for one invoice alone.",
            field="invoice_id",
        )
    return found


def _before(token: str) -> int:
    """The row that a page begins before; 0 for the first page."""
    key = decode_token(token, 1)
    if key is None:
        return 0
    if not (key[0].isascii() and key[0].isdigit()):
        raise Invalid("page_token is not one of ours: use the next_page_token of the page before.", field="page_token")
    return int(key[0])


def _refused(each: RefusedNotification) -> pb.RefusedNotification:
    return pb.RefusedNotification(
        received_at=instant(each.received_at),
        order_number=each.order_number,
        reason=each.reason,
        why=each.why,
        signed=each.signed,
        claims=[pb.NotificationClaim(name=name, value=value) for name, value in each.claims.items()],
    )
