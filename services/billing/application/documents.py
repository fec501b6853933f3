"""Printed documents: rendered once, stored by the hash of their bytes, given back byte for byte ever after."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from services.billing.application.access import visible_supply
from services.billing.application.accounts import AccountStatement
from services.billing.application.mandates import debit_terms, debited
from services.billing.documents import read_invoice, render_certificate, render_invoice, render_statement
from services.billing.documents.model import InvoiceDocument
from services.billing.documents.transcript import Said
from services.billing.domain.difference import COMPARED
from services.billing.papers.account import certificate_document, statement_document
from services.billing.papers.invoice import HISTORY_MONTHS, invoice_document
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.repository import certificates, corrected, fiscal, invoices, read_model, signing_certificates
from services.billing.repository.certificates import Certificate, StoredDocument
from services.billing.rules import Rules
from services.billing.signing import Seal, SigningKey
from services.chassis.blobs import BlobStore, DamagedBlob
from services.chassis.context import Principal
from services.chassis.db import Database, Transaction
from services.chassis.errors import NotFound, Refused
from services.chassis.telemetry import logger

Render = Callable[[InvoiceDocument, str, Seal | None], bytes]

INVOICE, CERTIFICATE = "invoice", "certificate"
#: The page where anybody checks a code or a file.
CHECK_PAGE = "/verify"


@dataclass(frozen=True)
class Printed:
    file_name: str
    content: bytes


class Documents:
    """`signing` is what documents are signed with from now on; None: they are not."""

    def __init__(
        self, database: Database, rules: Rules, blobs: BlobStore, public_url: str, signing: SigningKey | None = None
    ) -> None:
        self._database = database
        self._rules = rules
        self._blobs = blobs
        self._public_url = public_url.rstrip("/")
        self._signing = signing
        self._debits = debit_terms(rules.profile)

    # ----------------------------------------------------------------------------------------------------- invoices
    def invoice(self, invoice_id: str, render: Render = render_invoice) -> Printed:
        """The invoice's PDF; rendered now when the work item has not come to it yet."""
        found = self._read(INVOICE, invoice_id)
        return found or self._store(INVOICE, invoice_id, self.render_invoice(invoice_id, render))

    def render_invoice(self, invoice_id: str, render: Render = render_invoice) -> StoredDocument | None:
        """Render and put aside an invoice's PDF, without recording it; None when it is recorded already.

        `render` says where: here, for somebody who waits, or on the press.
        """
        with self._database.read() as connection:
            if certificates.stored_document(connection, INVOICE, invoice_id):
                return None
            papers = self._papers(connection, invoice_id)
        document, language = invoice_document(papers, self._rules)
        content = render(document, language, self.seal(papers.invoice.issued_at))
        return StoredDocument(self._blobs.put(content), _file_name(papers.invoice.number))

    def invoice_text(self, invoice_id: str) -> tuple[str, tuple[Said, ...]]:
        """The language of the invoice's PDF and everything that it says."""
        with self._database.read() as connection:
            papers = self._papers(connection, invoice_id)
        document, language = invoice_document(papers, self._rules)
        return language, read_invoice(document, language)

    def _papers(self, connection: Connection, invoice_id: str) -> InvoicePapers:
        issued = invoices.find(connection, invoice_id)
        if issued is None:
            raise NotFound(f"There is no invoice {invoice_id!r}.", "NO_DOCUMENT")
        # What rectifies, or is for a day alone, is compared with none.
        months = HISTORY_MONTHS - 1 if issued.kind in COMPARED else 0
        earlier = invoices.of_supply(connection, issued.supply_id, before=issued.place, limit=months, kind=issued.kind)
        earlier = corrected.as_corrected(connection, earlier, issued.issued_at)
        previous = corrected.details(connection, earlier[0]) if earlier else None
        return InvoicePapers(
            issued,
            invoices.details(connection, issued.id),
            tuple(earlier),
            previous,
            energies=invoices.consumption_of(connection, [each.id for each in earlier]),
            water=invoices.counted_of(connection, [each.id for each in earlier], "water"),
            registered=fiscal.is_registered(connection, issued.id),
            code=fiscal.code_of(connection, issued.id),
            debit=debited(connection, issued, self._debits) if self._debits else None,
        )

    def record_invoice(self, tx: Transaction, invoice_id: str, rendered: StoredDocument | None) -> None:
        """Record what `render_invoice` put aside, in the caller's transaction; a document recorded before stays."""
        if rendered is not None:
            self._record(tx, INVOICE, invoice_id, rendered)

    # ------------------------------------------------------------------------------------ certificates and statements
    def certificate(self, certificate: Certificate) -> Printed:
        found = self._read(CERTIFICATE, certificate.id)
        if found is not None:
            return found
        document, language = certificate_document(certificate, self._rules, self._public_url)
        content = render_certificate(document, language, self.seal(certificate.issued_at))
        stored = StoredDocument(self._blobs.put(content), _file_name(certificate.number))
        return self._store(CERTIFICATE, certificate.id, stored)

    def statement(self, caller: Principal, statement: AccountStatement) -> Printed:
        """The statement's PDF, made anew each time: it says what the account is today."""
        now = self._database.clock.now()
        with self._database.read() as connection:
            visible_supply(connection, caller, statement.supply_id)
            supply = read_model.supplies(connection, [statement.supply_id])[0]
            member = read_model.members(connection, [statement.member_id]).get(statement.member_id)
        if member is None:
            raise Refused(
                f"The holder of account {supply.account_number} is not known to billing yet; ask again in a moment.",
                "NO_HOLDER",
            )
        document, language = statement_document(statement, supply, member, self._rules, self._rules.today(now))
        name = f"{supply.account_number}-{statement.period.start}-{statement.period.end}"
        content = render_statement(document, language, self.seal(now))
        self._remember_certificate()
        return Printed(_file_name(name), content)

    def once(self, kind: str, owner_id: str, file_name: str, render: Callable[[], bytes]) -> Printed:
        """What was printed of `kind` for its owner; rendered and stored now when nobody asked before."""
        found = self._read(kind, owner_id)
        return found or self._store(kind, owner_id, StoredDocument(self._blobs.put(render()), file_name))

    # -------------------------------------------------------------------------------------------------------- signing
    def seal(self, at: datetime) -> Seal | None:
        """What a document of an instant is signed with; None without a key, or with one whose certificate is not valid now.

        A document that is printed under a key that came after its issue says the first moment of that key.
        """
        if self._signing is None:
            return None
        if not self._signing.valid_at(self._database.clock.now()):
            until = self._signing.certificate.not_valid_after_utc.isoformat()
            logger().error("documents_unsigned", why="the signing certificate is not valid now", valid_until=until)
            return None
        since = self._signing.certificate.not_valid_before_utc
        return Seal(self._signing, max(at, since), self._public_url + CHECK_PAGE)

    def _remember_certificate(self) -> None:
        """Of a document that is signed and not stored: it can be checked as long as the certificate is known."""
        if self._signing is None:
            return
        with self._database.read() as connection:
            known = signing_certificates.is_known(connection, self._signing.sha256)
        if not known:
            with self._database.write() as tx:
                signing_certificates.remember(tx.connection, self._signing.certificates[0], tx.clock.now())

    # ------------------------------------------------------------------------------------------------------ storage
    def _read(self, kind: str, owner_id: str) -> Printed | None:
        """What was printed; None when nothing was. Never another printing in place of one that is lost."""
        with self._database.read() as connection:
            stored = certificates.stored_document(connection, kind, owner_id)
        if stored is None:
            return None
        try:
            return Printed(stored.file_name, self._blobs.get(stored.sha256))
        except (NotFound, DamagedBlob) as lost:
            raise Refused(
                f"{stored.file_name} was printed and its file is missing or damaged: restore {stored.sha256} in the "
                "folder of documents from a backup. It is never printed a second time in another form.",
                "DOCUMENT_LOST",
            ) from lost

    def _record(self, tx: Transaction, kind: str, owner_id: str, rendered: StoredDocument) -> None:
        certificates.keep_document(tx.connection, kind, owner_id, rendered, tx.clock.now())
        if self._signing is not None:
            signing_certificates.remember(tx.connection, self._signing.certificates[0], tx.clock.now())

    def _store(self, kind: str, owner_id: str, rendered: StoredDocument | None) -> Printed:
        """Record a rendering; of two at once the first decides what is printed from now on."""
        if rendered is not None:
            with self._database.write() as tx:
                self._record(tx, kind, owner_id, rendered)
        found = self._read(kind, owner_id)
        assert found is not None
        return found


def _file_name(number: str) -> str:
    return f"{re.sub(r'[^A-Za-z0-9-]+', '-', number)}.pdf"
