"""Whether a PDF is one of the cooperative's, for anybody who holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath

from sqlalchemy import Connection

from services.billing.application.certificates import Certificates
from services.billing.application.documents import CERTIFICATE, INVOICE
from services.billing.repository import certificates, invoices, signing_certificates
from services.billing.signing import SigningKey, Verdict, examine
from services.billing.signing.keys import name_of
from services.chassis.attempts import Count, Limit, address_prefix
from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Invalid
from services.chassis.limits import spend

LARGEST = 2 * 1024 * 1024
CHECKS = Limit("verify-document", burst=30, every=timedelta(seconds=2))


@dataclass(frozen=True)
class StoredAs:
    """Which of our documents has these very bytes; `state` is that of a certificate now."""

    kind: str
    number: str
    issued_at: datetime
    state: str = ""


@dataclass(frozen=True)
class Checked:
    """`certificate` (DER) is what an intact signature was made with; empty when there is none."""

    verdict: Verdict
    stored: StoredAs | None
    certificate: bytes


class DocumentChecks:
    def __init__(self, database: Database, issued: Certificates, signing: SigningKey | None) -> None:
        self._database = database
        self._issued = issued
        self._signing = signing

    def check(self, caller: Principal, content: bytes) -> Checked:
        """Genuine: bytes that were handed out, or a signature of ours that holds. Limited per network.

        Raises Invalid for an empty file or one larger than any document of ours, Throttled for too many.
        """
        if not content:
            raise Invalid("The file is empty: choose the PDF that you want to check.", field="content")
        if len(content) > LARGEST:
            raise Invalid(
                f"The file has {len(content):,} bytes, and no document of ours has more than {LARGEST:,}.",
                field="content",
            )
        with self._database.write() as tx:
            spend(
                tx,
                [Count(CHECKS, address_prefix(caller.client_address))],
                "Too many files were checked from your network: try again in {wait}.",
            )
        with self._database.read() as connection:
            stored = self._stored(connection, hashlib.sha256(content).hexdigest())
        examined = examine(content, self.certificates())
        return Checked(Verdict.GENUINE if stored else examined.verdict, stored, examined.certificate)

    def certificates(self) -> Sequence[bytes]:
        """All that documents were ever signed with, in DER; the one in use first."""
        with self._database.read() as connection:
            known = signing_certificates.every(connection)
        now = [self._signing.certificates[0]] if self._signing else []
        return now + [each for each in known if each not in now]

    def in_use(self, certificate: bytes) -> bool:
        return self._signing is not None and self._signing.certificates[0] == certificate

    def _stored(self, connection: Connection, sha256: str) -> StoredAs | None:
        found = certificates.document_of(connection, sha256)
        if found is None:
            return None
        kind, owner_id, stored, printed_at = found
        if kind == INVOICE:
            invoice = invoices.find(connection, owner_id)
            assert invoice is not None  # documents are stored of issued invoices alone
            return StoredAs(kind, invoice.number, invoice.issued_at)
        if kind == CERTIFICATE:
            made = certificates.by_id(connection, owner_id)
            assert made is not None
            return StoredAs(kind, made.number, made.issued_at, self._issued.state(made))
        return StoredAs(kind, PurePath(stored.file_name).stem, printed_at)


def signer(certificate: bytes) -> tuple[str, str]:
    """Whom a certificate names, and its SHA-256; both empty without one."""
    return (name_of(certificate), hashlib.sha256(certificate).hexdigest()) if certificate else ("", "")
