"""Invoices that bill no supply: issued once, owed like any other, no bill among bills, calculated again, taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified, ReturnFeeDue
from sqlalchemy import func, select

from services.billing import tables
from services.billing.application.books import Books
from services.billing.application.charges import ChargeMade, ChargeOrder, Charges
from services.billing.application.collections import Collections
from services.billing.application.fiscal import fiscal_office
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.application.mandates import Mandates, NewMandate, debit_terms
from services.billing.application.pricing import MonthPricer
from services.billing.application.rectifying import Rectifier
from services.billing.application.regularising import Corrections, RectifyOrder
from services.billing.application.remittances import Remittances
from services.billing.consumers import return_fees_subscription
from services.billing.domain.fiscal.terms import FiscalTerms
from services.billing.evidence.basis import bases_of
from services.billing.repository import charges as kept
from services.billing.repository import invoices, vouchers
from services.chassis.consumer import Envelope
from services.chassis.db import RequestKey
from services.chassis.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from services.chassis.ids import new_id
from services.staff.verify.check import verify
from tests.integration.billing.test_correction_notes import Agency, StrictAgency, check_books, said_by_qr
from tests.support.billing import NOW, STAFF, Office, contract_message, in_threads, member_message, supply_message

SUPPLY = "s00000"
IBAN, SIGNED = "ES7921000813610123456789", "2026-01-02"
ON_ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
RECONNECTED = ChargeOrder(SUPPLY, "reconnection", "18.09", "Reconexión tras el pago", "2026-11-20")
COPY = ChargeOrder(SUPPLY, "certificate_copy", "3", "Copia de un certificado")


def charges_of(office: Office, agency: Agency | None = None) -> Charges:
    return Charges(office.database, office.rules, fiscal_office(office.rules, vouchers=agency))


def issue(office: Office, order: ChargeOrder = RECONNECTED, agency: Agency | None = None) -> ChargeMade:
    return charges_of(office, agency).issue(office.key(), "staff:ana", order)


def text_of(office: Office, invoice_id: str) -> str:
    _, told = office.documents.invoice_text(invoice_id)
    return " ".join(text for each in told for text in each.texts).replace("\xa0", " ")


def bundle_of(office: Office, number: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(office.invoices.bundle(STAFF, number)[1]))
    return found


def numbers(office: Office, kind: str = "") -> list[str]:
    return [each.invoice.number for each in office.invoices.list(STAFF, SUPPLY, before=None, limit=20, kind=kind)]


def take_back(office: Office, number: str, method: str = "I"):
    return office.corrections.rectify(office.key(), "staff:ana", RectifyOrder(number, "No debió cobrarse", method))[0]


def ordered(office: Office) -> list[kept.Ordered]:
    with office.database.read() as connection:
        return [kept.get(connection, row.id) for row in connection.execute(select(tables.charge.c.id))]


@pytest.fixture
def argentine(office_ar: Office) -> Office:
    contract = contract_message(SUPPLY, product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office_ar.tell(member_message(SUPPLY, document_type="dni", document="20.123.456"), supply_message(SUPPLY, contract))
    return office_ar


# --------------------------------------------------------------------------------------------------------------- Spain
def test_a_charge_is_owed_and_proved_like_a_bill_and_is_none(office: Office) -> None:
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-01")
    made, copy = issue(office), issue(office, COPY)
    assert (made.invoice.number, made.invoice.total, copy.invoice.number) == (
        "V-2026-000001",
        D("21.89"),
        "V-2026-000002",
    )
    assert (made.invoice.due_date, made.holder, made.ended_on) == (date(2026, 12, 11), "Ana Pérez", None)
    # Two of one day stand apart, and bills before and after them are as they were.
    third = issue(office, replace(COPY, day="2026-11-20"))
    assert (made.invoice.revision, third.invoice.revision, third.invoice.period_start) == (0, 1, date(2026, 11, 20))
    office.bill()
    assert numbers(office) == [
        "V-2026-000002", "V-2026-000003", "V-2026-000001", "E-2026-000002", "E-2026-000001",
    ]  # fmt: skip
    assert numbers(office, "service") == ["E-2026-000002", "E-2026-000001"]
    listed = {each.invoice.number: each for each in office.invoices.list(STAFF, SUPPLY, before=None, limit=4)}
    first, bill = (office.invoices.get(STAFF, number) for number in ("E-2026-000001", "E-2026-000002"))
    assert listed["E-2026-000002"].previous_total == bill.previous_total == first.invoice.total
    assert sum((each.amount for each in bill.effects), D(0)) == bill.invoice.total - first.invoice.total
    assert all(listed[number].previous_total is None for number in listed if number.startswith("V-"))
    # The books, the tax office's chain, the paper and the event.
    owed = office.accounts.debt(STAFF, SUPPLY).debt
    assert {item.number for item in owed.items} == set(numbers(office))
    check_owed(office)
    records = FiscalRecords(office.database, office.rules.profile).check()
    assert (records.records, records.broken, records.without_record) == (5, None, ())
    with office.database.read() as connection:
        content = connection.execute(
            select(tables.fiscal_record.c.content).where(tables.fiscal_record.c.number == made.invoice.number)
        ).scalar_one()
    assert content["description"] == "Reconexión del suministro, 20-11-2026: Reconexión tras el pago"
    paper = text_of(office, made.invoice.id)
    for part in (
        "A pagar 21,89 €",
        "Reconexión tras el pago 18,09 €",
        "Realizado el 20 de noviembre de 2026",
        "VERI*FACTU",
    ):
        assert part in paper, part
    assert "kWh" not in paper and "del último año" not in paper
    told = next(event for event in office.events(InvoiceIssued) if event.number == made.invoice.number)
    assert (told.kind, told.description, told.service_id, told.import_wh) == ("charge", RECONNECTED.text, "", 0)
    # A stranger calculates it again; one digit otherwise and it does not hold.
    bundle = bundle_of(office, made.invoice.number)
    verdict = verify(bundle)
    assert verdict.differences == () and verdict.calculated_total == D("21.89")
    for path, value in (
        (("charge", "net"), "18.08"), (("invoice", "total"), "21.88"), (("invoice", "taxes", 0, "amount"), "3.79"),
        (("charge", "day"), "2026-11-19"), (("charge", "text"), "Otra cosa"), (("invoice", "accrual_date"), "2026-11-19"),
        (("tables", "general", 0, "percent"), "10"),
    ):  # fmt: skip
        altered = json.loads(json.dumps(bundle))
        where = altered
        for step in path[:-1]:
            where = where[step]
        where[path[-1]] = value
        assert not verify(altered).holds, path
    lines, taxes = bases_of(bundle)
    assert [(row.table, row.name, row.value) for row in (*lines[0].rows, *taxes[0].rows)] == [
        ("charge_concept", "reconnection", ""), ("iva", "general", "21"),
    ]  # fmt: skip


def check_owed(office: Office) -> None:
    """The books sum to nothing, and what they say is owed is what is open."""
    posting = tables.ledger_posting
    assert Books(office.database, office.rules).check().differences == ()
    with office.database.read() as connection:
        assert connection.execute(select(func.sum(posting.c.amount))).scalar_one() == 0
        query = select(func.sum(posting.c.amount)).where(posting.c.account == "receivable")
        owed = office.accounts.debt(STAFF, SUPPLY).debt
        assert connection.execute(query).scalar_one() == owed.overdue + owed.not_yet_due


@ON_ONE
def test_a_charge_is_taken_back_as_a_whole_once(office: Office) -> None:
    office.add_supplies(1)
    made, other = issue(office), issue(office, replace(COPY, day="2026-11-20"))
    office.pay(made.invoice.number, "21.89", paid_on="2026-11-21")
    with pytest.raises(Refused, match="is taken back whole, and nothing takes its place"):
        take_back(office, made.invoice.number, "S")
    note, second = take_back(office, made.invoice.number), take_back(office, other.invoice.number)
    assert [(each.number, each.total, each.revision) for each in (note, second)] == [
        ("R-2026-000001", D("-21.89"), 1), ("R-2026-000002", D("-3.63"), 2),
    ]  # fmt: skip
    # What was paid pays what is open elsewhere, or is credit: here both charges are gone.
    debt = office.accounts.debt(STAFF, SUPPLY).debt
    assert (debt.items, debt.credit) == ((), D("21.89"))
    check_owed(office)
    with pytest.raises(Refused, match="V-2026-000001 was taken back already, by R-2026-000001"):
        take_back(office, made.invoice.number)
    assert verify(bundle_of(office, note.number)).differences == ()
    told = office.events(InvoiceRectified)
    assert [(event.kind, event.difference.amount) for event in told] == [("charge", "-21.89"), ("charge", "-3.63")]
    assert "Anula por completo la factura V-2026-000001" in text_of(office, note.id)
    # What is credit pays the next one.
    third = issue(office)
    assert office.accounts.debt(STAFF, SUPPLY).debt.items == () and third.invoice.number == "V-2026-000003"
    assert FiscalRecords(office.database, office.rules.profile).check().broken is None


@ON_ONE
def test_what_cannot_be_charged_is_refused_with_a_sentence_and_takes_no_number(office: Office) -> None:
    office.add_supplies(1)
    for change, kind, sentence in (
        ({"concept": "fine"}, Invalid, "'fine' is not known; use one of"),
        ({"amount": "0.001"}, Invalid, "more than two decimals"),
        ({"supply_id": "nobody"}, NotFound, "Billing knows no supply 'nobody'"),
        ({"day": "2026-11-22"}, Invalid, "is in the future"),
        ({"day": "yesterday"}, Invalid, "yesterday"),
        ({"day": "2019-12-31"}, Refused, "says nothing for 2019-12-31"),
        ({"text": ""}, Invalid, "what it is for"),
    ):
        with pytest.raises(kind, match=sentence):
            issue(office, replace(RECONNECTED, **change))
    assert issue(office).invoice.number == "V-2026-000001"
    # A contract that ended: allowed, and it is said to whom.
    over = contract_message(SUPPLY, to="2026-10-01")
    office.tell(supply_message(SUPPLY, over, version=2))
    made = issue(office)
    assert (made.holder, made.ended_on) == ("Ana Pérez", date(2026, 10, 1))
    # Overdue, it keeps a certificate from being granted.
    office.clock.advance(date(2026, 12, 12) - date(2026, 11, 21))
    refused = office.certificates.request(office.key(), STAFF, SUPPLY)
    assert [item.number for item in refused.due] == ["V-2026-000001", "V-2026-000002"]


def test_fifty_callers_with_one_request_make_one_invoice(office: Office) -> None:
    office.add_supplies(1)
    charges = charges_of(office)
    key = RequestKey("IssueCharge", "once", "same")
    made: list[str] = []
    in_threads(50, lambda _: made.append(charges.issue(key, "staff:ana", RECONNECTED).invoice.number))
    assert set(made) == {"V-2026-000001"} and len(made) == 50
    assert numbers(office) == ["V-2026-000001"]
    with pytest.raises(Conflict, match="was used before for another request"):
        charges.issue(replace(key, fingerprint="other"), "staff:ana", COPY)


@ON_ONE
def test_a_returned_debit_brings_its_fee_once_where_the_profile_says_so(office: Office) -> None:
    office.rules = replace(office.rules, return_fee=D("3.00"))
    terms = debit_terms(office.rules.profile)
    office.add_supplies(2)
    office.bill()
    mandates = Mandates(office.database, office.rules, terms)
    for supply in ("s00000", "s00001"):
        order = NewMandate(
            supply, iban=IBAN, signed_on=SIGNED, holder="", told_on=SIGNED, evidence="3", evidence_sha256=""
        )
        mandates.add(office.key(), "staff:ana", order)
    remittances = Remittances(office.database, office.rules, office.blobs, terms)
    found = remittances.propose(office.key(), "staff:ana", "2026-11-24", ()).remittance
    remittances.approve(office.key(), "staff:ana", found.number)
    debits = sorted(remittances.collections(found.number, "", -1, 10), key=lambda each: each.end_to_end)
    collections = Collections(office.database, office.rules)
    office.clock.advance(date(2026, 11, 25) - date(2026, 11, 21))
    collections.take_one(office.key(), "staff:ana", debits[0].end_to_end, "AM04", "")
    collections.take_one(office.key(), "staff:ana", debits[1].end_to_end, "MD06", "")  # the payer's right, and no fee
    (due,) = office.events(ReturnFeeDue)
    charges = charges_of(office)
    subscription = return_fees_subscription(office.rules, charges)
    for _ in range(2):  # told again by another event too
        envelope = Envelope(new_id(), due.DESCRIPTOR.full_name, "billing", NOW, "", "", "topic", "key")
        with office.database.write() as tx:
            subscription.handle_once(tx, due.SerializeToString(), envelope)
    (fee,) = [each for each in office.events(InvoiceIssued) if each.kind == "charge"]
    assert (fee.number, fee.total.amount, fee.supply_id) == ("V-2026-000001", "3.00", due.supply_id)
    assert (
        fee.description
        == f"Adeudo de la factura {due.invoice_number}, devuelto por el banco el 25 de noviembre de 2026"
    )
    assert verify(bundle_of(office, fee.number)).differences == ()
    # A remittance collects it like a bill; coming back, it brings no other one.
    again = remittances.propose(office.key(), "staff:ana", "2026-12-17", ()).remittance
    remittances.approve(office.key(), "staff:ana", again.number)
    (collected,) = [
        each for each in remittances.collections(again.number, "", -1, 10) if each.invoice_id == fee.invoice_id
    ]
    office.clock.advance(date(2026, 12, 18) - date(2026, 11, 25))
    collections.take_one(office.key(), "staff:ana", collected.end_to_end, "AM04", "")
    assert len(office.events(ReturnFeeDue)) == 1
    # Somebody else holds the supply by now: nobody pays for another's account.
    office.tell(member_message("other", member_id="other-member"))
    moved = supply_message(due.supply_id, version=2)
    moved.supply.member_id = "other-member"
    office.tell(moved)
    due.collection_id = "another"
    envelope = Envelope(new_id(), due.DESCRIPTOR.full_name, "billing", NOW, "", "", "topic", "key")
    with office.database.write() as tx:
        subscription.handle_once(tx, due.SerializeToString(), envelope)
    assert len([each for each in office.events(InvoiceIssued) if each.kind == "charge"]) == 1


def test_form_347_counts_what_is_a_service_and_no_compensation(office: Office) -> None:
    """RD 1065/2007, art. 33.1, and Ley 37/1992, art. 78.Tres.1.º."""
    office.add_supplies(1)
    desk = Books(office.database, office.rules)

    def counted() -> D:
        return sum(desk.year_amounts(STAFF, SUPPLY, 2026).quarters, D(0))

    service, fee = issue(office), issue(office, ChargeOrder(SUPPLY, "returned_debit_fee", "5", "Adeudo devuelto"))
    assert fee.invoice.total == D("5.00") and counted() == D("21.89")
    for order in (
        ChargeOrder(SUPPLY, "other", "3000", "Acometida"),
        ChargeOrder(SUPPLY, "returned_debit_fee", "1", "X"),
    ):
        issue(office, order)
    ((person, _),) = desk.form_347(2026).persons
    assert person.total == counted() == D("3651.89")
    take_back(office, fee.invoice.number)
    assert counted() == D("3651.89"), "what takes a compensation back is none either"
    take_back(office, service.invoice.number)
    assert counted() == D("3630.00")


# ----------------------------------------------------------------------------------------------------------- Argentina
def test_an_argentine_charge_is_an_invoice_with_its_cae_and_is_taken_back_by_a_note(argentine: Office) -> None:
    agency = StrictAgency()
    order = replace(RECONNECTED, amount="5000")
    made = issue(argentine, order, agency)
    assert (made.invoice.number, made.invoice.total) == ("B-FC-00003-00000001", D("6050.00"))
    (asked,) = agency.asked
    figures = asked.figures()
    assert (asked.voucher, asked.point_of_sale, asked.number) == ("006", 3, 1) and "CbtesAsoc" not in figures
    assert (figures["ImpNeto"], figures["ImpTotal"], figures["Iva"][0]["Id"]) == ("5000.00", "6050.00", 5)
    assert (figures["DocTipo"], figures["DocNro"], figures["FchServDesde"]) == (96, 20123456, "20261120")
    given = made.invoice.printed["authorisation"]
    qr = said_by_qr(given["qr_url"])
    assert (qr["tipoCmp"], qr["nroCmp"], qr["codAut"], qr["importe"]) == (6, 1, int(given["code"]), 6050)
    paper = text_of(argentine, made.invoice.id)
    for part in ("B · Cód. 006", "Factura B-FC-00003-00000001", f"CAE N.º {given['code']}", "IVA contenido $1.050,00"):
        assert part in paper, part
    assert "CESP" not in paper
    assert verify(bundle_of(argentine, made.invoice.number)).differences == ()
    fiscal = fiscal_office(argentine.rules, vouchers=agency)
    pricer = MonthPricer(argentine.database, argentine.rules, argentine.energy)
    argentine.corrections = Corrections(
        argentine.database, argentine.rules, Rectifier(argentine.database, argentine.rules, pricer, fiscal)
    )
    note = take_back(argentine, made.invoice.number)
    assert (note.number, note.total) == ("B-NC-00003-00000001", D("-6050.00"))
    (associated,) = agency.asked[-1].figures()["CbtesAsoc"]
    assert (associated["Tipo"], associated["PtoVta"], associated["Nro"]) == (6, 3, 1)
    assert note.printed["rectification"]["authorisation"]["voucher"] == "008" and "authorisation" not in note.printed
    assert verify(bundle_of(argentine, note.number)).differences == ()
    check_books(argentine)


def test_racing_callers_leave_no_authorised_number_without_its_invoice(argentine: Office) -> None:
    agency = StrictAgency()
    charges = charges_of(argentine, agency)
    keys = [RequestKey("IssueCharge", f"r{number % 3}", "same") for number in range(12)]
    made: list[str] = []
    in_threads(12, lambda number: made.append(charges.issue(keys[number], "staff:ana", COPY).invoice.number))
    assert sorted(set(made)) == [f"B-FC-00003-{number:08d}" for number in (1, 2, 3)]
    with argentine.database.read() as connection:
        query = select(tables.cae_request.c.number, tables.cae_request.c.invoice_id)
        assert sorted(row.number for row in connection.execute(query) if row.invoice_id) == [1, 2, 3]


@ON_ONE
def test_what_stopped_half_way_is_finished_by_who_comes_next(argentine: Office) -> None:
    agency = Agency(
        Unavailable("Nobody answers."), Unavailable("Nobody answers."), None, Refused("10015: no such document.")
    )
    charges = charges_of(argentine, agency)
    first = argentine.key()
    for _ in range(2):
        with pytest.raises(Unavailable):
            charges.issue(first, "staff:ana", RECONNECTED)
    assert numbers(argentine) == []
    ((waits, number, account),) = charges.waiting(before="", limit=2)
    assert (waits.text, number, account) == (RECONNECTED.text, "B-FC-00003-00000001", "5555/1")
    assert charges.waiting(before=waits.id, limit=2) == []
    # What changes meanwhile changes nothing of what was asked for.
    argentine.tell(member_message(SUPPLY, version=2, document_type="dni", document="30.123.456"))
    # The other one: first the number that was asked for is issued, then its own is refused and free again.
    with pytest.raises(Refused, match="10015"):
        charges.issue(argentine.key(), "staff:ana", COPY)
    assert numbers(argentine) == ["B-FC-00003-00000001"]
    assert charges.issue(first, "staff:ana", RECONNECTED).invoice.number == "B-FC-00003-00000001"
    ((told, number, _),) = charges.waiting(before="", limit=2)
    assert (told.text, told.refusal, number) == (COPY.text, "10015: no such document.", "")
    with pytest.raises(Refused, match="it is invoice B-FC-00003-00000001"):
        charges.finish(argentine.key(), waits.id)
    with pytest.raises(NotFound, match="There is no charge 'none'"):
        charges.finish(argentine.key(), "none")
    assert charges.finish(argentine.key(), told.id).invoice.number == "B-FC-00003-00000002"
    assert charges.waiting(before="", limit=2) == []
    with argentine.database.read() as connection:
        assert vouchers.find(connection, 3, "006", 3) is None
        found = invoices.find(connection, "B-FC-00003-00000002")
        assert found is not None and kept.of_invoice(connection, found.id) is not None
    # Without anybody who grants codes nothing is kept.
    silent = replace(argentine.rules, fiscal=FiscalTerms(point_of_sale=3, cesp_provider="sandbox"))
    alone = Charges(argentine.database, silent, fiscal_office(silent))
    with pytest.raises(Refused, match="name a cae_provider"):
        alone.issue(argentine.key(), "staff:ana", COPY)


@ON_ONE
def test_a_refused_charge_is_given_up_once_and_one_whose_code_was_asked_is_not(argentine: Office) -> None:
    agency = Agency(Refused("10015: no such document."), Unavailable("Nobody answers."))
    charges = charges_of(argentine, agency)
    first, again = argentine.key(), argentine.key()
    with pytest.raises(Refused, match="10015"):
        charges.issue(first, "staff:ana", COPY)
    ((told, _, _),) = charges.waiting(before="", limit=2)
    with pytest.raises(Invalid, match="Say why"):
        charges.drop(argentine.key(), "staff:ana", told.id, " ")
    for _ in range(2):
        charges.drop(again, "staff:ana", told.id, "Paid in cash.")
    assert charges.waiting(before="", limit=2) == []
    for act in (
        lambda: charges.issue(first, "staff:ana", COPY),
        lambda: charges.finish(argentine.key(), told.id),
        lambda: charges.drop(argentine.key(), "staff:ana", told.id, "Twice."),
    ):
        with pytest.raises(Refused, match=r"was given up \(Paid in cash\.\): charge it anew"):
            act()
    with pytest.raises(Unavailable):
        charges.issue(argentine.key(), "staff:ana", RECONNECTED)
    ((waits, number, _),) = charges.waiting(before="", limit=2)
    with pytest.raises(Refused, match=f"Number {number} was asked for this charge and may be authorised"):
        charges.drop(argentine.key(), "staff:ana", waits.id, "No answer.")
    assert charges.finish(argentine.key(), waits.id).invoice.number == "B-FC-00003-00000001"
    with pytest.raises(Refused, match="it is invoice B-FC-00003-00000001"):
        charges.drop(argentine.key(), "staff:ana", waits.id, "Too late.")
    check_books(argentine)
