"""Inviting somebody: the member's own code, and the code by which a new supply came."""

from __future__ import annotations

from coop.supplies.v1 import invitations_service_pb2 as pb
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from wtforms.validators import DataRequired

from services.chassis.errors import CoopError, Invalid, NotFound, Refused
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import session
from services.gateway.compose.invitations import InvitationView
from services.gateway.web.account import ButtonForm
from services.gateway.web.fields import Form, TextField
from services.gateway.web.frame import SupplyPage
from services.gateway.web.sentences import sentence

blueprint = Blueprint("invitations", __name__)


class NameForm(Form):
    code = TextField(lazy("Code of who invited you"), [DataRequired(lazy("Write the code."))])


@blueprint.get("/s/<supply_id>/invitation")
@session.members_only
def show(supply_id: str) -> ResponseReturnValue:
    return _render(SupplyPage(supply_id, "home"), supply_id, NameForm())


@blueprint.post("/s/<supply_id>/invitation")
@session.members_only
def create(supply_id: str) -> ResponseReturnValue:
    """Give the holder a code; one who has a code keeps it."""
    if ButtonForm().validate_on_submit():
        with remote():
            session.upstream().invitations.CreateInvitation(
                pb.CreateInvitationRequest(supply_id=supply_id, request_id=_request_id()),
                metadata=session.member_metadata(),
            )
    return redirect(url_for("invitations.show", supply_id=supply_id), 303)


@blueprint.post("/s/<supply_id>/invitation/named")
@session.members_only
def name(supply_id: str) -> ResponseReturnValue:
    """The new supply came by somebody's code."""
    form = NameForm()
    if form.validate_on_submit():
        try:
            with remote():
                session.upstream().invitations.RedeemInvitation(
                    pb.RedeemInvitationRequest(supply_id=supply_id, code=form.code.data, request_id=new_id()),
                    metadata=session.member_metadata(),
                )
        except (Invalid, NotFound, Refused) as wrong:
            _object(form, wrong)
        else:
            flash(_("Thank you: the energy comes off the next bill of both of you."), "ok")
            return redirect(url_for("invitations.show", supply_id=supply_id), 303)
    return _render(SupplyPage(supply_id, "home"), supply_id, form), 422


def _object(form: NameForm, wrong: CoopError) -> None:
    """Says what is wrong beside the field; raises what is not about the code."""
    if not wrong.reason.startswith("INVITATION_"):
        raise wrong
    form.code.errors = [sentence(wrong)]


def _request_id() -> str:
    return request.form.get("request_id", "")[:80] or new_id()


def _render(page: SupplyPage, supply_id: str, form: NameForm) -> str:
    asked = page.fanout.ask(
        session.upstream().invitations.GetInvitation, pb.GetInvitationRequest(supply_id=supply_id), InvitationView.of
    )
    return page.render("pages/invitation.html", part=asked.part(), form=form, request_id=new_id())
