"""Certificates by the worked case of Ana, and documents that never change once printed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D
from io import BytesIO

import pytest
from coop.billing.events.v1.events_pb2 import CertificateIssued, CertificateRevoked
from pypdf import PdfReader

from services.billing.application.certificates import Granted, RefusedCertificate
from services.billing.application.documents import INVOICE
from services.billing.domain.certificates import grouped, position_hash
from services.billing.repository import certificates as stored
from services.chassis.context import Principal
from services.chassis.errors import Invalid, NotFound, Refused, Throttled
from tests.support.billing import (
    STAFF,
    Office,
    access,
    contract_message,
    in_threads,
    measured,
    member_message,
    supply_message,
)

SUPPLY = "s00000"
ANA = Principal("member", "account-ana")
ANYBODY = Principal("anonymous", client_address="192.0.2.7")


@pytest.fixture
def ana(office: Office) -> Office:
    """Ana on 21 November: September's invoice paid, October's issued 2 November, due 23 November, unpaid."""
    office.add_supplies(1)
    office.tell(access("account-ana", SUPPLY))
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    office.pay("E-2026-000001", str(office.accounts.debt(STAFF, SUPPLY).debt.overdue))
    return office


def granted(office: Office) -> Granted:
    outcome = office.certificates.request(office.key(), ANA, SUPPLY)
    assert isinstance(outcome, Granted)
    return outcome


def words(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


def test_granted_while_the_open_invoice_is_not_yet_due(ana: Office) -> None:
    made = granted(ana).certificate
    assert (made.number, made.valid_until) == ("C-2026-000001", date(2026, 12, 21))
    ((_, number, due, amount),) = made.position["not_yet_due"]
    assert (number, due, amount) == ("E-2026-000002", "2026-11-23", "55.44")
    assert made.position_hash == position_hash(made.position)
    (event,) = ana.events(CertificateIssued)
    assert (event.certificate_id, event.account_id, event.supply_id) == (made.id, "account-ana", SUPPLY)
    text = words(ana.documents.certificate(made).content)
    assert "E-2026-000002" in text and "55,44" in text and "Ana Pérez" in text
    assert grouped(made.code).replace("-", " ") in text


def test_refused_from_the_day_after_the_due_date_with_the_list(ana: Office) -> None:
    ana.clock.advance(timedelta(days=3))
    outcome = ana.certificates.request(ana.key(), ANA, SUPPLY)
    assert isinstance(outcome, RefusedCertificate)
    assert [(item.number, item.outstanding) for item in outcome.due] == [("E-2026-000002", D("55.44"))]
    assert (outcome.total_due, outcome.at) == (D("55.44"), ana.clock.now())
    assert ana.events(CertificateIssued) == []
    ana.pay("E-2026-000002", "55.44")
    assert granted(ana).certificate.number == "C-2026-000001"


def test_the_same_request_has_the_same_answer(ana: Office) -> None:
    key = ana.key()
    first = ana.certificates.request(key, ANA, SUPPLY)
    assert ana.certificates.request(key, ANA, SUPPLY) == first
    assert len(ana.events(CertificateIssued)) == 1
    ana.clock.advance(timedelta(days=3))
    key = ana.key()
    refused = ana.certificates.request(key, ANA, SUPPLY)
    ana.pay("E-2026-000002", "55.44")
    assert ana.certificates.request(key, ANA, SUPPLY) == refused


def test_anybody_with_the_code_learns_no_more_than_the_paper_says(ana: Office) -> None:
    made = granted(ana).certificate
    typed = grouped(made.code).lower().replace("0", "o").replace("1", "l")
    found = ana.certificates.verify(ANYBODY, f" {typed} ")
    assert (found.state, found.certificate.holder_masked) == ("valid", "A*** P***")
    assert found.certificate.supply_masked == "****************77HA"
    ana.clock.advance(timedelta(days=30))
    assert ana.certificates.verify(ANYBODY, made.code).state == "valid"
    ana.clock.advance(timedelta(days=1))
    assert ana.certificates.verify(ANYBODY, made.code).state == "expired"
    with pytest.raises(NotFound, match="No certificate has this code"):
        ana.certificates.verify(ANYBODY, "0000-0000-0000-0000")
    with pytest.raises(Invalid, match="16 letters and digits"):
        ana.certificates.verify(ANYBODY, "12345")


def test_guessing_codes_is_slowed_down_per_network(ana: Office) -> None:
    for _ in range(30):
        with pytest.raises(NotFound):
            ana.certificates.verify(ANYBODY, "0000-0000-0000-0000")
    with pytest.raises(Throttled, match="try again in 2 seconds"):
        ana.certificates.verify(ANYBODY, "0000-0000-0000-0000")
    other = Principal("anonymous", client_address="198.51.100.1")
    with pytest.raises(NotFound):
        ana.certificates.verify(other, "0000-0000-0000-0000")


def test_revoked_once_for_a_reason(ana: Office) -> None:
    made = granted(ana).certificate
    with pytest.raises(Invalid, match="why"):
        ana.certificates.revoke(ana.key(), made.id, "  ")
    key = ana.key()
    assert ana.certificates.revoke(key, made.id, "Wrong holder").state == "revoked"
    assert ana.certificates.revoke(key, made.id, "Wrong holder").state == "revoked"
    with pytest.raises(Refused, match="revoked before"):
        ana.certificates.revoke(ana.key(), made.id, "Again")
    with pytest.raises(NotFound):
        ana.certificates.revoke(ana.key(), "nothing", "why")
    assert ana.certificates.verify(ANYBODY, made.code).state == "revoked"
    assert [event.why for event in ana.events(CertificateRevoked)] == ["Wrong holder"]


def test_a_stranger_neither_asks_nor_reads(ana: Office) -> None:
    made = granted(ana).certificate
    stranger = Principal("member", "account-luis")
    with pytest.raises(NotFound):
        ana.certificates.request(ana.key(), stranger, SUPPLY)
    with pytest.raises(NotFound):
        ana.certificates.visible(stranger, made.id)
    assert ana.certificates.visible(ANA, made.id).id == made.id
    assert [each.certificate.id for each in ana.certificates.list(ANA, SUPPLY, before="", limit=10)] == [made.id]


def test_certificates_are_listed_newest_first_in_pages(ana: Office) -> None:
    made = [granted(ana).certificate.id for _ in range(3)]
    first = ana.certificates.list(ANA, SUPPLY, before="", limit=2)
    assert [each.certificate.id for each in first] == [made[2], made[1]]
    rest = ana.certificates.list(ANA, SUPPLY, before=first[-1].certificate.id, limit=2)
    assert [each.certificate.id for each in rest] == [made[0]]


# ------------------------------------------------------------------------------------------------------------- documents
def invoice_id(office: Office, number: str = "E-2026-000002") -> str:
    return office.invoices.get(STAFF, number).invoice.id


def test_an_invoice_is_reprinted_byte_for_byte_whatever_changes_later(ana: Office) -> None:
    first = ana.documents.invoice(invoice_id(ana))
    assert first.file_name == "E-2026-000002.pdf"
    ana.tell(member_message(SUPPLY, version=9, name="Otra Persona"))
    ana.pay("E-2026-000002", "55.44")
    ana.clock.advance(timedelta(days=400))
    assert ana.documents.invoice(invoice_id(ana)).content == first.content
    assert ana.documents.render_invoice(invoice_id(ana)) is None


def test_an_invoice_printed_late_says_what_was_true_on_issue(ana: Office) -> None:
    ana.tell(member_message(SUPPLY, version=9, name="Otra Persona"))
    text = words(ana.documents.invoice(invoice_id(ana)).content)
    assert "Ana Pérez" in text and "Otra Persona" not in text


def test_the_printed_invoice_has_the_worked_figures(ana: Office) -> None:
    text = words(ana.documents.invoice(invoice_id(ana)).content).replace("\N{NO-BREAK SPACE}", " ")
    for figure in (
        "E-2026-000002",
        "55,44",
        "42,07",
        "45,82",
        "9,62",
        "23 de noviembre de 2026",
        "ES0575000000000877HA",
    ):
        assert figure in text, figure
    assert "BOE-A-2025-26348" in text
    assert "Demostración" in text


def test_missing_hours_are_said_on_the_invoice(office: Office) -> None:
    office.add_supplies(1)
    office.energy.usual = measured(missing=20)
    office.bill()
    text = words(office.documents.invoice(invoice_id(office, "E-2026-000001")).content)
    assert "faltan las medidas de 20 de 745 horas" in text


def test_two_printers_at_once_agree_on_one_document(ana: Office) -> None:
    seen: list[bytes] = []
    in_threads(4, lambda _: seen.append(ana.documents.invoice(invoice_id(ana)).content))
    assert len(set(seen)) == 1


def test_the_first_record_of_a_document_stays(ana: Office) -> None:
    first = stored.StoredDocument("a" * 64, "first.pdf")
    with ana.database.write() as tx:
        assert stored.keep_document(tx.connection, INVOICE, "x", first, tx.clock.now()) == first
        second = stored.StoredDocument("b" * 64, "second.pdf")
        assert stored.keep_document(tx.connection, INVOICE, "x", second, tx.clock.now()) == first


def test_a_damaged_file_is_never_handed_out(ana: Office) -> None:
    ana.documents.invoice(invoice_id(ana))
    with ana.database.read() as connection:
        found = stored.stored_document(connection, INVOICE, invoice_id(ana))
    assert found is not None
    path = next(ana.blobs._folder.rglob(found.sha256))
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(Refused, match=r"E-2026-000002\.pdf .* damaged: restore"):
        ana.documents.invoice(invoice_id(ana))


def test_statement_document(ana: Office) -> None:
    statement = ana.accounts.statement(ANA, SUPPLY, "2026-10-01", "2026-12-01")
    printed = ana.documents.statement(ANA, statement)
    assert printed.file_name == "1-1-2026-10-01-2026-12-01.pdf"
    text = words(printed.content)
    assert "E-2026-000001" in text and "E-2026-000002" in text and "55,44" in text


def test_argentine_documents(office_ar: Office) -> None:
    office = office_ar
    light = contract_message("casa", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office.tell(
        member_message("casa", document_type="dni", document="20123456"),
        supply_message("casa", light, cups="", water=True),
        access("account-ana", "casa"),
    )
    office.energy.usual = measured(expected=744, P1=221_000)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    text = words(office.documents.invoice(invoice_id(office, "B-LSP-00000002")).content)
    assert "26.524,89" in text and "Consumidor final" in text
    apart = words(office.documents.invoice(invoice_id(office, "X-LSP-00000002")).content)
    assert "2.220,28" in apart and "Alumbrado público" in apart
    assert "B-LSP-00000001" in text, "the earlier debt is stated (Ley 24.240 art. 30 bis)"
    refused = office.certificates.request(office.key(), ANA, "casa")
    assert isinstance(refused, RefusedCertificate)
    order = {"currency": "ARS", "paid_on": "2026-11-20"}
    office.pay("B-LSP-00000001", str(refused.total_due), **order)
    made = office.certificates.request(office.key(), ANA, "casa")
    assert isinstance(made, Granted)
    assert made.certificate.supply_masked == "****/1"
    assert "26.524,89" in words(office.documents.certificate(made.certificate).content)
