"""Inviting somebody: one's own code, and the code by which a new supply came."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Date, DateTime, Integer, List, String
from coop.supplies.v1 import invitations_service_pb2 as pb
from flask.typing import ResponseReturnValue

from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import session
from services.gateway.api.auth import auth, metadata
from services.gateway.api.bodies import json_only
from services.gateway.api.schemas import Text
from services.gateway.compose.invitations import InvitationView

blueprint = APIBlueprint("api_invitations", __name__, url_prefix="/api/v1", tag="Invitations")
blueprint.before_request(json_only)


class InvitationOut(Schema):
    code = String(
        required=True,
        metadata={"example": "7K3M-9QXF", "description": "Of the supply's holder; empty while they have none."},
    )
    wh = Integer(
        required=True,
        metadata={"description": "What each of the two gets; 0 where the cooperative has no invitations."},
    )
    used_at = List(DateTime(), required=True, metadata={"description": "When friends used it, the newest first."})
    invited_at = DateTime(
        required=True, allow_none=True, metadata={"description": "When this supply used somebody's code."}
    )
    name_until = Date(
        required=True,
        allow_none=True,
        metadata={"description": "The last day on which this supply may name a code; null when it may not."},
    )


class InvitationCode(Schema):
    code = Text(40, required=True, metadata={"example": "7K3M-9QXF", "description": "As people type it."})


class InvitationNamed(Schema):
    wh = Integer(required=True, metadata={"description": "What the next bill of each of the two gives."})


@blueprint.get("/supplies/<supply_id>/invitation")
@blueprint.auth_required(auth)
@blueprint.output(InvitationOut)
@blueprint.doc(operation_id="getInvitation", summary="The holder's code, who used it, and whether a code may be named")
def get_invitation(supply_id: str) -> ResponseReturnValue:
    return _shown(supply_id)


@blueprint.post("/supplies/<supply_id>/invitation")
@blueprint.auth_required(auth)
@blueprint.output(InvitationOut)
@blueprint.doc(operation_id="createInvitation", summary="Give the holder a code; one who has a code keeps it")
def create_invitation(supply_id: str) -> ResponseReturnValue:
    with remote():
        session.upstream().invitations.CreateInvitation(
            pb.CreateInvitationRequest(supply_id=supply_id, request_id=new_id()), metadata=metadata()
        )
    return _shown(supply_id)


@blueprint.post("/supplies/<supply_id>/invitation/named")
@blueprint.auth_required(auth)
@blueprint.input(InvitationCode)
@blueprint.output(InvitationNamed)
@blueprint.doc(operation_id="nameInvitation", summary="Name the code by which a new supply came, once")
def name_invitation(supply_id: str, json_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().invitations.RedeemInvitation(
            pb.RedeemInvitationRequest(supply_id=supply_id, code=json_data["code"], request_id=new_id()),
            metadata=metadata(),
        )
    return {"wh": answer.wh}


def _shown(supply_id: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().invitations.GetInvitation(
            pb.GetInvitationRequest(supply_id=supply_id), metadata=metadata()
        )
    found = InvitationView.of(answer)
    return {
        "code": found.code,
        "wh": found.wh,
        "used_at": list(found.used_at),
        "invited_at": found.invited_at,
        "name_until": found.name_until,
    }
