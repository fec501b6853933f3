"""The fake billing service's direct debits."""

from __future__ import annotations

from typing import Any

from coop.billing.v1 import direct_debit_service_pb2 as pb
from coop.billing.v1 import direct_debit_service_pb2_grpc

from tests.unit.gateway.fakes.world import World


class DirectDebits(direct_debit_service_pb2_grpc.DirectDebitServiceServicer):
    """`answer` is what GetDirectDebit says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer = pb.GetDirectDebitResponse(offered=True, account_change_days=21)

    def GetDirectDebit(self, request: Any, context: Any) -> Any:
        self.world.enter("GetDirectDebit", request)
        self.world.owned(request.supply_id)
        return self.answer
