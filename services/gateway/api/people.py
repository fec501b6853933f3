"""Sessions, the account, the supplies and their association, notices."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from apiflask import APIBlueprint
from coop.identity.v1 import identity_service_pb2 as identity
from coop.notifications.v1 import notifications_service_pb2 as notifications
from coop.supplies.v1 import supplies_service_pb2 as supplies
from flask.typing import ResponseReturnValue
from marshmallow import RAISE

from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import session
from services.gateway.api import schemas, shapes
from services.gateway.api.auth import auth, metadata
from services.gateway.api.bodies import json_only
from services.gateway.compose.notices import Notices
from services.gateway.compose.supplies import SupplyView

blueprint = APIBlueprint("people", __name__, url_prefix="/api/v1", tag="People")
blueprint.before_request(json_only)

MANY = 100


@blueprint.post("/sessions")
@blueprint.input(schemas.SignIn)
@blueprint.output(schemas.Session, status_code=201)
@blueprint.doc(operation_id="signIn", summary="Sign in")
def sign_in(json_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().identity.SignIn(
            identity.SignInRequest(email=json_data["email"], password=json_data["password"], device="API"),
            metadata=session.anonymous_metadata(),
        )
    return {
        "token": answer.session_token,
        "expires_at": answer.expires_at.ToDatetime(tzinfo=UTC),
        "account": _account(answer.account),
    }  # type: ignore[return-value]


@blueprint.delete("/sessions/current")
@blueprint.auth_required(auth)
@blueprint.output({}, status_code=204)
@blueprint.doc(operation_id="signOut", summary="Sign out")
def sign_out() -> ResponseReturnValue:
    with remote():
        session.upstream().identity.SignOut(identity.SignOutRequest(), metadata=metadata())
    return ""


@blueprint.get("/me")
@blueprint.auth_required(auth)
@blueprint.output(schemas.Account)
@blueprint.doc(operation_id="getMe", summary="The account that is signed in")
def me() -> ResponseReturnValue:
    with remote():
        answer = session.upstream().identity.GetMyAccount(identity.GetMyAccountRequest(), metadata=metadata())
    return _account(answer.account)


@blueprint.get("/supplies")
@blueprint.auth_required(auth)
@blueprint.output(schemas.SuppliesOut)
@blueprint.doc(operation_id="listSupplies", summary="The supplies the account may read")
def list_supplies() -> ResponseReturnValue:
    with remote():
        answer = session.upstream().supplies.ListMySupplies(
            supplies.ListMySuppliesRequest(page_size=MANY), metadata=metadata()
        )
    return {
        "supplies": [shapes.supply(SupplyView.of(one)) for one in answer.supplies],
        "current_supply_id": answer.current_supply_id,
    }


@blueprint.put("/supplies/current")
@blueprint.auth_required(auth)
@blueprint.input(schemas.CurrentSupply)
@blueprint.output({}, status_code=204)
@blueprint.doc(operation_id="chooseSupply", summary="Choose the supply that pages open with")
def choose_supply(json_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        session.upstream().supplies.SetCurrentSupply(
            supplies.SetCurrentSupplyRequest(supply_id=json_data["supply_id"], request_id=new_id()), metadata=metadata()
        )
    return ""


@blueprint.get("/supplies/<supply_id>")
@blueprint.auth_required(auth)
@blueprint.output(schemas.SupplyOut)
@blueprint.doc(operation_id="getSupply", summary="One supply")
def get_supply(supply_id: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().supplies.GetSupply(
            supplies.GetSupplyRequest(supply_id=supply_id), metadata=metadata()
        )
    return shapes.supply(SupplyView.of(answer.supply))


@blueprint.post("/associations")
@blueprint.auth_required(auth)
@blueprint.input(schemas.Association)
@blueprint.output(schemas.Accepted, status_code=202)
@blueprint.doc(operation_id="requestAssociation", summary="Ask for the supplies of a holder")
def associate(json_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        session.upstream().supplies.RequestAssociation(
            supplies.RequestAssociationRequest(
                document=json_data["document"], birth_date=json_data["birth_date"].isoformat(), request_id=new_id()
            ),
            metadata=metadata(),
        )
    return {"detail": "If the data match, the supply is granted or the contact on file is written to."}


@blueprint.post("/associations/confirmations")
@blueprint.auth_required(auth)
@blueprint.input(schemas.AssociationCode)
@blueprint.output(schemas.AssociationDone)
@blueprint.doc(operation_id="confirmAssociation", summary="Send the code that came to the contact on file")
def confirm_association(json_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().supplies.ConfirmAssociation(
            supplies.ConfirmAssociationRequest(code=json_data["code"], request_id=new_id()), metadata=metadata()
        )
    return {"supplies_added": answer.supplies_added}


@blueprint.get("/notices")
@blueprint.auth_required(auth)
@blueprint.input(schemas.Paging, location="query", unknown=RAISE)
@blueprint.output(schemas.NoticesOut)
@blueprint.doc(operation_id="listNotices", summary="The inbox, newest first")
def list_notices(query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().notifications.ListMyNotices(
            notifications.ListMyNoticesRequest(**query_data), metadata=metadata()
        )
    inbox = Notices.of(answer)
    return {
        "notices": [shapes.notice(one) for one in inbox.notices],
        "unread": inbox.unread,
        "next_page_token": inbox.next_page_token,
    }


@blueprint.put("/notices/<notice_id>/read")
@blueprint.auth_required(auth)
@blueprint.output({}, status_code=204)
@blueprint.doc(operation_id="markNoticeRead", summary="Mark a notice as read")
def mark_read(notice_id: str) -> ResponseReturnValue:
    with remote():
        session.upstream().notifications.MarkNoticeRead(
            notifications.MarkNoticeReadRequest(notice_id=notice_id), metadata=metadata()
        )
    return ""


def _account(account: identity.Account) -> dict[str, str]:
    return {"id": account.id, "email": account.email, "name": account.name, "language": account.language}
