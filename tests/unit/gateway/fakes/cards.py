"""The fake billing service's card payments."""

from __future__ import annotations

from typing import Any

from coop.billing.v1 import card_service_pb2 as pb
from coop.billing.v1 import card_service_pb2_grpc

from services.chassis.errors import Forbidden, NotFound
from tests.unit.gateway.fakes.world import World, money

ORDER = "000100000000"
BANK = "http://127.0.0.1:8026"


class Cards(card_service_pb2_grpc.CardServiceServicer):
    """One attempt, `payment`, which tests change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.payment = pb.CardPayment(order_number=ORDER, supply_id="sup-1", amount=money("55.44"), state="created")
        self.payment.invoice_id, self.payment.invoice_number = "inv-123", "E-2026-000123"
        self.payment.created_at.FromDatetime(world.clock.now())

    def StartCardPayment(self, request: Any, context: Any) -> Any:
        self.world.enter("StartCardPayment", request)
        self.world.owned(request.supply_id)
        return pb.StartCardPaymentResponse(payment=self.payment)

    def GetCardPayment(self, request: Any, context: Any) -> Any:
        self.world.enter("GetCardPayment", request)
        self.world.owned(request.supply_id)
        if request.order_number != ORDER:
            raise NotFound("There is no such card payment of this supply.", "NO_ORDER")
        form = None
        if self.payment.state == "created":
            form = pb.BankForm(
                url=f"{BANK}/sis/realizarPago",
                signature_version="HMAC_SHA512_V2",
                parameters="eyJhIjoxfQ",
                signature="c2lnbmVk",
            )
        return pb.GetCardPaymentResponse(payment=self.payment, form=form)

    def NotifyCardPayment(self, request: Any, context: Any) -> Any:
        self.world.enter("NotifyCardPayment", request)
        if request.signature != "c2lnbmVk":
            raise Forbidden("The signature is wrong.", "SIGNATURE")
        return pb.NotifyCardPaymentResponse(order_number=ORDER, state="authorised")

    def settle(self, state: str, reason: str, retry: bool = False) -> None:
        self.payment.state, self.payment.reason, self.payment.retry = state, reason, retry
        self.payment.settled_at.FromDatetime(self.world.clock.now())
