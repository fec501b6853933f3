"""Argentine bills corrected by credit and debit notes: their own CAE, numbers, books, paper, and what stops half-way."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceIssued, InvoiceRectified
from coop.common.v1.types_pb2 import DatePeriod
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from coop.supplies.v1 import supplies_pb2
from sqlalchemy import func, select

from services.billing import tables
from services.billing.application.fiscal import fiscal_office
from services.billing.application.pricing import MonthPricer
from services.billing.application.rectifying import Rectifier
from services.billing.application.regularising import Corrections, RectifyOrder
from services.billing.domain.bill import Energy
from services.billing.domain.closes import Close
from services.billing.domain.fiscal.cae import Cae, VoucherRequest
from services.billing.domain.fiscal.sandbox import SandboxVouchers
from services.billing.domain.fiscal.terms import FiscalTerms
from services.billing.repository import vouchers
from services.chassis.errors import Conflict, Refused, Unavailable
from services.chassis.periods import DatePeriod as BillPeriod
from services.staff.verify.check import verify
from tests.support.billing import (
    STAFF,
    Office,
    contract_message,
    in_threads,
    measured,
    member_message,
    supply_message,
)

SUPPLY = "s00000"
BILL = "B-LSP-00000001"
LESS, MORE = measured(P1=42_000, P2=55_000, P3=128_000), measured(P1=82_000, P2=55_000, P3=128_000)


class Agency:
    """A tax office that answers as it is told, and remembers what it was asked."""

    def __init__(self, *answers: Exception | None) -> None:
        self.asked: list[VoucherRequest] = []
        self._answers = list(answers)

    @property
    def name(self) -> str:
        return "agency"

    def authorize(self, request: VoucherRequest) -> Cae:
        self.asked.append(request)
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            raise answer
        return SandboxVouchers().authorize(request)


def asking(office: Office, agency: Agency, terms: FiscalTerms | None = None) -> None:
    """Let the office's corrections ask this tax office, or live under these terms."""
    rules = replace(office.rules, fiscal=terms) if terms else office.rules
    pricer = MonthPricer(office.database, rules, office.energy)
    fiscal = fiscal_office(rules, vouchers=None if terms else agency)
    office.corrections = Corrections(office.database, rules, Rectifier(office.database, rules, pricer, fiscal))


class StrictAgency(Agency):
    """Grants a number once: asked with other figures it refuses."""

    def __init__(self) -> None:
        super().__init__()
        self.granted: dict[tuple[str, int], dict[str, object]] = {}
        self._lock = threading.Lock()

    def authorize(self, request: VoucherRequest) -> Cae:
        with self._lock:
            if self.granted.setdefault((request.voucher, request.number), request.figures()) != request.figures():
                raise Refused(f"10016: number {request.number} is another voucher's.")
        return super().authorize(request)


def corrected(office: Office, number: str = BILL, known_wh: int = 225_000) -> ReadingCorrected:
    found = office.invoices.get(STAFF, number).invoice
    days = DatePeriod(start=found.period_start.isoformat(), end=found.period_end.isoformat())
    return ReadingCorrected(
        supply_id=found.supply_id,
        service_id=found.service_id,
        invoice_id=found.id,
        period=days,
        billed_wh=245_000,
        known_wh=known_wh,
        curve_version=8,
    )


def proposal(office: Office, energy: Energy = LESS) -> str:
    office.energy.usual = energy
    office.hear(corrected(office, known_wh=energy.import_wh))
    (found,) = office.corrections.list("proposed", before="", limit=10)
    return found.correction.id


def approve(office: Office, correction_id: str, legal_interest: str = ""):
    return office.corrections.approve(office.key(), "staff:ana", correction_id, 0, legal_interest)


def rectify(office: Office, **more: str):
    order = RectifyOrder(BILL, "The tariff of the contract was wrong", **{"method": "I", **more})
    return office.corrections.rectify(office.key(), "staff:ana", order)[0]


