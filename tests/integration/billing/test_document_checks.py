"""Documents that stay what they were printed as, and the answer to whoever holds one: genuine, altered or not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.billing.application import document_checks
from services.billing.application.certificates import Granted
from services.billing.application.document_checks import DocumentChecks
from services.billing.application.documents import Documents
from services.billing.documents import invoice_front, paper, render_invoice, typeface
from services.billing.documents.model import InvoiceDocument
from services.billing.repository import certificates
from services.billing.signing import Seal, SigningKey, Verdict, ensure_self_signed, examine
from services.chassis.context import Principal
from services.chassis.errors import Invalid, Refused, Throttled
from tests.support.billing import STAFF, Office, access

SUPPLY = "s00000"
ANA = Principal("member", "account-ana")
ANYBODY = Principal("anonymous", client_address="192.0.2.7")


def with_key(office: Office, folder: Path, made: datetime) -> tuple[Documents, DocumentChecks, SigningKey]:
    key = ensure_self_signed(folder, "Cooperativa", "es", made)
    documents = Documents(office.database, office.rules, office.blobs, "http://127.0.0.1:8000", key)
    return documents, DocumentChecks(office.database, office.certificates, key), key


@pytest.fixture
def ana(office: Office) -> Office:
    office.add_supplies(1)
    office.tell(access("account-ana", SUPPLY))
    office.bill("2026-10", "2026-11-02")
    return office


def invoice_id(office: Office) -> str:
    return office.invoices.get(STAFF, "E-2026-000001").invoice.id


def test_an_invoice_is_known_by_its_bytes_and_by_its_signature(ana: Office, tmp_path: Path) -> None:
    documents, checks, key = with_key(ana, tmp_path, ana.clock.now())
    content = documents.invoice(invoice_id(ana)).content
    found = checks.check(ANYBODY, content)
    assert found.stored is not None
    issued = ana.invoices.get(STAFF, "E-2026-000001").invoice.issued_at
    assert (found.verdict, found.stored.kind, found.stored.number, found.stored.issued_at) == (
        Verdict.GENUINE,
        "invoice",
        "E-2026-000001",
        issued,
    )
    assert found.certificate == key.certificates[0]
    middle = len(content) // 2
    altered = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    assert checks.check(ANYBODY, altered) == document_checks.Checked(Verdict.ALTERED, None, b"")
    assert checks.check(ANYBODY, b"%PDF-1.7 of somebody").verdict is Verdict.NOT_OURS


def test_a_certificate_is_told_with_its_state_and_a_statement_by_its_signature(ana: Office, tmp_path: Path) -> None:
    documents, checks, _ = with_key(ana, tmp_path, ana.clock.now())
    granted = ana.certificates.request(ana.key(), ANA, SUPPLY)
    assert isinstance(granted, Granted)
    content = documents.certificate(granted.certificate).content
    found = checks.check(ANYBODY, content).stored
    assert found == document_checks.StoredAs("certificate", "C-2026-000001", granted.certificate.issued_at, "valid")
    ana.certificates.revoke(ana.key(), granted.certificate.id, "Wrong holder")
    again = checks.check(ANYBODY, content)
    assert again.verdict is Verdict.GENUINE and again.stored == replace(found, state="revoked")
    statement = documents.statement(ANA, ana.accounts.statement(ANA, SUPPLY, "2026-10-01", "2026-12-01"))
    told = checks.check(ANYBODY, statement.content)
    assert told.verdict is Verdict.GENUINE and told.stored is None


def test_an_unsigned_document_is_known_by_its_bytes_alone(ana: Office) -> None:
    """Of a cooperative without a key: nothing in an altered one says whose it was."""
    checks = DocumentChecks(ana.database, ana.certificates, None)
    content = ana.documents.invoice(invoice_id(ana)).content
    assert checks.check(ANYBODY, content).verdict is Verdict.GENUINE
    assert checks.check(ANYBODY, content + b" ").verdict is Verdict.NOT_OURS


def test_what_an_older_key_signed_stays_genuine_when_the_key_is_replaced(ana: Office, tmp_path: Path) -> None:
    documents, _, old = with_key(ana, tmp_path / "old", ana.clock.now())
    invoice = documents.invoice(invoice_id(ana)).content
    statement = documents.statement(ANA, ana.accounts.statement(ANA, SUPPLY, "2026-10-01", "2026-12-01")).content
    ana.clock.advance(timedelta(days=900))
    documents, checks, new = with_key(ana, tmp_path / "new", ana.clock.now())
    assert list(checks.certificates()) == [new.certificates[0], old.certificates[0]]
    assert [checks.in_use(each) for each in checks.certificates()] == [True, False]
    assert documents.invoice(invoice_id(ana)).content == invoice
    for content in (invoice, statement):
        assert checks.check(ANYBODY, content).certificate == old.certificates[0]
    assert checks.check(ANYBODY, statement + b" ").verdict is Verdict.ALTERED


def test_a_document_printed_under_a_later_key_says_when_that_key_began(ana: Office, tmp_path: Path) -> None:
    ana.clock.advance(timedelta(days=40))
    documents, _, key = with_key(ana, tmp_path, ana.clock.now())
    content = documents.invoice(invoice_id(ana)).content
    since = key.certificate.not_valid_before_utc
    assert since > ana.invoices.get(STAFF, "E-2026-000001").invoice.issued_at
    assert since.strftime("/M (D:%Y%m%d%H%M%SZ)").encode() in content


def test_with_a_certificate_that_has_expired_nothing_is_signed(ana: Office, tmp_path: Path) -> None:
    documents, _, key = with_key(ana, tmp_path, datetime(2019, 1, 1, tzinfo=UTC))
    assert documents.seal(ana.clock.now()) is None
    content = documents.invoice(invoice_id(ana)).content
    assert examine(content, key.certificates).verdict is Verdict.NOT_OURS


def test_files_that_cannot_be_ours_are_refused_and_checks_are_limited_per_network(ana: Office) -> None:
    checks = DocumentChecks(ana.database, ana.certificates, None)
    with pytest.raises(Invalid, match="empty"):
        checks.check(ANYBODY, b"")
    with pytest.raises(Invalid, match="2,097,153 bytes"):
        checks.check(ANYBODY, bytes(document_checks.LARGEST + 1))
    for _ in range(document_checks.CHECKS.burst):
        checks.check(ANYBODY, b"x")
    with pytest.raises(Throttled, match="try again in 2 seconds"):
        checks.check(ANYBODY, b"x")
    assert checks.check(Principal("anonymous", client_address="198.51.100.1"), b"x").verdict is Verdict.NOT_OURS


def test_a_reprint_stays_the_same_when_templates_change(
    ana: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents, _, _ = with_key(ana, tmp_path, ana.clock.now())
    printed: list[tuple[InvoiceDocument, str, Seal | None]] = []

    def render(*what: Any) -> bytes:
        printed.append(what)
        return render_invoice(*what)

    first = documents.invoice(invoice_id(ana), render)
    assert render_invoice(*printed[0]) == first.content
    monkeypatch.setattr(paper, "LEFT", 60.0)
    monkeypatch.setattr(invoice_front, "REGULAR", typeface.SEMIBOLD)
    assert render_invoice(*printed[0]) != first.content
    assert documents.invoice(invoice_id(ana), render) == first
    assert len(printed) == 1


def test_a_printer_that_dies_before_it_records_leaves_no_second_document(ana: Office, tmp_path: Path) -> None:
    """The same issue, the same key: the same bytes, whoever prints them and when."""
    documents, _, _ = with_key(ana, tmp_path, ana.clock.now())
    first = documents.render_invoice(invoice_id(ana))
    ana.clock.advance(timedelta(hours=5))
    again, _, _ = with_key(ana, tmp_path, ana.clock.now())
    assert again.render_invoice(invoice_id(ana)) == first
    assert [path.name for path in ana.blobs._folder.rglob("*") if path.is_file()] == [first.sha256 if first else ""]


def test_a_lost_file_is_named_and_never_printed_anew(ana: Office) -> None:
    ana.documents.invoice(invoice_id(ana))
    with ana.database.read() as connection:
        stored = certificates.stored_document(connection, "invoice", invoice_id(ana))
    assert stored is not None
    (path,) = ana.blobs._folder.rglob(stored.sha256)
    path.unlink()
    for _ in range(2):
        with pytest.raises(Refused, match=rf"E-2026-000001\.pdf was printed .* restore {stored.sha256}"):
            ana.documents.invoice(invoice_id(ana))
    assert not list(ana.blobs._folder.rglob(stored.sha256))
