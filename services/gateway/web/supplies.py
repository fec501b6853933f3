"""My supplies: the list, choosing one, and adding one with the holder's document and birth date."""

from __future__ import annotations

from coop.supplies.v1 import supplies_service_pb2 as supplies
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as lazy
from flask_babel import ngettext
from wtforms.validators import DataRequired

from services.chassis.errors import CoopError, Invalid, NotFound, Refused
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.chassis.telemetry import logger
from services.gateway import session
from services.gateway.web.account import ButtonForm
from services.gateway.web.fields import CivilDateField, Form, TextField
from services.gateway.web.frame import ask_my_supplies, my_navigation, navigation, profile

blueprint = Blueprint("supplies", __name__)

_SECTIONS = {
    "home": "home.show",
    "consumption": "consumption.index",
    "invoices": "invoices.index",
    "certificates": "certificates.index",
}


class AddForm(Form):
    document = TextField(
        lazy("Identity document of the holder"), [DataRequired(lazy("Write the number of the document."))]
    )
    birth_date = CivilDateField(lazy("Birth date of the holder"))


class CodeForm(Form):
    code = TextField(lazy("Code of the mail"), [DataRequired(lazy("Write the code that came in the mail."))])


@blueprint.get("/supplies")
@session.members_only
def index() -> ResponseReturnValue:
    mine = ask_my_supplies(session.fanout()).part()
    current = mine.value.start_id if mine.value else ""
    return render_template(
        "pages/supplies.html",
        part=mine,
        form=ButtonForm(),
        section="supplies",
        nav=navigation(current),
        current=current,
    )


@blueprint.post("/supplies/current")
@session.members_only
def choose() -> ResponseReturnValue:
    """Change the current supply and stay in the same section."""
    supply_id = request.form.get("supply_id", "")
    endpoint = _SECTIONS.get(request.form.get("section", ""), "home.show")
    if not supply_id:
        raise NotFound("There is no such supply among yours.")
    try:
        with remote():
            session.upstream().supplies.SetCurrentSupply(
                supplies.SetCurrentSupplyRequest(supply_id=supply_id, request_id=new_id()),
                metadata=session.member_metadata(),
            )
    except CoopError as failed:
        if failed.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            raise
        # The page asked for says which supply it is about: only the choice for next time was not kept.
        logger().warning("current_supply_not_kept", code=failed.code)
    return redirect(url_for(endpoint, supply_id=supply_id), 303)


@blueprint.route("/supplies/add", methods=["GET", "POST"])
@session.members_only
def add() -> ResponseReturnValue:
    form = AddForm()
    if form.validate_on_submit() and form.birth_date.data is not None:
        try:
            with remote():
                session.upstream().supplies.RequestAssociation(
                    supplies.RequestAssociationRequest(
                        document=form.document.data, birth_date=form.birth_date.data.isoformat(), request_id=new_id()
                    ),
                    metadata=session.member_metadata(),
                )
        except Invalid as wrong:
            form.take(wrong)
        else:
            return redirect(url_for("supplies.asked"), 303)
    return (
        render_template(
            "pages/supply_add.html",
            form=form,
            section="supplies",
            nav=my_navigation(),
            jurisdiction=profile().jurisdiction,
            confirm=profile().association_policy == "confirm",
        ),
        422 if form.errors else 200,
    )


@blueprint.get("/supplies/asked")
@session.members_only
def asked() -> ResponseReturnValue:
    """The same page whatever was found: the supplies if they are there by now, and where to type a code if one comes."""
    mine = ask_my_supplies(session.fanout()).part()
    return render_template(
        "pages/supply_asked.html",
        part=mine,
        form=CodeForm(),
        confirm=profile().association_policy == "confirm",
        section="supplies",
        nav=navigation(mine.value.start_id if mine.value else ""),
    )


@blueprint.route("/supplies/confirm", methods=["GET", "POST"])
@session.members_only
def confirm() -> ResponseReturnValue:
    form = CodeForm()
    if form.validate_on_submit():
        try:
            with remote():
                answer = session.upstream().supplies.ConfirmAssociation(
                    supplies.ConfirmAssociationRequest(code=form.code.data, request_id=new_id()),
                    metadata=session.member_metadata(),
                )
        except (Invalid, NotFound, Refused):
            form.code.errors = [
                _("That code is not right or is too old. Look for the newest mail, or ask for another code.")
            ]
        else:
            added = answer.supplies_added
            flash(ngettext("%(num)d supply was added.", "%(num)d supplies were added.", added), "ok")
            return redirect(url_for("home.start"), 303)
    return (
        render_template("pages/supply_confirm.html", form=form, section="supplies", nav=my_navigation()),
        422 if form.errors else 200,
    )