def debt(office: Office):
    return office.accounts.debt(STAFF, SUPPLY).debt


def check_books(office: Office) -> None:
    posting = tables.ledger_posting
    with office.database.read() as connection:
        assert connection.execute(select(func.sum(posting.c.amount))).scalar_one() == 0
        query = select(func.sum(posting.c.amount)).where(posting.c.account == "receivable")
        receivable = connection.execute(query).scalar_one()
    assert receivable == debt(office).overdue + debt(office).not_yet_due


def text_of(office: Office, number: str, folder: Path) -> str:
    pdf = folder / f"{number}.pdf"
    pdf.write_bytes(office.documents.invoice(office.invoices.get(STAFF, number).invoice.id).content)
    made = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True)
    return " ".join(made.stdout.split())


def said_by_qr(url: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.b64decode(url.partition("?p=")[2]))
    return found


@pytest.fixture
def argentine(office_ar: Office) -> Office:
    """A household's bill of October."""
    contract = contract_message(SUPPLY, product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    holder = member_message(SUPPLY, document_type="dni", document="20.123.456")
    office_ar.tell(supply_message(SUPPLY, contract), holder)
    office_ar.bill()
    return office_ar


def test_what_was_billed_too_much_comes_back_by_a_credit_note(argentine: Office, tmp_path: Path) -> None:
    agency = Agency()
    asking(argentine, agency)
    correction_id = proposal(argentine)
    made = approve(argentine, correction_id)
    assert (made.correction.state, made.rectifying_number) == ("issued", "B-NC-00003-00000001")
    bill = argentine.invoices.get(STAFF, BILL)
    note = argentine.invoices.get(STAFF, made.rectifying_number)
    assert note.invoice.total == made.correction.after_total - bill.invoice.total < 0
    assert (note.links.rectifies, bill.links.rectified_by) == (BILL, (made.rectifying_number,))
    assert bill.outstanding == made.correction.after_total
    check_books(argentine)
    (asked,) = agency.asked
    figures = asked.figures()
    assert (asked.voucher, asked.point_of_sale, asked.number) == ("008", 3, 1)
    assert (figures["ImpTotal"], figures["ImpNeto"]) == (f"{-note.invoice.total}", f"{-note.invoice.net}")
    assert [(part["Id"], part["BaseImp"]) for part in figures["Iva"]] == [(5, f"{-note.invoice.net}")]
    assert (figures["DocTipo"], figures["DocNro"], figures["CondicionIVAReceptorId"]) == (96, 20123456, 5)
    (associated,) = figures["CbtesAsoc"]
    assert associated == {"Tipo": 18, "PtoVta": 3, "Nro": 1, "Cuit": "30123456781", "CbteFch": "20261102"}
    with argentine.database.read() as connection:
        held = vouchers.find(connection, 3, "008", 1)
    assert held is not None and held.invoice_id == note.invoice.id
    (event,) = argentine.events(InvoiceRectified)
    assert (event.number, event.difference.amount) == (note.invoice.number, str(note.invoice.total))
    # The paper, with figures above zero and the code's QR.
    paper = text_of(argentine, note.invoice.number, tmp_path)
    for part in (
        "Nota de crédito",
        "Cód. 008",
        f"CAE N.º {held.code}",
        "Rectifica la factura B-LSP-00000001",
        "liquidación B-LSP-00000001",
        "Nada que pagar: a su favor",
        "Facturado hasta ahora: $",
    ):
        assert part in paper, part
    assert "CESP" not in paper
    qr = said_by_qr(note.invoice.printed["rectification"]["authorisation"]["qr_url"])
    assert (qr["tipoCmp"], qr["nroCmp"], qr["tipoCodAut"], qr["codAut"]) == (8, 1, "E", int(held.code))
    assert D(str(qr["importe"])) == -note.invoice.total
    # And a stranger calculates it again.
    verdict = verify(json.loads(json.dumps(argentine.invoices.bundle(STAFF, note.invoice.number)[1])))
    assert verdict.differences == ()


def test_what_was_billed_too_little_is_a_debit_note_that_is_owed(argentine: Office, tmp_path: Path) -> None:
    note = approve(argentine, proposal(argentine, MORE)).rectifying_number
    assert note == "B-ND-00003-00000001"
    found = argentine.invoices.get(STAFF, note)
    assert found.outstanding == found.invoice.total > 0
    check_books(argentine)
    paper = text_of(argentine, note, tmp_path)
    assert "Nota de débito" in paper and "Cód. 007" in paper
    assert "No existen deudas pendientes" in paper
    # After the bill is due, the next note says so.
    argentine.clock.advance(timedelta(days=10))
    # A credit note afterwards has numbers of its own, and the next debit note goes on.
    argentine.energy.usual = LESS
    assert rectify(argentine).number == "B-NC-00003-00000001"
    paper = text_of(argentine, "B-NC-00003-00000001", tmp_path)
    assert "No existen deudas pendientes" not in paper and BILL in paper.partition("Régimen de Transparencia")[0]
    argentine.energy.usual = MORE
    assert rectify(argentine).number == "B-ND-00003-00000002"


def test_a_registered_holder_has_notes_of_class_a(office_ar: Office) -> None:
    contract = contract_message(
        SUPPLY,
        product_code="general",
        tariff="T2",
        powers=[],
        meter_rental="",
        tax_condition="registered",
        use="other",
    )
    holder = member_message(SUPPLY, document_type="cuit", document="30-50001091-2")
    office_ar.tell(supply_message(SUPPLY, contract), holder)
    office_ar.bill()
    agency = Agency()
    asking(office_ar, agency)
    office_ar.energy.usual = LESS
    order = RectifyOrder("A-LSP-00000001", "Read again", "I")
    assert office_ar.corrections.rectify(office_ar.key(), "staff:ana", order)[0].number == "A-NC-00003-00000001"
    (asked,) = agency.asked
    assert (asked.voucher, asked.recipient, asked.recipient_condition) == ("003", (80, 30500010912), 1)
    assert [code for code, _, _ in asked.rates] == [6]


def test_interest_on_what_was_paid_is_the_offices_word(argentine: Office, tmp_path: Path) -> None:
    total = argentine.invoices.get(STAFF, BILL).invoice.total
    argentine.pay(BILL, str(total), paid_on="2026-11-03", currency="ARS")
    correction_id = proposal(argentine)
    argentine.clock.advance(timedelta(days=30))
    with pytest.raises(Refused, match="charges for late payment"):
        approve(argentine, correction_id)
    made = approve(argentine, correction_id, legal_interest="60")
    too_much = total - made.correction.after_total
    owed = round(too_much * D("0.60") / 12 + too_much * D("0.60") * 18 / 365, 2)
    assert debt(argentine).credit == too_much + owed
    check_books(argentine)
    assert "interés que la cooperativa cobra por mora" in text_of(argentine, made.rectifying_number, tmp_path)


def test_nobody_answering_loses_nothing(argentine: Office) -> None:
    """The question may have been granted: asked again a day later, the same number has the figures of the same note."""
    agency = Agency(Unavailable("The tax office does not answer."))
    asking(argentine, agency)
    correction_id = proposal(argentine)
    with pytest.raises(Unavailable):
        approve(argentine, correction_id)
    assert argentine.corrections.get(correction_id).correction.state == "proposed"
    argentine.clock.advance(timedelta(days=1))
    assert approve(argentine, correction_id).rectifying_number == "B-NC-00003-00000001"
    first, second = agency.asked
    assert first.number == second.number == 1 and first.figures() == second.figures()


def test_an_answer_that_is_no_code_is_asked_again_and_asking_holds_nothing(argentine: Office) -> None:
    """While the tax office thinks, others write; what it answers first is no code, and may have been one lost on the way."""

    class Garbled(Agency):
        def authorize(self, request: VoucherRequest) -> Cae:
            with argentine.database.write() as tx:
                tx.execute(select(tables.series))
            granted = super().authorize(request)
            return replace(granted, code="<html>") if len(self.asked) == 1 else granted

    agency = Garbled()
    asking(argentine, agency)
    correction_id = proposal(argentine)
    with pytest.raises(Unavailable, match="'<html>' has not 14 digits"):
        approve(argentine, correction_id)
    assert approve(argentine, correction_id).rectifying_number == "B-NC-00003-00000001"
    assert agency.asked[0].figures() == agency.asked[1].figures()


def test_a_code_granted_before_a_failure_is_used_with_its_date(argentine: Office, monkeypatch) -> None:
    agency = Agency()
    asking(argentine, agency)
    correction_id = proposal(argentine)

    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr("services.billing.application.rectifying.tell", killed)
        with pytest.raises(RuntimeError, match="killed"):
            approve(argentine, correction_id)
    argentine.clock.advance(timedelta(days=1))
    # Another note of its kind has to wait for it.
    contract = contract_message("s00009", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    argentine.tell(supply_message("s00009", contract, account="9/1"), member_message("s00009"))
    argentine.energy.usual = MORE
    argentine.bill("2026-10", "2026-11-22")
    argentine.energy.usual = measured(P1=1_000, P2=55_000, P3=128_000)
    other = RectifyOrder("B-LSP-00000002", "Read again", "I")
    with pytest.raises(Conflict, match=f"on bill {BILL}"):
        argentine.corrections.rectify(argentine.key(), "staff:ana", other)
    argentine.energy.usual = LESS
    number = approve(argentine, correction_id).rectifying_number
    assert number == "B-NC-00003-00000001"
    assert argentine.invoices.get(STAFF, number).invoice.issue_date == date(2026, 11, 21)
    assert len(agency.asked) == 1
    argentine.energy.usual = measured(P1=1_000, P2=55_000, P3=128_000)
    assert argentine.corrections.rectify(argentine.key(), "staff:ana", other)[0].number == "B-NC-00003-00000002"


def test_what_the_tax_office_rejects_is_said_and_its_number_is_free(argentine: Office) -> None:
    asking(argentine, Agency(Refused("10015: the document of the recipient is not valid.")))
    correction_id = proposal(argentine)
    with pytest.raises(Refused, match="10015"):
        approve(argentine, correction_id)
    with argentine.database.read() as connection:
        assert vouchers.find(connection, 3, "008", 1) is None
    assert approve(argentine, correction_id).rectifying_number == "B-NC-00003-00000001"


def test_notes_of_one_kind_at_once_have_each_its_own_number(argentine: Office) -> None:
    contract = contract_message("s00009", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    argentine.tell(supply_message("s00009", contract, account="9/1"), member_message("s00009"))
    argentine.energy.usual = MORE
    argentine.bill("2026-10", "2026-11-02")
    argentine.energy.usual = LESS
    agency = StrictAgency()
    asking(argentine, agency)
    numbers: list[str] = []

    def work(which: int) -> None:
        order = RectifyOrder(f"B-LSP-0000000{which + 1}", "Read again", "I")
        for _ in range(50):
            try:
                numbers.append(argentine.corrections.rectify(argentine.key(), "staff:ana", order)[0].number)
                return
            except (Conflict, Refused) as again:
                assert again.reason != "NOTHING_TO_RECTIFY"

    in_threads(2, work)
    assert sorted(numbers) == ["B-NC-00003-00000001", "B-NC-00003-00000002"]
    for number in (1, 2):
        with argentine.database.read() as connection:
            held = vouchers.find(connection, 3, "008", number)
        assert held is not None and held.invoice_id and held.figures == agency.granted["008", number]


def test_one_part_up_and_another_down_is_no_single_note(argentine: Office) -> None:
    """The holder turns out to be registered outside a dwelling: 21 % falls and 27 % rises."""
    contract = contract_message(
        SUPPLY,
        product_code="residencial",
        tariff="T1R",
        powers=[],
        meter_rental="",
        tax_condition="monotributo",
        use="other",
    )
    argentine.tell(supply_message(SUPPLY, contract, version=2))
    with pytest.raises(Refused, match="no single note"):
        rectify(argentine)
    with pytest.raises(Refused, match="a note says the difference"):
        rectify(argentine, method="S")


def test_without_anybody_to_ask_the_sentence_says_which_note_it_takes(argentine: Office) -> None:
    asking(argentine, Agency(), FiscalTerms(point_of_sale=3, cesp_provider="sandbox"))
    correction_id = proposal(argentine)
    found = argentine.corrections.get(correction_id)
    assert found.outcome is not None and "nota de crédito B (code 008)" in found.outcome.blocked
    with pytest.raises(Refused, match="CAE of its own"):
        approve(argentine, correction_id)
    argentine.energy.usual = MORE
    with pytest.raises(Refused, match=r"nota de débito B \(code 007\)"):
        rectify(argentine)
    assert argentine.events(InvoiceRectified) == []
    closed = argentine.corrections.discard(argentine.key(), "staff:ana", correction_id, "NC B 0003-00000001").correction
    assert (closed.state, closed.note) == ("discarded", "NC B 0003-00000001")


def test_corrected_water_is_proposed_beside_the_energy_and_noted(office_ar: Office, tmp_path: Path) -> None:
    """18 m³ were billed and 12 were used: 6 m³ at 318.00 come back, and their sewage of 40 %."""
    tap = contract_message(f"{SUPPLY}-tap", product_code="agua-medida", tariff="agua", powers=[], meter_rental="")
    message = supply_message(SUPPLY, contract_message(SUPPLY, product_code="residencial", tariff="T1R"), cups="")
    message.supply.services.add(
        id=f"{SUPPLY}-tap",
        kind=supplies_pb2.SERVICE_KIND_WATER,
        state=supplies_pb2.SERVICE_STATE_CONNECTED,
        contracts=[tap],
    )
    office_ar.tell(message, member_message(SUPPLY))

    def counted(litres: int) -> Energy:
        days = BillPeriod.month("2026-10")
        close = Close("W1", "total", days, "litre", 100_000, 100_000 + litres, litres, "technician", ("r1", "r2"))
        return Energy(hours_expected=745, hours_missing=745, closes=(close,))

    office_ar.energy.of = {f"{SUPPLY}-tap": counted(18_000)}
    office_ar.bill()
    (issued,) = [each for each in office_ar.events(InvoiceIssued) if each.registers]
    assert [(each.service_id, each.litres, each.read.end) for each in issued.registers] == [
        (f"{SUPPLY}-tap", 18_000, "2026-11-01")
    ]
    office_ar.energy.of = {f"{SUPPLY}-tap": counted(12_000)}
    event = corrected(office_ar, issued.number, known_wh=0)
    event.unit, event.billed_litres, event.known_litres = "litre", 18_000, 12_000
    office_ar.hear(event)
    (found,) = office_ar.corrections.list("proposed", before="", limit=5)
    assert (found.correction.billed_litres, found.correction.known_litres) == (18_000, 12_000)
    assert found.correction.billed_wh == found.correction.known_wh == 245_000
    outcome = office_ar.corrections.get(found.correction.id).outcome
    assert outcome is not None
    assert {line.service for line in outcome.change.lines} == {"water"}
    assert outcome.change.net == -(6 * D("318.00") + D("763.20"))
    # The IVA of each whole bill is rounded, and the difference of the two is a cent more than that of 2,671.20 (560.95).
    assert outcome.delta == -(D("1908.00") + D("763.20") + D("560.96"))
    note = approve(office_ar, found.correction.id).rectifying_number
    assert office_ar.invoices.get(STAFF, note).invoice.total == outcome.delta
    assert "18 m³ a 12 m³" in text_of(office_ar, note, tmp_path)
    verdict = verify(json.loads(json.dumps(office_ar.invoices.bundle(STAFF, note)[1])))
    assert verdict.differences == ()
