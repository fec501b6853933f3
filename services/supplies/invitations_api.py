"""The gRPC face of invitations: proto to use case and back, nothing else."""

import grpc
from coop.supplies.v1 import invitations_service_pb2 as pb
from coop.supplies.v1 import invitations_service_pb2_grpc as pb_grpc

from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.supplies.application import inviting
from services.supplies.application.core import Core
from services.supplies.domain.invitations import printed
from services.supplies.invitation_repository import Invitation


class InvitationsServicer(pb_grpc.InvitationsServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def GetInvitation(
        self, request: pb.GetInvitationRequest, context: grpc.ServicerContext
    ) -> pb.GetInvitationResponse:
        found = inviting.get(self._core, caller(), supply_id=request.supply_id)
        answer = pb.GetInvitationResponse(
            invitation=_message(found.invitation) if found.invitation else None,
            wh=found.wh,
            may_name_until=found.may_name_until.isoformat() if found.may_name_until else "",
        )
        for instant in found.used_at:
            answer.used_at.add().FromDatetime(instant)
        if found.invited_at:
            answer.invited_at.FromDatetime(found.invited_at)
        return answer

    def CreateInvitation(
        self, request: pb.CreateInvitationRequest, context: grpc.ServicerContext
    ) -> pb.CreateInvitationResponse:
        key = RequestKey.of("CreateInvitation", request)
        made = inviting.create(self._core, key, caller(), supply_id=request.supply_id)
        return pb.CreateInvitationResponse(invitation=_message(made))

    def RedeemInvitation(
        self, request: pb.RedeemInvitationRequest, context: grpc.ServicerContext
    ) -> pb.RedeemInvitationResponse:
        key = RequestKey.of("RedeemInvitation", request)
        wh = inviting.redeem(self._core, key, caller(), supply_id=request.supply_id, code=request.code)
        return pb.RedeemInvitationResponse(wh=wh)

    def ListInvitations(
        self, request: pb.ListInvitationsRequest, context: grpc.ServicerContext
    ) -> pb.ListInvitationsResponse:
        found, more = inviting.list_all(self._core, size=request.page_size, page_token=request.page_token)
        return pb.ListInvitationsResponse(invitations=[_message(each) for each in found], next_page_token=more)

    def RevokeInvitation(
        self, request: pb.RevokeInvitationRequest, context: grpc.ServicerContext
    ) -> pb.RevokeInvitationResponse:
        key = RequestKey.of("RevokeInvitation", request)
        revoked = inviting.revoke(self._core, key, code=request.code)
        return pb.RevokeInvitationResponse(invitation=_message(revoked))


def _message(found: Invitation) -> pb.Invitation:
    said = pb.Invitation(
        code=printed(found.code),
        member_id=found.member_id,
        member_number=found.member_number,
        used=found.used,
    )
    said.created_at.FromDatetime(found.created_at)
    if found.revoked_at:
        said.revoked_at.FromDatetime(found.revoked_at)
    return said
