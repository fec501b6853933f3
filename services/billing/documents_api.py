"""DocumentsService over gRPC: messages in, application calls, messages out."""

from __future__ import annotations

import grpc
from coop.billing.v1 import documents_service_pb2 as pb
from coop.billing.v1.documents_service_pb2_grpc import DocumentsServiceServicer
from cryptography.hazmat.primitives.serialization import Encoding

from services.billing.application.document_checks import DocumentChecks, signer
from services.billing.application.documents import Documents
from services.billing.application.invoices import Invoices
from services.billing.messages import instant
from services.billing.signing.keys import parsed
from services.chassis.context import caller


class DocumentsApi(DocumentsServiceServicer):
    def __init__(self, checks: DocumentChecks, documents: Documents, invoices: Invoices) -> None:
        self._checks = checks
        self._documents = documents
        self._invoices = invoices

    def VerifyDocument(
        self, request: pb.VerifyDocumentRequest, context: grpc.ServicerContext
    ) -> pb.VerifyDocumentResponse:
        checked = self._checks.check(caller(), request.content)
        name, sha256 = signer(checked.certificate)
        answer = pb.VerifyDocumentResponse(verdict=checked.verdict, signed_by=name, certificate_sha256=sha256)
        if checked.stored is not None:
            answer.kind, answer.number = checked.stored.kind, checked.stored.number
            answer.issued_at.CopyFrom(instant(checked.stored.issued_at))
            answer.certificate_state = checked.stored.state
        return answer

    def GetInvoiceText(
        self, request: pb.GetInvoiceTextRequest, context: grpc.ServicerContext
    ) -> pb.GetInvoiceTextResponse:
        found = self._invoices.get(caller(), request.invoice_id).invoice
        language, told = self._documents.invoice_text(found.id)
        pieces = [pb.TextPiece(kind=each.kind, texts=each.texts, url=each.url) for each in told]
        return pb.GetInvoiceTextResponse(
            supply_id=found.supply_id, number=found.number, language=language, pieces=pieces
        )

    def GetSigningCertificates(
        self, request: pb.GetSigningCertificatesRequest, context: grpc.ServicerContext
    ) -> pb.GetSigningCertificatesResponse:
        return pb.GetSigningCertificatesResponse(
            certificates=[self._certificate(each) for each in self._checks.certificates()]
        )

    def _certificate(self, content: bytes) -> pb.SigningCertificate:
        certificate = parsed(content)
        _, sha256 = signer(content)
        return pb.SigningCertificate(
            subject=certificate.subject.rfc4514_string(),
            sha256=sha256,
            not_before=instant(certificate.not_valid_before_utc),
            not_after=instant(certificate.not_valid_after_utc),
            in_use=self._checks.in_use(content),
            pem=certificate.public_bytes(Encoding.PEM).decode(),
        )
