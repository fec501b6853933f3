"""BillingService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, TypeVar

import grpc
from coop.billing.v1 import billing_service_pb2 as pb
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceServicer

from services.billing.application.accounts import Accounts, PaymentOrder
from services.billing.application.bill_runs import BillRuns
from services.billing.application.certificates import Certificates, Granted
from services.billing.application.documents import Documents, Printed
from services.billing.application.invoices import Invoices
from services.billing.application.reviews import Reviews
from services.billing.documents import render_invoice
from services.billing.facts_message import facts_message
from services.billing.messages import Messages, instant
from services.billing.press import Press
from services.billing.repository.invoices import Issued, Place
from services.billing.rules import Rules
from services.chassis.context import caller
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 20, 100
DOCUMENT_CHUNK = 64 * 1024
Response = TypeVar("Response")


class BillingApi(BillingServiceServicer):
    def __init__(
        self,
        rules: Rules,
        bill_runs: BillRuns,
        invoices: Invoices,
        accounts: Accounts,
        certificates: Certificates,
        documents: Documents,
        reviews: Reviews,
        press: Press,
    ) -> None:
        self._rules = rules
        self._bill_runs = bill_runs
        self._invoices = invoices
        self._accounts = accounts
        self._certificates = certificates
        self._documents = documents
        self._reviews = reviews
        self._press = press
        self._write = Messages(rules)

    # ------------------------------------------------------------------------------------------------------ bill runs
    def PreviewBillRun(
        self, request: pb.PreviewBillRunRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PreviewBillRunResponse]:
        for state in self._bill_runs.preview(request.period, request.issue_date):
            held = [self._write.held(each) for each in state.held]
            yield pb.PreviewBillRunResponse(run=self._write.run(state), held=held)

    def StartBillRun(self, request: pb.StartBillRunRequest, context: grpc.ServicerContext) -> pb.StartBillRunResponse:
        key = RequestKey.of("StartBillRun", request)
        return pb.StartBillRunResponse(
            run=self._write.run(self._bill_runs.start(key, request.period, request.issue_date))
        )

    def GetBillRun(self, request: pb.GetBillRunRequest, context: grpc.ServicerContext) -> pb.GetBillRunResponse:
        state = self._bill_runs.get(request.bill_run_id)
        return pb.GetBillRunResponse(run=self._write.run(state), held=[self._write.held(each) for each in state.held])

    def WatchBillRun(
        self, request: pb.WatchBillRunRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.WatchBillRunResponse]:
        alive = threading.Event()
        alive.set()
        context.add_callback(alive.clear)
        for state in self._bill_runs.watch(request.bill_run_id, alive):
            held = [self._write.held(each) for each in state.held]
            yield pb.WatchBillRunResponse(run=self._write.run(state), held=held)

    def ReleaseHeldBill(
        self, request: pb.ReleaseHeldBillRequest, context: grpc.ServicerContext
    ) -> pb.ReleaseHeldBillResponse:
        key = RequestKey.of("ReleaseHeldBill", request)
        released = self._reviews.release(key, caller().actor, request.account_number, request.period, request.why)
        return pb.ReleaseHeldBillResponse(
            held=self._write.released(request.account_number.strip(), released),
            why=released.why,
            released_by=released.released_by,
            released_at=instant(released.released_at),
        )

    # ------------------------------------------------------------------------------------------------------- invoices
    def ListInvoices(self, request: pb.ListInvoicesRequest, context: grpc.ServicerContext) -> pb.ListInvoicesResponse:
        size = _page_size(request.page_size)
        found = self._invoices.list(
            caller(), request.supply_id, before=_before(request.page_token), limit=size + 1, kind=request.kind
        )
        page, more = found[:size], found[size:]
        return pb.ListInvoicesResponse(
            invoices=[self._write.invoice(each) for each in page],
            next_page_token=_after(page[-1].invoice) if more else "",
        )

    def GetInvoice(self, request: pb.GetInvoiceRequest, context: grpc.ServicerContext) -> pb.GetInvoiceResponse:
        return pb.GetInvoiceResponse(invoice=self._write.invoice(self._invoices.get(caller(), request.invoice_id)))

    def GetInvoiceFacts(
        self, request: pb.GetInvoiceFactsRequest, context: grpc.ServicerContext
    ) -> pb.GetInvoiceFactsResponse:
        return facts_message(*self._invoices.bundle(caller(), request.invoice_id))

    def GetInvoiceDocument(
        self, request: pb.GetInvoiceDocumentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetInvoiceDocumentResponse]:
        found = self._invoices.get(caller(), request.invoice_id)
        # Mails of a bill run ask by the thousand: they take the press, and leave this process to people.
        render = self._press.invoice if caller().kind == "service" else render_invoice
        yield from _chunks(self._documents.invoice(found.invoice.id, render), pb.GetInvoiceDocumentResponse)

    # ------------------------------------------------------------------------------------------------------- accounts
    def RecordPayment(
        self, request: pb.RecordPaymentRequest, context: grpc.ServicerContext
    ) -> pb.RecordPaymentResponse:
        order = PaymentOrder(
            invoice=request.invoice,
            amount=request.amount.amount,
            currency=request.amount.currency_code,
            method=request.method,
            paid_on=request.paid_on,
            reference=request.reference,
            supply_id=request.supply_id,
        )
        recorded = self._accounts.record_payment(RequestKey.of("RecordPayment", request), caller().actor, order)
        return pb.RecordPaymentResponse(payment=self._write.payment(recorded), debt=self._write.debt(recorded.debt))

    def GetDebtState(self, request: pb.GetDebtStateRequest, context: grpc.ServicerContext) -> pb.GetDebtStateResponse:
        return pb.GetDebtStateResponse(debt=self._write.debt(self._accounts.debt(caller(), request.supply_id)))

    def GetStatement(self, request: pb.GetStatementRequest, context: grpc.ServicerContext) -> pb.GetStatementResponse:
        days = request.period
        found = self._accounts.statement(caller(), request.supply_id, days.start, days.end)
        return pb.GetStatementResponse(statement=self._write.statement(found))

    def GetStatementDocument(
        self, request: pb.GetStatementDocumentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetStatementDocumentResponse]:
        days = request.period
        found = self._accounts.statement(caller(), request.supply_id, days.start, days.end)
        yield from _chunks(self._documents.statement(caller(), found), pb.GetStatementDocumentResponse)

    # --------------------------------------------------------------------------------------------------- certificates
    def RequestCertificate(
        self, request: pb.RequestCertificateRequest, context: grpc.ServicerContext
    ) -> pb.RequestCertificateResponse:
        key = RequestKey.of("RequestCertificate", request)
        outcome = self._certificates.request(key, caller(), request.supply_id, all_supplies=request.all_supplies)
        if isinstance(outcome, Granted):
            return pb.RequestCertificateResponse(granted=self._write.certificate(outcome))
        return pb.RequestCertificateResponse(
            refused=pb.CertificateRefusal(
                due=[self._write.open_item(item) for item in outcome.due],
                total_due=self._write.money(outcome.total_due),
                at=instant(outcome.at),
                broken=[
                    pb.BrokenPlan(
                        plan_id=each.plan_id,
                        position=each.position,
                        of=each.of,
                        due_date=each.due_date.isoformat(),
                        missing=self._write.money(each.missing),
                    )
                    for each in outcome.broken
                ],
            )
        )

    def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: grpc.ServicerContext
    ) -> pb.ListCertificatesResponse:
        size = _page_size(request.page_size)
        found = self._certificates.list(caller(), request.supply_id, before=request.page_token, limit=size + 1)
        page, more = found[:size], found[size:]
        return pb.ListCertificatesResponse(
            certificates=[self._write.certificate(each) for each in page],
            next_page_token=page[-1].certificate.id if more else "",
        )

    def GetCertificateDocument(
        self, request: pb.GetCertificateDocumentRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.GetCertificateDocumentResponse]:
        found = self._certificates.visible(caller(), request.certificate_id)
        yield from _chunks(self._documents.certificate(found), pb.GetCertificateDocumentResponse)

    def RevokeCertificate(
        self, request: pb.RevokeCertificateRequest, context: grpc.ServicerContext
    ) -> pb.RevokeCertificateResponse:
        key = RequestKey.of("RevokeCertificate", request)
        revoked = self._certificates.revoke(key, request.certificate_id, request.why)
        return pb.RevokeCertificateResponse(certificate=self._write.certificate(revoked))

    def VerifyCertificate(
        self, request: pb.VerifyCertificateRequest, context: grpc.ServicerContext
    ) -> pb.VerifyCertificateResponse:
        found = self._certificates.verify(caller(), request.code)
        made = found.certificate
        return pb.VerifyCertificateResponse(
            state=found.state,
            issued_at=instant(made.issued_at),
            valid_until=made.valid_until.isoformat(),
            holder_masked=made.holder_masked,
            supply_masked=made.supply_masked,
            issuer=self._rules.profile.legal_name,
        )


def _page_size(asked: int) -> int:
    if asked < 0:
        raise Invalid(f"page_size is {asked}; give 1 to {LARGEST_PAGE}, or nothing.", field="page_size")
    return min(asked or DEFAULT_PAGE, LARGEST_PAGE)


def _after(invoice: Issued) -> str:
    return "/".join(map(str, invoice.place))


def _before(token: str) -> Place | None:
    day, _, place = token.partition("/")
    kind, _, revision = place.partition("/")
    try:
        return (date.fromisoformat(day), kind, int(revision)) if token else None
    except ValueError:
        raise Invalid(
            f"page_token {token!r} was not given by this service; begin without one.", field="page_token"
        ) from None


def _chunks(printed: Printed, response: Callable[..., Any]) -> Iterator[Any]:
    """The file's name with the first part, then the rest."""
    for start in range(0, len(printed.content), DOCUMENT_CHUNK):
        name = printed.file_name if start == 0 else ""
        yield response(file_name=name, chunk=printed.content[start : start + DOCUMENT_CHUNK])
