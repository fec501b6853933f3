"""From a queued mail to the message that is sent: its secret minted now, its document fetched now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from coop.billing.v1 import billing_service_pb2 as billing
from coop.billing.v1 import reminders_service_pb2 as reminders
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from coop.billing.v1.reminders_service_pb2_grpc import RemindersServiceStub
from coop.identity.v1 import identity_service_pb2 as identity
from coop.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from coop.supplies.v1 import supplies_service_pb2 as supplies
from coop.supplies.v1.supplies_service_pb2_grpc import SuppliesServiceStub
from sqlalchemy import Row

from services.chassis.errors import CoopError, Invalid, NotFound, Refused
from services.chassis.grpc.client import Clients, remote
from services.chassis.profile import Profile
from services.notifications.domain.delivery import Hopeless, Trouble
from services.notifications.domain.recipients import ATTACHED
from services.notifications.templates import Renderer

DOCUMENT_DEADLINE_S = 30.0


class Composer:
    """Writes mails. Raises Trouble when another service cannot help now, Hopeless when the mail has lost its reason."""

    def __init__(self, renderer: Renderer, clients: Clients, profile: Profile, sender: str) -> None:
        self._renderer = renderer
        self._clients = clients
        self._profile = profile
        self._sender = sender

    def compose(self, row: Row[Any], now: datetime) -> EmailMessage:
        """The message of a row of the table `message`."""
        try:
            with remote():
                data = {**row.data, **self._fresh(row)}
                document = self._document(row)
        except (NotFound, Refused, Invalid) as over:
            raise Hopeless(f"{over.reason}: {over.message}") from over
        except CoopError as trouble:
            raise Trouble(f"{trouble.reason}: {trouble.message}") from trouble
        words = self._renderer.mail(row.kind, row.template_version, row.language, data)
        mail = EmailMessage()
        mail["Subject"] = words.subject
        mail["From"] = Address(self._profile.name, addr_spec=self._sender)
        mail["To"] = row.recipient
        mail["Date"] = format_datetime(now)
        # The same on every attempt: should a mail arrive twice after a crash, mail programs show it once.
        mail["Message-ID"] = f"<{row.id}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
        mail["Content-Language"] = row.language
        mail.set_content(words.text, cte="quoted-printable")
        mail.add_alternative(words.html, subtype="html", cte="quoted-printable")
        if document:
            name, content = document
            mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
        return mail

    def _fresh(self, row: Row[Any]) -> dict[str, Any]:
        """What only exists for this attempt: a link with its token, a code. No secret is ever stored here."""
        if row.kind in _TOKENS:
            purpose, path = _TOKENS[row.kind]
            answer = self._clients.stub("identity", IdentityServiceStub).IssueMailToken(
                identity.IssueMailTokenRequest(
                    purpose=purpose, account_id=row.data["account_id"], event_id=row.event_id
                )
            )
            return {"link": self._renderer.url(f"{path}?token={answer.token}")}
        if row.kind == "association_code":
            answer = self._clients.stub("supplies", SuppliesServiceStub).IssueAssociationCode(
                supplies.IssueAssociationCodeRequest(association_id=row.data["association_id"], event_id=row.event_id)
            )
            return {"code": answer.code, "minutes": answer.valid_minutes}
        if row.kind == "reminder":
            return self._still_owed(row.data["reminder_id"])
        return {}

    def _still_owed(self, reminder_id: str) -> dict[str, Any]:
        """What is unpaid at this moment of what the reminder was about. Refused when all of it was paid meanwhile."""
        stub = self._clients.stub("billing", RemindersServiceStub)
        found = stub.GetReminder(reminders.GetReminderRequest(reminder_id=reminder_id)).reminder
        if not found.open_now:
            raise Refused("What the reminder was about was paid before the mail was written.", "REMINDER_SETTLED")
        debts = [[each.number, each.due_date, each.outstanding.amount] for each in found.open_now]
        return {"debts": debts, "total": found.owed_now.amount}

    def _document(self, row: Row[Any]) -> tuple[str, bytes] | None:
        stub = self._clients.stub("billing", BillingServiceStub)
        if row.kind in _INVOICES and row.data["delivery"] == ATTACHED:
            asked = billing.GetInvoiceDocumentRequest(invoice_id=row.data["invoice_id"])
            return _gathered(stub.GetInvoiceDocument(asked, timeout=DOCUMENT_DEADLINE_S))
        if row.kind == "certificate_issued":
            wanted = billing.GetCertificateDocumentRequest(certificate_id=row.data["certificate_id"])
            return _gathered(stub.GetCertificateDocument(wanted, timeout=DOCUMENT_DEADLINE_S))
        return None


_INVOICES = ("invoice_issued", "invoice_rectified", "charge_issued", "charge_withdrawn")
"""What has the PDF of an invoice with it, for whom wants it attached."""
_TOKENS = {
    "activation": (identity.MAIL_TOKEN_PURPOSE_ACTIVATION, "/activate"),
    "password_reset": (identity.MAIL_TOKEN_PURPOSE_PASSWORD_RESET, "/reset-password"),
}


def _gathered(pieces: Iterable[Any]) -> tuple[str, bytes]:
    name, content = "", bytearray()
    for piece in pieces:
        name = name or piece.file_name
        content += piece.chunk
    if not content:
        raise Trouble("The document came without content.")
    return name or "document.pdf", bytes(content)
