"""The inbox: every notice the cooperative has sent, whether or not its mail arrived."""

from __future__ import annotations

from coop.notifications.v1 import notifications_service_pb2 as notifications
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.chassis.errors import NotFound
from services.chassis.grpc.client import remote
from services.gateway import session
from services.gateway.compose.fanout import Fanout, Part
from services.gateway.compose.notices import Notices
from services.gateway.web.account import ButtonForm
from services.gateway.web.frame import ask_my_supplies, my_navigation

blueprint = Blueprint("notices", __name__)

PAGE = 25
_SEARCHED = 100


@blueprint.get("/notices")
@session.members_only
def index() -> ResponseReturnValue:
    token = request.args.get("page", "")
    fanout = session.fanout()
    mine = ask_my_supplies(fanout)
    part = _ask(fanout, PAGE, token)
    following = part.value.next_page_token if part.value else ""
    return render_template(
        "pages/notices.html",
        part=part,
        mine=mine.part().value,
        section="notices",
        nav=my_navigation(mine),
        newer=url_for("notices.index") if token else None,
        older=url_for("notices.index", page=following) if following else None,
    )


@blueprint.route("/notices/<notice_id>", methods=["GET", "POST"])
@session.members_only
def show(notice_id: str) -> ResponseReturnValue:
    """One notice. Reading it does not mark it (a GET changes nothing): a button does."""
    form = ButtonForm()
    if form.validate_on_submit():
        with remote():
            session.upstream().notifications.MarkNoticeRead(
                notifications.MarkNoticeReadRequest(notice_id=notice_id), metadata=session.member_metadata()
            )
        return redirect(url_for("notices.index"), 303)
    fanout = session.fanout()
    mine = ask_my_supplies(fanout)
    inbox = _ask(fanout, _SEARCHED, "").get()
    found = next((notice for notice in inbox.notices if notice.id == notice_id), None)
    if found is None:
        raise NotFound("There is no such notice among the latest.")
    return render_template("pages/notice.html", notice=found, form=form, section="notices", nav=my_navigation(mine))


def _ask(fanout: Fanout, size: int, token: str) -> Part[Notices]:
    return fanout.ask(
        session.upstream().notifications.ListMyNotices,
        notifications.ListMyNoticesRequest(page_size=size, page_token=token),
        Notices.of,
    ).part()
