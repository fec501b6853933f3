"""The fake supplies service's invitations."""

from __future__ import annotations

from typing import Any

from coop.supplies.v1 import invitations_service_pb2 as pb
from coop.supplies.v1 import invitations_service_pb2_grpc

from services.chassis.errors import Invalid
from tests.unit.gateway.fakes.world import World


class Invitations(invitations_service_pb2_grpc.InvitationsServiceServicer):
    """`answer` is what GetInvitation says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer = pb.GetInvitationResponse(wh=100_000, may_name_until="2026-12-20")

    def GetInvitation(self, request: Any, context: Any) -> Any:
        self.world.enter("GetInvitation", request)
        self.world.owned(request.supply_id)
        return self.answer

    def CreateInvitation(self, request: Any, context: Any) -> Any:
        self.world.enter("CreateInvitation", request)
        self.world.owned(request.supply_id)
        self.answer.invitation.code = "7K3M-9QXF"
        return pb.CreateInvitationResponse(invitation=self.answer.invitation)

    def RedeemInvitation(self, request: Any, context: Any) -> Any:
        self.world.enter("RedeemInvitation", request)
        self.world.owned(request.supply_id)
        if request.code != "7k3m9qxf":
            raise Invalid("It is misspelt.", "INVITATION_MISSPELT", field="code")
        self.answer.may_name_until = ""
        self.answer.invited_at.FromJsonString("2026-11-21T12:00:00Z")
        return pb.RedeemInvitationResponse(wh=100_000)
