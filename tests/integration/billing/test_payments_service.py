"""Payments over gRPC: who may do what, what members see of them, and an empty request id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import payments_service_pb2 as pb
from coop.billing.v1.payments_service_pb2_grpc import PaymentsServiceStub
from coop.common.v1.types_pb2 import Money

from services.chassis.errors import Forbidden, Invalid, NotFound, Refused
from services.chassis.ids import new_id
from tests.integration.billing.test_billing_service import Running, fetched, running
from tests.support.billing import access, member_message, supply_message
from tests.support.service_under_test import refusal

__all__ = ["running"]


def eur(amount: str) -> Money:
    return Money(amount=amount, currency_code="EUR")


def test_a_payment_from_the_counter_to_its_receipt_and_refund(running: Running) -> None:
    def desk(*roles: str, account_id: str = "staff-1", session_id: str = "session") -> Any:
        service = replace(running.service, stub_type=PaymentsServiceStub)
        return service.as_staff(*roles, account_id=account_id, session_id=session_id)

    running.tell(member_message("ana"), supply_message("ana"), access("account-ana", "ana"))
    running.settle(1)
    running.bill()
    office, reader = desk("billing"), desk("reader")
    order = billing.RecordPaymentRequest(
        supply_id="ana", amount=eur("300.00"), method="cash", paid_on="2026-11-20", request_id=new_id()
    )
    recorded = running.staff.RecordPayment(order)
    assert running.staff.RecordPayment(order) == recorded
    (found,) = reader.ListPayments(pb.ListPaymentsRequest()).payments
    assert ([each.invoice_number for each in found.settled], found.credited.amount) == (["E-2026-000001"], "244.56")
    assert found.recorded_by.startswith("staff:")

    member = replace(running.service, stub_type=PaymentsServiceStub).as_member("account-ana")
    stranger = replace(running.service, stub_type=PaymentsServiceStub).as_member("account-luis")
    seen = member.GetPayment(pb.GetPaymentRequest(payment_id=found.id)).payment
    assert (seen.recorded_by, seen.amount) == ("", found.amount)
    assert found.receipt_number == seen.receipt_number == "RC-2026-000001"
    named = pb.GetReceiptDocumentRequest(payment_id=found.receipt_number)
    asked = pb.GetReceiptDocumentRequest(payment_id=found.id)
    assert fetched(member.GetReceiptDocument(named)) == fetched(member.GetReceiptDocument(asked))
    assert isinstance(refusal(lambda: stranger.GetPayment(pb.GetPaymentRequest(payment_id="RC-2026-000001"))), NotFound)
    assert fetched(member.GetReceiptDocument(asked)) == fetched(office.GetReceiptDocument(asked))
    assert isinstance(refusal(lambda: stranger.GetPayment(pb.GetPaymentRequest(payment_id=found.id))), NotFound)

    wanted = pb.RequestRefundRequest(payment_id=found.id, amount=eur("200.00"), why="paid twice")
    assert isinstance(refusal(lambda: office.RequestRefund(wanted)), Invalid), "an empty request id"
    wanted.request_id = new_id()
    assert isinstance(refusal(lambda: reader.RequestRefund(wanted)), Forbidden)
    waits = office.RequestRefund(wanted).refund
    assert (waits.state, waits.account_number) == ("requested", "5555/1")
    approve = pb.ApproveRefundRequest(refund_id=waits.id, request_id=new_id())
    again = desk("billing", session_id="another session")
    assert isinstance(refusal(lambda: again.ApproveRefund(approve)), Refused), "the same person, in another session"
    assert desk("billing", account_id="staff-2").ApproveRefund(approve).refund.state == "paid"
    (listed,) = reader.ListRefunds(pb.ListRefundsRequest(state="paid")).refunds
    assert (listed.requested_by, listed.decided_by) == ("staff:staff-1", "staff:staff-2")

    day = reader.GetCashUp(pb.GetCashUpRequest(day="2026-11-20")).cash_up
    assert [(row.method, row.received.amount, row.refunded.amount) for row in day.rows] == [("cash", "300.00", "0.00")]
    close = pb.CloseTillRequest(day="2026-11-20", counted=eur("300.00"), request_id=new_id())
    assert office.CloseTill(close).cash_up.count.difference.amount == "0.00"
    checked = reader.GetBooksCheck(pb.GetBooksCheckRequest())
    assert (list(checked.differences), checked.entries > 2) == ([], True)
    assert list(desk("auditor").GetForm347(pb.GetForm347Request(year=2026)).persons) == []
    statement = running.staff.GetStatement(billing.GetStatementRequest(supply_id="ana")).statement
    assert [(each.kind, each.method, each.credited.amount) for each in statement.entries] == [
        ("invoice", "", "0.00"),
        ("payment", "cash", "244.56"),
        ("refund", "cash", "-200.00"),
    ]
    assert [each.receipt_number for each in statement.entries] == ["", "RC-2026-000001", ""]
