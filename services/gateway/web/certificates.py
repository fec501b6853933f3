"""Debt-free certificates: ask, then granted with its document or refused with what is due."""

from __future__ import annotations

from datetime import UTC

from coop.billing.v1 import billing_service_pb2 as billing
from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from services.chassis.errors import NotFound
from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import session
from services.gateway.compose.fanout import Asked, Fanout
from services.gateway.compose.invoices import CertificateView, DebtView, OpenItemView
from services.gateway.compose.money import Money
from services.gateway.compose.plans import BrokenPlanView
from services.gateway.upstream import document as stream
from services.gateway.web.account import ButtonForm
from services.gateway.web.frame import SupplyPage, profile, today
from services.gateway.web.invoices import DOCUMENT_DEADLINE_S, pdf

blueprint = Blueprint("certificates", __name__)

MANY = 50


@blueprint.route("/s/<supply_id>/certificates", methods=["GET", "POST"])
@session.members_only
def index(supply_id: str) -> ResponseReturnValue:
    form = ButtonForm()
    page = SupplyPage(supply_id, "certificates")
    if form.validate_on_submit():
        all_supplies = request.form.get("of") == "all"
        with remote():
            answer = session.upstream().billing.RequestCertificate(
                billing.RequestCertificateRequest(
                    supply_id=supply_id,
                    # Two buttons of one form: each is a request of its own.
                    request_id=(request.form.get("request_id") or new_id()) + ("-all" if all_supplies else ""),
                    all_supplies=all_supplies,
                ),
                timeout=DOCUMENT_DEADLINE_S,
                metadata=session.member_metadata(),
            )
        if answer.WhichOneof("outcome") == "granted":
            return redirect(
                url_for("certificates.show", supply_id=supply_id, certificate_id=answer.granted.id, new="yes"), 303
            )
        refused = answer.refused
        return page.render(
            "pages/certificate_refused.html",
            items=[OpenItemView.of(item) for item in refused.due],
            total=Money.of(refused.total_due),
            broken=BrokenPlanView.each_of(refused.broken),
            all_supplies=all_supplies,
            at=refused.at.ToDatetime(tzinfo=UTC),
            today=today(),
            payment=profile().section("payment"),
        ), 409
    part = ask_certificates(page.fanout, supply_id)
    debt = page.fanout.ask(
        session.upstream().billing.GetDebtState,
        billing.GetDebtStateRequest(supply_id=supply_id),
        lambda answer: DebtView.of(answer.debt),
    )
    return page.render(
        "pages/certificates.html",
        part=part.part(),
        debt=debt.part().value,
        form=form,
        request_id=new_id(),
        today=today(),
    )


@blueprint.get("/s/<supply_id>/certificates/<certificate_id>")
@session.members_only
def show(supply_id: str, certificate_id: str) -> ResponseReturnValue:
    page = SupplyPage(supply_id, "certificates")
    certificates = ask_certificates(page.fanout, supply_id).get()
    found = next((one for one in certificates if one.id == certificate_id), None)
    if found is None:
        raise NotFound("There is no such certificate of this supply.")
    return page.render("pages/certificate.html", certificate=found, new=request.args.get("new") == "yes")


@blueprint.get("/s/<supply_id>/certificates/<certificate_id>.pdf")
@session.members_only
def document(supply_id: str, certificate_id: str) -> ResponseReturnValue:
    answers = session.upstream().billing.GetCertificateDocument(
        billing.GetCertificateDocumentRequest(certificate_id=certificate_id),
        timeout=DOCUMENT_DEADLINE_S,
        metadata=session.member_metadata(),
    )
    return pdf(*stream(answers))


def ask_certificates(fanout: Fanout, supply_id: str) -> Asked[list[CertificateView]]:
    """Ask for the certificates of a supply, newest first."""
    return fanout.ask(
        session.upstream().billing.ListCertificates,
        billing.ListCertificatesRequest(supply_id=supply_id, page_size=MANY),
        lambda answer: [CertificateView.of(certificate) for certificate in answer.certificates],
    )
