"""Invoices, statement and certificates."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from apiflask import APIBlueprint, FileSchema
from coop.billing.v1 import billing_service_pb2 as billing
from flask.typing import ResponseReturnValue
from marshmallow import RAISE

from services.chassis.grpc.client import remote
from services.chassis.ids import new_id
from services.gateway import session
from services.gateway.api import schemas, shapes
from services.gateway.api.auth import auth, metadata
from services.gateway.api.bodies import json_only, period_of
from services.gateway.compose.invoices import CertificateView, DebtView, InvoiceView, OpenItemView, StatementView
from services.gateway.compose.money import Money
from services.gateway.compose.plans import BrokenPlanView
from services.gateway.upstream import document as stream
from services.gateway.web.invoices import DOCUMENT_DEADLINE_S, pdf
from services.gateway.web.verify import canonical

blueprint = APIBlueprint("records", __name__, url_prefix="/api/v1", tag="Records")
blueprint.before_request(json_only)

_PDF = FileSchema(type="string", format="binary")


@blueprint.get("/supplies/<supply_id>/invoices")
@blueprint.auth_required(auth)
@blueprint.input(schemas.Paging, location="query", unknown=RAISE)
@blueprint.output(schemas.InvoicesOut)
@blueprint.doc(operation_id="listInvoices", summary="Invoices, newest first, without their lines")
def invoices(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.ListInvoices(
            billing.ListInvoicesRequest(supply_id=supply_id, **query_data), metadata=metadata()
        )
    return {
        "invoices": [shapes.invoice(InvoiceView.of(one)) for one in answer.invoices],
        "next_page_token": answer.next_page_token,
    }


@blueprint.get("/invoices/<invoice_id>")
@blueprint.auth_required(auth)
@blueprint.output(schemas.InvoiceOut)
@blueprint.doc(operation_id="getInvoice", summary="One invoice with its lines")
def invoice(invoice_id: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.GetInvoice(
            billing.GetInvoiceRequest(invoice_id=invoice_id), metadata=metadata()
        )
    return shapes.invoice(InvoiceView.of(answer.invoice))


@blueprint.get("/invoices/<invoice_id>/document")
@blueprint.auth_required(auth)
@blueprint.output(_PDF, content_type="application/pdf")
@blueprint.doc(operation_id="getInvoiceDocument", summary="The PDF as it was made the first time")
def invoice_document(invoice_id: str) -> ResponseReturnValue:
    answers = session.upstream().billing.GetInvoiceDocument(
        billing.GetInvoiceDocumentRequest(invoice_id=invoice_id), timeout=DOCUMENT_DEADLINE_S, metadata=metadata()
    )
    return pdf(*stream(answers))


@blueprint.get("/supplies/<supply_id>/debt")
@blueprint.auth_required(auth)
@blueprint.output(schemas.DebtOut)
@blueprint.doc(operation_id="getDebt", summary="What is due and what is not due yet")
def debt(supply_id: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.GetDebtState(
            billing.GetDebtStateRequest(supply_id=supply_id), metadata=metadata()
        )
    return shapes.debt(DebtView.of(answer.debt))


@blueprint.get("/supplies/<supply_id>/statement")
@blueprint.auth_required(auth)
@blueprint.input(schemas.PeriodQuery, location="query", unknown=RAISE)
@blueprint.output(schemas.StatementOut)
@blueprint.doc(operation_id="getStatement", summary="The movements of a range of days")
def statement(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.GetStatement(
            billing.GetStatementRequest(supply_id=supply_id, period=period_of(query_data)), metadata=metadata()
        )
    return shapes.statement(StatementView.of(answer.statement))


@blueprint.get("/supplies/<supply_id>/certificates")
@blueprint.auth_required(auth)
@blueprint.input(schemas.Paging, location="query", unknown=RAISE)
@blueprint.output(schemas.CertificatesOut)
@blueprint.doc(operation_id="listCertificates", summary="Debt-free certificates, newest first")
def certificates(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.ListCertificates(
            billing.ListCertificatesRequest(supply_id=supply_id, **query_data), metadata=metadata()
        )
    return {
        "certificates": [shapes.certificate(CertificateView.of(one)) for one in answer.certificates],
        "next_page_token": answer.next_page_token,
    }


@blueprint.post("/supplies/<supply_id>/certificates")
@blueprint.auth_required(auth)
@blueprint.input(schemas.CertificateOrder, location="query", unknown=RAISE)
@blueprint.output(schemas.CertificateAnswer)
@blueprint.doc(operation_id="requestCertificate", summary="Ask for a debt-free certificate: granted, or what is due")
def request_certificate(supply_id: str, query_data: dict[str, Any]) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.RequestCertificate(
            billing.RequestCertificateRequest(supply_id=supply_id, request_id=new_id(), **query_data),
            timeout=DOCUMENT_DEADLINE_S,
            metadata=metadata(),
        )
    if answer.WhichOneof("outcome") == "granted":
        return {"granted": shapes.certificate(CertificateView.of(answer.granted)), "due": []}
    refused = answer.refused
    return {
        "due": [shapes.open_item(OpenItemView.of(item)) for item in refused.due],
        "total_due": shapes.money(Money.of(refused.total_due)),
        "broken_plans": [
            {"number": each.number, "of": each.of, "due_date": each.due, "missing": shapes.money(each.missing)}
            for each in BrokenPlanView.each_of(refused.broken)
        ],
    }


@blueprint.get("/certificates/<certificate_id>/document")
@blueprint.auth_required(auth)
@blueprint.output(_PDF, content_type="application/pdf")
@blueprint.doc(operation_id="getCertificateDocument", summary="The certificate's PDF")
def certificate_document(certificate_id: str) -> ResponseReturnValue:
    answers = session.upstream().billing.GetCertificateDocument(
        billing.GetCertificateDocumentRequest(certificate_id=certificate_id),
        timeout=DOCUMENT_DEADLINE_S,
        metadata=metadata(),
    )
    return pdf(*stream(answers))


@blueprint.get("/verifications/<code>")
@blueprint.output(schemas.VerificationOut)
@blueprint.doc(operation_id="verifyCertificate", summary="Check the code of a certificate; no session needed")
def verify(code: str) -> ResponseReturnValue:
    with remote():
        answer = session.upstream().billing.VerifyCertificate(
            billing.VerifyCertificateRequest(code=canonical(code)), metadata=session.anonymous_metadata()
        )
    return {
        "state": answer.state,
        "issued_at": answer.issued_at.ToDatetime(tzinfo=UTC),
        "valid_until": date.fromisoformat(answer.valid_until),
        "holder_masked": answer.holder_masked,
        "supply_masked": answer.supply_masked,
        "issuer": answer.issuer,
    }
