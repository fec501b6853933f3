"""PaymentsService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import grpc
from coop.billing.v1 import payments_service_pb2 as pb
from coop.billing.v1.payments_service_pb2_grpc import PaymentsServiceServicer
from coop.common.v1.types_pb2 import Money

from services.billing.application.books import Books
from services.billing.application.payments import PaymentFound, Payments
from services.billing.application.refunds import Refunds
from services.billing.application.till import CashUp, Till
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import REFUND, RETURNED, TAKEN_OFF
from services.billing.messages import Messages, instant
from services.billing.repository import read_model
from services.billing.repository.refunds import Refund
from services.billing.repository.till import Moved
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 20, 100
DOCUMENT_CHUNK = 64 * 1024


class PaymentsApi(PaymentsServiceServicer):
    def __init__(
        self, database: Database, rules: Rules, payments: Payments, refunds: Refunds, till: Till, books: Books
    ) -> None:
        self._database = database
        self._payments = payments
        self._refunds = refunds
        self._till = till
        self._books = books
        self._write = Messages(rules)

    # ------------------------------------------------------------------------------------------------------- payments
    def ListPayments(self, request: pb.ListPaymentsRequest, context: grpc.ServicerContext) -> pb.ListPaymentsResponse:
        size = _page_size(request.page_size)
        found = self._payments.page(caller(), request.supply_id, before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListPaymentsResponse(
            payments=[self._payment(each) for each in page], next_page_token=page[-1].payment.id if more else ""
        )

    def GetPayment(self, request: pb.GetPaymentRequest, context: grpc.ServicerContext) -> pb.GetPaymentResponse:
        return pb.GetPaymentResponse(payment=self._payment(self._payments.get(caller(), request.payment_id)))

    def GetReceiptDocument(
        self, request: pb.GetReceiptDocumentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetReceiptDocumentResponse]:
        printed = self._payments.receipt(caller(), request.payment_id)
        for start in range(0, len(printed.content), DOCUMENT_CHUNK):
            name = printed.file_name if start == 0 else ""
            yield pb.GetReceiptDocumentResponse(file_name=name, chunk=printed.content[start : start + DOCUMENT_CHUNK])

    # -------------------------------------------------------------------------------------------------------- refunds
    def RequestRefund(
        self, request: pb.RequestRefundRequest, context: grpc.ServicerContext
    ) -> pb.RequestRefundResponse:
        made = self._refunds.request(
            RequestKey.of("RequestRefund", request),
            caller().actor,
            request.payment_id,
            _amount(request.amount),
            request.amount.currency_code,
            request.why,
        )
        return pb.RequestRefundResponse(refund=self._refund(made))

    def ApproveRefund(
        self, request: pb.ApproveRefundRequest, context: grpc.ServicerContext
    ) -> pb.ApproveRefundResponse:
        key = RequestKey.of("ApproveRefund", request)
        return pb.ApproveRefundResponse(
            refund=self._refund(self._refunds.approve(key, caller().actor, request.refund_id))
        )

    def RejectRefund(self, request: pb.RejectRefundRequest, context: grpc.ServicerContext) -> pb.RejectRefundResponse:
        key = RequestKey.of("RejectRefund", request)
        made = self._refunds.reject(key, caller().actor, request.refund_id, request.why)
        return pb.RejectRefundResponse(refund=self._refund(made))

    def ListRefunds(self, request: pb.ListRefundsRequest, context: grpc.ServicerContext) -> pb.ListRefundsResponse:
        size = _page_size(request.page_size)
        found = self._refunds.list(request.state, before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListRefundsResponse(
            refunds=[self._refund(each) for each in page], next_page_token=page[-1].id if more else ""
        )

    # ----------------------------------------------------------------------------------------------- the till, books
    def GetCashUp(self, request: pb.GetCashUpRequest, context: grpc.ServicerContext) -> pb.GetCashUpResponse:
        return pb.GetCashUpResponse(cash_up=self._cash_up(self._till.cash_up(request.day)))

    def CloseTill(self, request: pb.CloseTillRequest, context: grpc.ServicerContext) -> pb.CloseTillResponse:
        closed = self._till.close(
            RequestKey.of("CloseTill", request),
            caller().actor,
            request.day,
            _amount(request.counted),
            request.counted.currency_code,
            request.why,
        )
        return pb.CloseTillResponse(cash_up=self._cash_up(closed))

    def GetBooksCheck(
        self, request: pb.GetBooksCheckRequest, context: grpc.ServicerContext
    ) -> pb.GetBooksCheckResponse:
        found = self._books.check()
        return pb.GetBooksCheckResponse(
            entries=found.entries,
            balances=[
                pb.AccountBalance(account=name, balance=self._write.money(amount)) for name, amount in found.balances
            ],
            differences=[
                pb.BooksDifference(what=each.what, subject=each.subject, amount=self._write.money(each.amount))
                for each in found.differences
            ],
        )

    def GetForm347(self, request: pb.GetForm347Request, context: grpc.ServicerContext) -> pb.GetForm347Response:
        found = self._books.form_347(request.year)
        return pb.GetForm347Response(
            year=found.year,
            limit=self._write.money(found.limit),
            persons=[
                pb.Form347Person(
                    tax_number=each.tax_number,
                    name=name,
                    total=self._write.money(each.total),
                    quarters=[self._write.money(amount) for amount in each.quarters],
                )
                for each, name in found.persons
            ],
        )

    def GetYearAmounts(
        self, request: pb.GetYearAmountsRequest, context: grpc.ServicerContext
    ) -> pb.GetYearAmountsResponse:
        found = self._books.year_amounts(caller(), request.supply_id, request.year)
        return pb.GetYearAmountsResponse(
            year=found.year,
            quarters=[self._write.money(amount) for amount in found.quarters],
            total=self._write.money(sum(found.quarters, ZERO)),
            limit=self._write.money(found.limit),
            account_numbers=found.account_numbers,
            complete=found.complete,
        )

    # ------------------------------------------------------------------------------------------------------- messages
    def _payment(self, found: PaymentFound) -> pb.PaymentDetail:
        made, money = found.payment, self._write.money
        return pb.PaymentDetail(
            id=made.id,
            supply_id=made.supply_id,
            account_number=found.account_number,
            amount=money(made.amount),
            method=made.method,
            paid_on=made.paid_on.isoformat(),
            reference=made.reference,
            # Who of the office wrote it down is the office's matter.
            recorded_by=made.recorded_by if caller().kind == "staff" else "",
            recorded_at=instant(made.recorded_at),
            settled=self._write.settled(found.settled),
            credited=money(made.credited),
            left=money(found.left),
            receipt_number=made.receipt_number or "",
            reversals=[
                pb.PaymentReversal(
                    id=back.id,
                    kind=back.kind,
                    day=back.day.isoformat(),
                    amount=money(back.amount),
                    reason_code=back.reason_code,
                    reason=back.reason if caller().kind == "staff" or back.kind == RETURNED else "",
                    recorded_by=back.recorded_by if caller().kind == "staff" else "",
                    reopened=self._write.settled(replace(each, amount=-each.amount) for each in opened),
                    from_credit=money(back.from_credit),
                )
                for back, opened in found.reversals
            ],
        )

    def _refund(self, made: Refund) -> pb.Refund:
        with self._database.read() as connection:
            accounts = read_model.account_numbers(connection, [made.supply_id])
        return pb.Refund(
            id=made.id,
            payment_id=made.payment_id,
            account_number=accounts.get(made.supply_id, ""),
            amount=self._write.money(made.amount),
            why=made.why,
            state=made.state,
            requested_by=made.requested_by,
            requested_at=instant(made.requested_at),
            decided_by=made.decided_by,
            decided_at=instant(made.decided_at) if made.decided_at else None,
            decision_why=made.decision_why,
        )

    def _cash_up(self, found: CashUp) -> pb.CashUp:
        money, count = self._write.money, found.count
        rows: dict[tuple[str, str], dict[str, Moved]] = {}
        for each in found.moved:
            rows.setdefault((each.method, each.person), {})[each.kind] = each
        nothing = Moved("", "", "", 0, ZERO)
        return pb.CashUp(
            day=found.day.isoformat(),
            rows=[
                pb.CashUpRow(
                    method=method,
                    person=person,
                    received_count=kinds.get("payment", nothing).count,
                    received=money(kinds.get("payment", nothing).amount),
                    refunded_count=kinds.get(REFUND, nothing).count,
                    refunded=money(abs(kinds.get(REFUND, nothing).amount)),
                    returned_count=sum(each.count for each in _gone(kinds)),
                    returned=money(sum((abs(each.amount) for each in _gone(kinds)), ZERO)),
                )
                for (method, person), kinds in sorted(rows.items())
            ],
            till_opening=money(found.opening),
            till_closing=money(found.closing),
            count=pb.TillCount(
                counted=money(count.counted),
                difference=money(count.difference),
                why=count.why,
                closed_by=count.closed_by,
                closed_at=instant(count.closed_at),
            )
            if count
            else None,
        )


def _gone(kinds: Mapping[str, Moved]) -> list[Moved]:
    """What payers' banks took back, and what was taken off accounts that it was not of."""
    return [kinds[kind] for kind in (RETURNED, TAKEN_OFF) if kind in kinds]


def _amount(given: Money) -> Decimal:
    try:
        return Decimal(given.amount.strip())
    except InvalidOperation:
        raise Invalid(f"The amount {given.amount!r} is not a number; write it as 55.44.", field="amount") from None


def _page_size(asked: int) -> int:
    if asked < 0:
        raise Invalid(f"page_size is {asked}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
    return min(asked or DEFAULT_PAGE, LARGEST_PAGE)
