"""The fake billing service's payments."""

from __future__ import annotations

from typing import Any

from coop.billing.v1 import billing_pb2, payments_service_pb2_grpc
from coop.billing.v1 import payments_service_pb2 as pb

from tests.unit.gateway.fakes.world import World, money


class Payments(payments_service_pb2_grpc.PaymentsServiceServicer):
    """One payment of sup-1, by card, of which a part went back."""

    def __init__(self, world: World) -> None:
        self.world = world

    def GetPayment(self, request: Any, context: Any) -> Any:
        self.world.enter("GetPayment", request)
        paid = billing_pb2.SettledInvoice(invoice_id="inv-61", invoice_number="E-2026-000061", amount=money("49.24"))
        return pb.GetPaymentResponse(
            payment=pb.PaymentDetail(
                id=request.payment_id,
                supply_id="sup-1",
                amount=money("50.00"),
                method="card",
                paid_on="2026-10-20",
                receipt_number="RC-2026-000007",
                settled=[paid],
                credited=money("0.76"),
                reversals=[pb.PaymentReversal(kind="refund", day="2026-11-02", amount=money("0.50"))],
            )
        )

    def GetYearAmounts(self, request: Any, context: Any) -> Any:
        self.world.enter("GetYearAmounts", request)
        self.world.owned(request.supply_id)
        quarters = [money("0"), money("3100.00"), money("0"), money("104.68")]
        return pb.GetYearAmountsResponse(
            year=request.year, quarters=quarters, total=money("3204.68"), limit=money("3005.06"),
            account_numbers=["877/1"], complete=False,
        )  # fmt: skip

    def GetReceiptDocument(self, request: Any, context: Any) -> Any:
        self.world.enter("GetReceiptDocument", request)
        yield pb.GetReceiptDocumentResponse(file_name="receipt.pdf", chunk=b"%PDF-1.4 receipt")
