"""Whether the bills of a supply are collected from an account, and from which."""

from __future__ import annotations

from coop.billing.v1 import direct_debit_service_pb2 as pb
from flask import Blueprint
from flask.typing import ResponseReturnValue

from services.chassis.errors import NotFound
from services.gateway import session
from services.gateway.compose.direct_debit import DirectDebitView
from services.gateway.web.frame import SupplyPage, profile

blueprint = Blueprint("direct_debit", __name__)


@blueprint.get("/s/<supply_id>/direct-debit")
@session.members_only
def show(supply_id: str) -> ResponseReturnValue:
    if not profile().section("direct_debit"):
        raise NotFound("This cooperative collects nothing by direct debit.")
    page = SupplyPage(supply_id, "invoices")
    part = page.fanout.ask(
        session.upstream().direct_debits.GetDirectDebit,
        pb.GetDirectDebitRequest(supply_id=supply_id),
        DirectDebitView.of,
    ).part()
    return page.render("pages/direct_debit.html", part=part)
