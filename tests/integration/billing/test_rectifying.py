"""Rectifying invoices and corrections on a database: numbers, books, debt, certificates, records, and who decides."""

from __future__ import annotations

import json
import subprocess
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import DebtCleared, InvoiceDocumentDue, InvoiceRectified
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from services.billing import tables
from services.billing.application.certificates import Granted, RefusedCertificate
from services.billing.application.fiscal_records import FiscalRecords
from services.billing.application.regularising import RectifyOrder
from services.billing.evidence.basis import bases_of
from services.billing.papers.account import certificate_document
from services.billing.repository import corrections as store
from services.chassis.errors import Conflict, Invalid, NotFound, Refused
from services.staff.verify.check import verify
from tests.support.billing import STAFF, Office, contract_message, in_threads, measured, supply_message

SUPPLY = "s00000"
OCTOBER = "E-2026-000002"
#: 62 + 55 + 128 kWh were billed in October (55.44 €); 20 kWh of P1 were too many, or too few.
LESS = measured(P1=42_000, P2=55_000, P3=128_000)
MORE = measured(P1=82_000, P2=55_000, P3=128_000)


@pytest.fixture
def billed(office: Office) -> Office:
    """Two months of one supply: September due 22 October (overdue today), October due 23 November (not yet)."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return office


def corrected(office: Office, number: str = OCTOBER, known_wh: int = 225_000, version: int = 8) -> ReadingCorrected:
    found = office.invoices.get(STAFF, number).invoice
    days = DatePeriod(start=found.period_start.isoformat(), end=found.period_end.isoformat())
    return ReadingCorrected(
        supply_id=SUPPLY,
        service_id=f"{SUPPLY}-light",
        invoice_id=found.id,
        period=days,
        billed_wh=245_000,
        known_wh=known_wh,
        curve_version=version,
    )


def proposal(office: Office, energy=LESS, number: str = OCTOBER) -> str:
    """Metering says that a month was otherwise; the id of what the office has to decide."""
    office.energy.usual = energy
    office.hear(corrected(office, number, energy.import_wh))
    (found,) = office.corrections.list("proposed", before="", limit=10)
    return found.correction.id


def debt(office: Office):
    return office.accounts.debt(STAFF, SUPPLY).debt


def ledger_sum(office: Office) -> D:
    with office.database.read() as connection:
        return connection.execute(select(func.sum(tables.ledger_posting.c.amount))).scalar_one()


def receivable(office: Office) -> D:
    posting = tables.ledger_posting
    with office.database.read() as connection:
        query = select(func.sum(posting.c.amount)).where(posting.c.account == "receivable")
        return connection.execute(query).scalar_one()


def check_books(office: Office) -> None:
    """Everything sums to zero, and what is open is what the accounts say is owed."""
    found = debt(office)
    assert ledger_sum(office) == 0
    assert receivable(office) == found.overdue + found.not_yet_due


def approve(office: Office, correction_id: str, parts: int = 0, legal_interest: str = ""):
    return office.corrections.approve(office.key(), "staff:ana", correction_id, parts, legal_interest)


def rectify(office: Office, number: str = OCTOBER, method: str = "I", **more):
    order = RectifyOrder(number, "The tariff of the contract was wrong", method, **more)
    return office.corrections.rectify(office.key(), "staff:ana", order)[0]


# ------------------------------------------------------------------------------------------------------- proposals
def test_a_correction_waits_for_the_office_with_what_it_comes_to(billed: Office) -> None:
    found = billed.corrections.get(proposal(billed))
    assert found.correction.state == "proposed"
    assert (found.correction.billed_wh, found.correction.known_wh) == (245_000, 225_000)
    assert found.outcome is not None
    assert found.outcome.delta == found.correction.after_total - D("55.44") < 0
    assert [(str(line.quantity.normalize()), line.period) for line in found.outcome.change.lines] == [
        ("-62", "P1"),
        ("42", "P1"),
    ]
    assert billed.events(InvoiceRectified) == []
    assert debt(billed).not_yet_due == D("55.44")


def test_the_same_event_twice_and_a_later_one_are_one_proposal(billed: Office) -> None:
    billed.energy.usual = LESS
    event = corrected(billed)
    billed.hear(event, "event-1")
    billed.hear(event, "event-1")
    billed.energy.usual = MORE
    billed.hear(corrected(billed, known_wh=265_000, version=9))
    (found,) = billed.corrections.list("", before="", limit=10)
    assert (found.correction.known_wh, found.correction.curve_version) == (265_000, 9)
    assert found.correction.after_total > D("55.44")


def test_less_than_a_cent_is_closed_as_nothing(billed: Office) -> None:
    billed.hear(corrected(billed, known_wh=245_000))
    (found,) = billed.corrections.list("nothing", before="", limit=10)
    assert "same to the cent" in found.correction.note
    with pytest.raises(Refused, match="nothing already"):
        approve(billed, found.correction.id)


def test_what_cannot_be_priced_says_why_and_is_issued_once_it_can(billed: Office) -> None:
    correction_id = proposal(billed, measured(missing=700))
    assert "hours are missing" in billed.corrections.get(correction_id).correction.note
    with pytest.raises(Refused, match="hours are missing"):
        approve(billed, correction_id)
    billed.energy.usual = LESS
    with pytest.raises(Refused, match="approve it again"):
        approve(billed, correction_id)
    assert approve(billed, correction_id).rectifying_number == "R-2026-000001"


def test_a_period_that_began_more_than_a_year_before_is_not_claimed_but_refunded(office: Office) -> None:
    office.add_supplies(1)
    office.bill("2026-01", "2026-02-02")
    office.clock.advance(timedelta(days=120))  # 21 March 2027
    office.energy.usual = MORE
    office.hear(corrected(office, "E-2026-000001"))
    (found,) = office.corrections.list("discarded", before="", limit=10)
    assert "more than 12 months" in found.correction.note
    with pytest.raises(Refused, match="may not be claimed"):
        rectify(office, "E-2026-000001")
    assert approve(office, proposal(office, LESS, "E-2026-000001")).correction.state == "issued"


def test_a_proposal_is_discarded_for_a_reason_that_stays(billed: Office) -> None:
    correction_id = proposal(billed)
    with pytest.raises(Invalid, match="characters why"):
        billed.corrections.discard(billed.key(), "staff:ana", correction_id, " ")
    key = billed.key()
    for _ in range(2):
        found = billed.corrections.discard(key, "staff:ana", correction_id, "The meter was tested").correction
    assert (found.state, found.note, found.decided_by) == ("discarded", "The meter was tested", "staff:ana")
    with pytest.raises(Refused, match="discarded by staff:ana"):
        approve(billed, correction_id)


def test_a_proposal_that_comes_to_another_amount_is_shown_again_before_it_is_issued(billed: Office) -> None:
    correction_id = proposal(billed)
    billed.energy.usual = MORE
    with pytest.raises(Refused, match="look at it once more"):
        approve(billed, correction_id)
    assert billed.corrections.get(correction_id).correction.after_total > D("55.44")
    assert approve(billed, correction_id).correction.state == "issued"


# --------------------------------------------------------------------------------------------------------- too much
def test_too_much_settles_the_invoice_that_is_open_and_says_what_it_rectifies(billed: Office) -> None:
    made = approve(billed, proposal(billed))
    change = made.correction.after_total - D("55.44")
    invoice = billed.invoices.get(STAFF, "R-2026-000001")
    assert invoice.invoice.total == change
    assert (invoice.links.rectifies, invoice.links.method, invoice.outstanding) == (OCTOBER, "I", 0)
    original = billed.invoices.get(STAFF, OCTOBER)
    assert original.links.rectified_by == ("R-2026-000001",)
    assert (original.invoice.total, original.outstanding) == (D("55.44"), D("55.44") + change)
    assert debt(billed).not_yet_due == D("55.44") + change
    check_books(billed)
    (event,) = billed.events(InvoiceRectified)
    assert (event.rectified_number, event.import_wh, event.difference.amount) == (OCTOBER, 225_000, str(change))
    assert billed.events(InvoiceDocumentDue)[-1].invoice_id == event.invoice_id


def test_what_was_paid_too_much_comes_back_with_interest_as_credit(billed: Office) -> None:
    overdue = debt(billed).overdue
    billed.pay("E-2026-000001", str(overdue))
    billed.pay(OCTOBER, "55.44", paid_on="2026-11-02")
    correction_id = proposal(billed)
    billed.clock.advance(timedelta(days=49))  # 9 January: 1 month and 30 days of 2026, 8 days of 2027
    found = billed.corrections.get(correction_id)
    assert found.outcome is not None
    assert "legal interest of 2027" in found.outcome.blocked
    with pytest.raises(Refused, match="--legal-interest"):
        approve(billed, correction_id)
    # What the office states counts for the year without a row alone.
    approve(billed, correction_id, legal_interest="24")
    refund = D("55.44") - found.correction.after_total
    owed = round(refund * (D("0.0475") / 12 + D("0.0475") * 30 / 365 + D("0.255") * 8 / 365), 2)
    assert owed > 0
    assert debt(billed).credit == refund + owed
    check_books(billed)
    statement = billed.accounts.statement(STAFF, SUPPLY, "2027-01-01", "2027-02-01")
    assert [(line.movement.kind, line.movement.document, line.credit) for line in statement.lines] == [
        ("rectification", "R-2027-000001", refund + owed)
    ]
    # The next bill takes it.
    billed.clock.advance(timedelta(days=20))
    billed.energy.usual = measured(expected=720)
    billed.bill("2026-11", "2027-01-20")
    assert debt(billed).credit == 0
    assert debt(billed).not_yet_due == billed.invoices.get(STAFF, "E-2027-000001").invoice.total - refund - owed
    check_books(billed)


def test_a_refund_settles_other_open_invoices_and_then_the_certificate_is_granted(billed: Office) -> None:
    billed.pay(OCTOBER, "55.44", paid_on="2026-11-20")
    overdue = debt(billed).overdue
    billed.pay("E-2026-000001", str(overdue - 3))
    assert isinstance(billed.certificates.request(billed.key(), STAFF, SUPPLY), RefusedCertificate)
    made = approve(billed, proposal(billed))
    refund = D("55.44") - made.correction.after_total
    assert (debt(billed).overdue, debt(billed).credit) == (D(0), refund - 3 + D("0.00"))
    assert [event.supply_id for event in billed.events(DebtCleared)] == [SUPPLY]
    assert isinstance(billed.certificates.request(billed.key(), STAFF, SUPPLY), Granted)
    check_books(billed)


# --------------------------------------------------------------------------------------------------------- too little
def test_too_little_is_a_debt_in_monthly_instalments(billed: Office) -> None:
    billed.pay("E-2026-000001", str(debt(billed).overdue))
    billed.pay(OCTOBER, "55.44")
    correction_id = proposal(billed, MORE)
    with pytest.raises(Invalid, match="choose 1 to 2"):
        approve(billed, correction_id, parts=3)
    made = approve(billed, correction_id)
    amount = made.correction.after_total - D("55.44")
    items = debt(billed).items
    assert [item.due_date for item in items] == [date(2026, 12, 11), date(2027, 1, 11)]
    assert sum(item.outstanding for item in items) == amount
    check_books(billed)
    # Nothing is due yet, then one part is, and paying that part is enough.
    granted = billed.certificates.request(billed.key(), STAFF, SUPPLY)
    assert isinstance(granted, Granted)
    assert certificate_document(granted.certificate, billed.rules, "http://x")[0].variant == "agreed_plan"
    billed.clock.advance(timedelta(days=21))
    refused = billed.certificates.request(billed.key(), STAFF, SUPPLY)
    assert isinstance(refused, RefusedCertificate)
    assert refused.total_due == items[0].outstanding
    assert billed.invoices.get(STAFF, "R-2026-000001").due == date(2026, 12, 11)
    billed.pay("R-2026-000001", str(items[0].outstanding), paid_on="2026-12-12")
    assert billed.invoices.get(STAFF, "R-2026-000001").due == date(2027, 1, 11)
    assert isinstance(billed.certificates.request(billed.key(), STAFF, SUPPLY), Granted)
    assert debt(billed).not_yet_due == items[1].outstanding
    check_books(billed)


def test_credit_of_the_account_pays_a_debt_at_once(billed: Office) -> None:
    billed.pay(OCTOBER, str(debt(billed).overdue + D("55.44") + 100))
    rectify_to(billed, MORE)
    assert (debt(billed).overdue, debt(billed).not_yet_due) == (0, 0)
    assert 0 < debt(billed).credit < 100
    check_books(billed)


def rectify_to(office: Office, energy) -> None:
    office.energy.usual = energy
    rectify(office)


# ------------------------------------------------------------------------------------------------------ the office's
def test_an_invoice_is_priced_again_with_the_contract_as_it_is_known_today(billed: Office) -> None:
    contract = contract_message(SUPPLY, meter_rental="three_phase")
    billed.tell(supply_message(SUPPLY, contract, account="1/1", version=2))
    order = RectifyOrder(OCTOBER, "The meter has three phases", "I")
    shown = billed.corrections.preview(order)
    assert shown.delta > 0
    assert billed.events(InvoiceRectified) == []
    key = billed.key()
    first, second = (billed.corrections.rectify(key, "staff:ana", order)[0] for _ in range(2))
    assert first == second
    assert first.total == shown.delta
    details = billed.invoices.get(STAFF, first.number).details
    assert details is not None
    assert {line.concept for line in details.lines} == {"meter_rental"}
    with pytest.raises(Refused, match="same to the cent"):
        rectify(billed)
    check_books(billed)


def test_a_substitution_is_the_whole_invoice_and_takes_the_open_debt_over(billed: Office) -> None:
    billed.pay(OCTOBER, "5.44")
    billed.energy.usual = LESS
    row = rectify(billed, method="S")
    found = billed.invoices.get(STAFF, row.number)
    assert found.details is not None
    assert row.total == sum(line.amount for line in found.details.lines) + sum(
        tax.amount for tax in found.details.taxes
    )
    assert found.outstanding == row.total - D("5.44")
    assert billed.invoices.get(STAFF, OCTOBER).outstanding == 0
    assert found.due == date(2026, 11, 23)
    bundle = billed.invoices.bundle(STAFF, row.number)[1]
    assert (bundle["invoice"]["total"], bundle["invoice"]["accrual_date"]) == (str(row.total), "2026-11-02")
    assert all(basis.rows for found in bases_of(bundle) for basis in found), "each of its lines and taxes says its rows"
    assert billed.invoices.get(STAFF, row.number).effects == (), "it is compared with no invoice before"
    check_books(billed)


def test_an_invoice_can_be_rectified_again_and_counts_from_where_it_stands(billed: Office) -> None:
    rectify_to(billed, LESS)
    first = billed.invoices.get(STAFF, "R-2026-000001").invoice.total
    billed.energy.usual = MORE
    row = rectify(billed, method="S")
    assert (row.number, row.revision) == ("R-2026-000002", 2)
    assert billed.invoices.get(STAFF, OCTOBER).links.rectified_by == ("R-2026-000001", "R-2026-000002")
    assert debt(billed).not_yet_due == row.total > D("55.44") + first
    rectify_to(billed, measured())
    assert debt(billed).not_yet_due == D("55.44")
    check_books(billed)
    with pytest.raises(Refused, match="rectify E-2026-000002"):
        rectify(billed, "R-2026-000002")
    pages = [billed.invoices.list(STAFF, SUPPLY, before=None, limit=3)]
    pages.append(billed.invoices.list(STAFF, SUPPLY, before=pages[0][-1].invoice.place, limit=3))
    assert [[each.invoice.number for each in page] for page in pages] == [
        [OCTOBER, "R-2026-000003", "R-2026-000002"],
        ["R-2026-000001", "E-2026-000001"],
    ]


def test_a_month_after_the_end_of_the_contract_is_taken_back_whole(billed: Office) -> None:
    """The end is heard of after the bill: nothing was due, and what is measured later changes nothing."""
    billed.pay(OCTOBER, "20.00")
    ended = contract_message(SUPPLY, to="2026-10-01")
    billed.tell(supply_message(SUPPLY, ended, account="1/1", version=2))
    with pytest.raises(Refused, match="nothing takes its place"):
        rectify(billed, method="S")
    owed_before = debt(billed)
    row = rectify(billed)
    assert (row.total, row.import_wh) == (D("-55.44"), 0)
    assert billed.invoices.get(STAFF, OCTOBER).outstanding == 0
    after = debt(billed)
    paid_back = owed_before.overdue + owed_before.not_yet_due - (after.overdue + after.not_yet_due) + after.credit
    assert paid_back == D("55.44") + D(row.printed["rectification"]["interest"])
    (told,) = billed.events(InvoiceRectified)
    assert (told.import_wh, told.hours_expected) == (0, billed.invoices.get(STAFF, OCTOBER).invoice.hours_expected)
    check_books(billed)
    bundle = billed.invoices.bundle(STAFF, row.number)[1]
    verdict = verify(json.loads(json.dumps(bundle)))
    assert verdict.differences == ()
    with pytest.raises(Refused, match=f"taken back already, by {row.number}"):
        rectify(billed)
    billed.energy.usual = MORE
    billed.hear(corrected(billed, known_wh=265_000))
    (found,) = billed.corrections.list("", before="", limit=10)
    assert found.correction.state == "nothing"


def test_a_reading_after_a_contract_was_put_right_is_priced_under_the_right_one(billed: Office) -> None:
    contract = contract_message(SUPPLY, meter_rental="three_phase")
    billed.tell(supply_message(SUPPLY, contract, account="1/1", version=2))
    rectify(billed)
    found = billed.corrections.get(proposal(billed))
    assert found.outcome is not None
    assert {line.concept for line in found.outcome.change.lines} == {"energy"}, "the rental stays the one put right"


def test_what_the_office_may_not_do_is_said(billed: Office) -> None:
    with pytest.raises(NotFound, match="E-2026-9"):
        rectify(billed, "E-2026-9")
    with pytest.raises(Invalid, match="method 'X'"):
        rectify(billed, method="X")
    with pytest.raises(Invalid, match="not a number"):
        rectify(billed, legal_interest="three")
    with pytest.raises(Invalid, match="state 'open'"):
        billed.corrections.list("open", before="", limit=1)
    with pytest.raises(NotFound, match="no such correction"):
        approve(billed, "none")
    billed.clock.advance(timedelta(days=4 * 365 + 30))
    billed.energy.usual = LESS
    with pytest.raises(Refused, match="4 years"):
        rectify(billed)


# ------------------------------------------------------------------------------------------------- races and records
def test_of_two_who_approve_at_once_one_does(billed: Office) -> None:
    correction_id = proposal(billed)
    refused: list[Exception] = []

    def work(_: int) -> None:
        try:
            approve(billed, correction_id)
        except (Refused, Conflict) as found:
            refused.append(found)

    in_threads(2, work)
    assert len(refused) == 1
    assert len(billed.events(InvoiceRectified)) == 1
    check_books(billed)


def test_rectifications_at_once_leave_no_gap_in_their_series(office: Office) -> None:
    names = office.add_supplies(4)
    office.bill()
    office.energy.usual = LESS
    numbers = [
        found.invoice.number for name in names for found in office.invoices.list(STAFF, name, before=None, limit=1)
    ]
    in_threads(4, lambda place: rectify(office, numbers[place]))
    with office.database.read() as connection:
        query = select(tables.invoice.c.sequence).where(tables.invoice.c.series == "R-2026")
        assert sorted(connection.execute(query).scalars()) == [1, 2, 3, 4]


def test_the_tax_office_is_told_what_is_rectified_and_the_chain_holds(billed: Office) -> None:
    approve(billed, proposal(billed))
    rectify_to(billed, MORE)
    billed.energy.usual = measured()
    rectify(billed, method="S")
    records = FiscalRecords(billed.database, billed.rules.profile)
    assert records.check().broken is None
    assert records.check().without_record == ()
    (file,) = records.sendings(date(2026, 11, 21), date(2026, 11, 21))
    xml = file.content.decode()
    assert xml.count("<sf:TipoFactura>R1</sf:TipoFactura>") == 1
    assert xml.count("<sf:TipoFactura>R4</sf:TipoFactura>") == 2
    assert xml.count("<sf:TipoRectificativa>I</sf:TipoRectificativa>") == 2
    assert xml.count(f"<sf:NumSerieFactura>{OCTOBER}</sf:NumSerieFactura>") >= 3
    assert xml.count("<sf:BaseRectificada>") == 1
    order = ["TipoFactura", "TipoRectificativa", "FacturasRectificadas", "ImporteRectificacion", "DescripcionOperacion"]
    last = xml[xml.rindex("<sf:RegistroAlta>") :]
    assert sorted(order, key=lambda name: last.index(f"<sf:{name}>")) == order
    # What a substitution takes the place of: the invoice and what had corrected it by difference, with their sums.
    assert [number for number in (OCTOBER, "R-2026-000001", "R-2026-000002") if number in rectified_in(last)] == [
        OCTOBER,
        "R-2026-000001",
        "R-2026-000002",
    ]
    stood = billed.invoices.bundle(STAFF, "R-2026-000003")[1]["rectification"]["before"]["invoice"]
    (iva,) = [tax for tax in stood["taxes"] if tax["kind"] == "iva"]
    assert f"<sf:BaseRectificada>{iva['base']}</sf:BaseRectificada>" in last
    assert f"<sf:CuotaRectificada>{iva['amount']}</sf:CuotaRectificada>" in last
    # A difference after it corrects the substitute alone, and says no sums.
    billed.energy.usual = LESS
    approve(billed, proposal(billed))
    (file,) = records.sendings(date(2026, 11, 21), date(2026, 11, 21))
    last = file.content.decode().rsplit("<sf:RegistroAlta>", 1)[1]
    assert "R-2026-000003" in rectified_in(last) and OCTOBER not in rectified_in(last)
    assert "<sf:TipoFactura>R1</sf:TipoFactura>" in last and "ImporteRectificacion" not in last


def rectified_in(record: str) -> str:
    """The part of a record that names what it rectifies."""
    return record[record.index("<sf:FacturasRectificadas>") : record.index("</sf:FacturasRectificadas>")]


def test_rectifications_and_instalments_are_written_once(billed: Office) -> None:
    rectify_to(billed, MORE)
    for table, change in (("rectification", "reason = ''"), ("instalment", "amount = 1")):
        with pytest.raises(DBAPIError, match="written once"), billed.database.write() as tx:
            tx.connection.execute(text(f"UPDATE {table} SET {change}"))
    with billed.database.read() as connection:
        (made,) = store.rectifications_of(connection, billed.invoices.get(STAFF, OCTOBER).invoice.id)
    assert made.record_type == "R4"


def test_the_paper_says_which_invoice_why_and_in_which_parts(billed: Office, tmp_path: Path) -> None:
    billed.pay(OCTOBER, "55.44")
    approve(billed, proposal(billed, MORE))
    billed.energy.usual = LESS
    refund = rectify(billed, method="S")
    texts = {}
    for number in ("R-2026-000001", refund.number):
        pdf = tmp_path / "rectifying.pdf"
        pdf.write_bytes(billed.documents.invoice(billed.invoices.get(STAFF, number).invoice.id).content)
        made = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True)
        texts[number] = " ".join(made.stdout.split())
    first, second = texts.values()
    assert "Factura rectificativa R-2026-000001" in first
    assert "Rectifica la factura E-2026-000002" in first
    assert "corregidas de 245 kWh a 265 kWh" in first
    assert "Primer plazo: " in first
    assert "Se paga en 2 plazos: 11 de diciembre de 2026" in first
    assert "Rectifica las facturas E-2026-000002 y R-2026-000001" in second
    assert "por sustitución estas: E-2026-000002, 2 de noviembre de 2026 y R-2026-000001, " in second
    assert "Facturado hasta ahora: 55,44 €. Lo correcto: " in first
    assert "The tariff of the contract was wrong" in second
    assert "Pago a cuenta" in second
