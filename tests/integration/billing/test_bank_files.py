"""Bank statements and collectors' files: matched in the order of the rules, once whatever comes twice, the rest queued."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import DirectDebitReturned, PaymentReceived, PaymentTakenOff
from coop.billing.v1 import bank_service_pb2 as pb
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from services.billing import bank_api
from services.billing.application.bank_files import BankFiles, Imported
from services.billing.application.bank_matching import BankMatching
from services.billing.application.bank_queue import BankQueue
from services.billing.application.books import Books
from services.billing.application.collections import Collections
from services.billing.application.mandates import Mandates, NewMandate, debit_terms
from services.billing.application.refunds import Refunds
from services.billing.application.remittances import Remittances
from services.billing.repository.bank_files import WAITING
from services.billing.tables import bank_movement, ledger_posting, payment, payment_reversal
from services.chassis.db import RequestKey
from services.chassis.errors import Conflict, CoopError, Invalid, NotFound, Refused, Unavailable
from tests.support.billing import STAFF, Office, contract_message, in_threads, measured, member_message, supply_message
from tests.unit.billing.payments import collector_writers
from tests.unit.billing.payments.statement_writers import Line, camt, csb43, document, entry

SEPTEMBER, OCTOBER = "E-2026-000001", "E-2026-000002"
ANA = "ES7921000813610123456789"
ACTOR = "staff:office"
#: What differs between the databases, locks and types, is tried by the other tests.
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Bank:
    """Billing with a desk for bank files."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.matching = BankMatching(office.database, office.rules)
        self.files = BankFiles(office.database, office.rules, self.matching)
        self.queue = BankQueue(office.database, self.matching)

    def take(self, content: bytes, key: RequestKey | None = None, *, dry_run: bool = False) -> Imported:
        return self.files.take(key or self.office.key(), ACTOR, "bank.txt", io.BytesIO(content), dry_run=dry_run)

    def states(self, *states: str) -> list[tuple[str, str, list[str]]]:
        found = self.queue.movements(states, "", after="", limit=100)
        return [(each.movement.state, each.movement.rule, list(each.movement.candidates)) for each in found]

    def waiting(self) -> str:
        """The id of the one movement in the queue."""
        (found,) = self.queue.movements(["queued"], "", after="", limit=10)
        return found.movement.id

    def debt(self, supply_id: str = "s00000") -> D:
        debt = self.office.accounts.debt(STAFF, supply_id).debt
        return debt.overdue + debt.not_yet_due - debt.credit

    def books(self) -> dict[str, D]:
        """Balances of the accounts that have one; their sum is zero."""
        query = select(ledger_posting.c.account, func.sum(ledger_posting.c.amount)).group_by(ledger_posting.c.account)
        with self.office.database.read() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
            held = select(func.sum(bank_movement.c.amount)).where(bank_movement.c.state.in_(WAITING))
            waiting = connection.execute(held).scalar_one() or D(0)
        assert sum(found.values()) == 0 and found.get("unmatched", D(0)) == -waiting
        return {account: amount for account, amount in found.items() if amount}

    def count(self, table: object) -> int:
        with self.office.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def bank(office: Office) -> Bank:
    """September of two supplies (numbers 1 and 2), each 55.44 or near, and October (3 and 4)."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return Bank(office)


def paid(bank: Bank) -> D:
    """What September comes to."""
    return bank.office.invoices.get(STAFF, SEPTEMBER).invoice.total


def test_credits_are_matched_by_number_and_by_the_reference_of_the_slip(bank: Bank) -> None:
    first = paid(bank)
    before = bank.debt()
    found = bank.take(
        csb43(
            [
                Line(int(first * 100), text="TRANSFERENCIA FRA E 2026 000001 ANA"),
                Line(5544, text="RECIBO", reference="20260000002"),
            ]
        )
    )
    assert {state: count for state, (count, _) in found.counts.items()} == {"matched": 2}
    assert [(each.rule, each.candidates) for each in found.movements] == [
        ("invoice_reference", [SEPTEMBER]),
        ("creditor_reference", [OCTOBER]),
    ]
    assert (before, bank.debt()) == (first + D("55.44"), 0)
    assert bank.books()["bank"] == before and "unmatched" not in bank.books()
    assert [told.method for told in bank.office.events(PaymentReceived)] == ["transfer", "transfer"]
    assert all(found.payments[each.id] for each in found.movements)


def test_a_file_twice_books_nothing_twice_and_says_so(bank: Bank) -> None:
    lines = [Line(5544, text=f"factura {OCTOBER}"), Line(5544, text="nobody"), Line(-1250, text="COMISION")]
    assert bank.take(camt("08")(lines, 0)).file.fresh == 3
    books = bank.books()
    again = bank.take(camt("08")(lines, 0))
    assert (again.file.movements, again.file.fresh, again.counts, again.file.findings) == (3, 0, {}, [])
    overlapping = bank.take(camt("08")([*lines, Line(100, text="new")], 0))
    assert (overlapping.file.movements, overlapping.file.fresh) == (4, 1)
    (said,) = overlapping.file.findings
    assert said.startswith("3 of its 4 movements say just what earlier files said and are taken for the same.")
    assert bank.books()["unmatched"] == books["unmatched"] - 1
    with pytest.raises(Invalid, match=r"imported from camt\.053\.001\.08 before; import this account from one format"):
        bank.take(csb43(lines))


@SQLITE
def test_a_repeated_command_gives_its_answer_and_another_file_under_its_id_is_refused(bank: Bank) -> None:
    key, content = bank.office.key(), csb43([Line(5544, text=OCTOBER)])
    first = bank.take(content, key)
    assert bank.take(content, key).file == first.file
    with pytest.raises(Conflict, match="used before for another request"):
        bank.take(csb43([Line(5545, text=OCTOBER)]), key)


@SQLITE
def test_more_than_the_debt_becomes_credit_and_several_numbers_are_paid_together(bank: Bank) -> None:
    both = bank.debt()
    text = f"{SEPTEMBER} y {OCTOBER}"
    found = bank.take(
        csb43([Line(int(both * 100) - 1, text=text, day=date(2026, 11, 3)), Line(int(both * 100), text=text)])
    )
    assert [each.state for each in found.movements] == ["queued", "matched"]
    assert "is not their sum" in found.movements[0].sentence and len(found.payments[found.movements[1].id]) == 2
    assert bank.debt() == 0
    bank.queue.match(bank.office.key(), ACTOR, found.movements[0].id, [OCTOBER], "", "paid twice")
    assert bank.office.accounts.debt(STAFF, "s00000").debt.credit == both - D("0.01")
    third = bank.take(csb43([Line(1000, text=OCTOBER, day=date(2026, 11, 4))])).movements[0]
    assert third.state == "matched" and "Less was owed: 10.00 of it is credit" in third.sentence
    bank.books()


@SQLITE
def test_two_that_name_the_same_invoices_in_one_file_pay_them_once(bank: Bank) -> None:
    line = Line(int(bank.debt() * 100), text=f"{SEPTEMBER} {OCTOBER}")
    found = bank.take(csb43([line, line]))
    assert [each.state for each in found.movements] == ["matched", "queued"]
    assert "Meanwhile 0.00 is unpaid" in found.movements[1].sentence


def test_an_account_that_paid_before_is_known_by_its_amount(bank: Bank) -> None:
    first = paid(bank)
    party = f"<RltdPties><DbtrAcct><Id><IBAN>{ANA}</IBAN></Id></DbtrAcct></RltdPties>"

    def told(line: Line) -> str:
        return entry(line, "08", f"<TxDtls>{party}<RmtInf><Ustrd>{line.text}</Ustrd></RmtInf></TxDtls>")

    lines = [Line(int(first * 100), text="de Ana"), Line(5544, text="otra vez Ana")]
    content = [document(told(line), 0, line.cents) for line in lines]
    bank.take(content[0])
    waiting = bank.waiting()
    bank.queue.match(bank.office.key(), ACTOR, waiting, [], "1/1", "Ana's account, she rang")
    assert bank.debt() == D("55.44")
    found = bank.take(content[1])
    assert [(each.state, each.rule, each.candidates) for each in found.movements] == [
        ("matched", "amount_and_iban", [OCTOBER])
    ]
    assert bank.debt() == 0


def test_what_a_person_decides_is_kept_with_who_and_why(bank: Bank) -> None:
    bank.take(
        csb43(
            [Line(5544, text="unknown\0"), Line(900, text="devolucion de un proveedor"), Line(-1250, text="COMISION")]
        )
    )
    unknown, supplier, fee = (each.movement for each in bank.queue.movements(["queued"], "", after="", limit=9))
    assert bank.books()["unmatched"] == D("-51.94")
    key = bank.office.key()
    found = bank.queue.match(key, ACTOR, unknown.id, [OCTOBER], "", "she brought the receipt")
    assert found.decision is not None
    assert (found.decision.actor, found.decision.why, found.decision.target) == (
        ACTOR,
        "she brought the receipt",
        OCTOBER,
    )
    assert bank.queue.match(key, ACTOR, unknown.id, [OCTOBER], "", "she brought the receipt") == found
    for change in ("UPDATE bank_decision SET why = 'x'", "DELETE FROM bank_movement_payment"):
        with pytest.raises(DBAPIError, match="written once"), bank.office.database.write() as tx:
            tx.connection.execute(text(change))
    with pytest.raises(Refused, match="is matched already: she brought the receipt"):
        bank.queue.ignore(bank.office.key(), ACTOR, unknown.id, "again")
    with pytest.raises(Refused, match="money that left"):
        bank.queue.match(bank.office.key(), ACTOR, fee.id, [OCTOBER], "", "fee")
    for each in (supplier, fee):
        bank.queue.ignore(bank.office.key(), ACTOR, each.id, "not of a member")
    assert bank.books()["bank"] == D("55.44") and "unmatched" not in bank.books()


def test_a_wrong_match_waits_again_and_pays_somebody_else(bank: Bank) -> None:
    before = bank.debt()
    bank.take(csb43([Line(6000, text=f"FRA {OCTOBER}")]))
    (found,) = bank.queue.movements(["matched"], "", after="", limit=9)
    assert (bank.debt(), bank.books()["bank"]) == (before - 60, D(60))
    repeated = bank.office.key()
    keys = [repeated if number % 2 else bank.office.key() for number in range(50)]

    said: list[str] = []

    def unmatch(number: int) -> None:
        try:
            said.append(bank.queue.unmatch(keys[number], ACTOR, found.movement.id, "of the other Ana").movement.state)
        except Refused as refused:
            said.append(refused.reason)

    in_threads(50, unmatch)
    assert "queued" in said and set(said) <= {"queued", "NOT_MATCHED"}
    assert (bank.debt(), bank.books()["unmatched"], bank.count(payment_reversal)) == (before, D(-60), 1)
    (told,) = bank.office.events(PaymentTakenOff)
    assert told.amount.amount == "60.00"
    (again,) = bank.queue.movements(["queued"], "", after="", limit=9)
    assert not again.payments and again.decision is not None
    assert (again.decision.decision, again.decision.target, again.decision.why) == (
        "unmatched",
        OCTOBER,
        "of the other Ana",
    )
    assert Books(bank.office.database, bank.office.rules).check().differences == ()
    with pytest.raises(Refused, match="nothing of it can be taken back"):
        bank.queue.unmatch(bank.office.key(), ACTOR, again.movement.id, "again")
    matched = bank.queue.match(bank.office.key(), ACTOR, again.movement.id, [], "1/1", "hers after all")
    assert len(matched.payments) == 1 and bank.debt() == before - 60
    refunds = Refunds(bank.office.database, bank.office.rules)
    refunds.request(bank.office.key(), ACTOR, matched.payments[0], D(1), "EUR", "one too much")
    left = bank.take(csb43([Line(-100, text="TRANSFERENCIA A ANA", day=date(2026, 11, 21))])).movements[0]
    assert "may be the refund of 2026-11-21 to 1/1, which is in the books: ignore it if it is" in left.sentence
    bank.queue.ignore(bank.office.key(), ACTOR, left.id, "the refund")
    assert bank.books()["bank"] == D(59)
    with pytest.raises(Refused, match=r"1\.00 of it went back to the payer"):
        bank.queue.unmatch(bank.office.key(), ACTOR, again.movement.id, "wrong again")
    assert bank.debt() == before - 59 and "unmatched" not in bank.books()


@SQLITE
def test_decisions_that_cannot_be(bank: Bank) -> None:
    bank.take(csb43([Line(1000, text="unknown")]))
    waiting = bank.waiting()
    wrong: list[tuple[list[str], str, str, type[CoopError], str]] = [
        ([OCTOBER], "", " ", Invalid, "Say why"),
        ([], "", "why", Invalid, "Say what was paid"),
        ([OCTOBER], "1/1", "why", Invalid, "Say what was paid"),
        (["E-2026-9"], "", "why", NotFound, "There is no invoice 'E-2026-9'"),
        ([], "77/1", "why", NotFound, "There is no supply '77/1'"),
        ([SEPTEMBER, OCTOBER], "", "why", Refused, "is unpaid together, and the movement is of 10.00"),
    ]
    for invoices, supply, why, error, sentence in wrong:
        with pytest.raises(error, match=sentence):
            bank.queue.match(bank.office.key(), ACTOR, waiting, invoices, supply, why)
    with pytest.raises(NotFound, match="There is no movement 'none'"):
        bank.queue.ignore(bank.office.key(), ACTOR, "none", "why")
    with pytest.raises(Invalid, match="no account of money on its way"):
        bank.queue.settle(bank.office.key(), ACTOR, waiting, "cash", "why")
    with pytest.raises(Invalid, match="The state 'open' is not known"):
        bank.queue.movements(["open"], "", after="", limit=1)
    assert bank.states() == [("queued", "", [])]
    # What left the queue without an entry of the ledger is found.
    with bank.office.database.write() as tx:
        tx.connection.execute(text("UPDATE bank_movement SET state = 'ignored'"))
    (found,) = Books(bank.office.database, bank.office.rules).check().differences
    assert (found.what, found.subject, found.amount) == (
        "movements that wait are not what is set down as unmatched",
        "queue",
        D(-10),
    )


@SQLITE
def test_settlements_and_returns_clear_what_was_on_its_way(bank: Bank) -> None:
    card = Line(20_000, text="ABONO TPV COMERCIO 999008881")
    remittance = entry(Line(30_000, text="R-1"), "08").replace("RCDT", "IDDT")
    returned = entry(
        Line(-5544, text="", reference=OCTOBER),
        "08",
        f"<TxDtls><Refs><EndToEndId>{OCTOBER}</EndToEndId></Refs><RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf></TxDtls>",
    )
    lost = Line(7_000, text="LIQUIDACION DE UN COBRADOR")
    content = document(entry(card, "08") + remittance + returned + entry(lost, "08"), 0, 51_456)
    found = bank.take(content)
    assert [(each.state, each.rule) for each in found.movements] == [
        ("settled", "card"),
        ("settled", "direct_debit"),
        ("return", ""),
        ("queued", ""),
    ]
    came_back = found.movements[2]
    assert "(AM04): 'E-2026-000002' is no collection that was sent from here." in came_back.sentence
    bank.queue.settle(bank.office.key(), ACTOR, bank.waiting(), "collector", "weekly settlement")
    books = bank.books()
    assert {each: books.get(each) for each in ("bank", "card", "direct_debit", "collector", "unmatched")} == {
        "bank": D("514.56"),
        "card": D("-200"),
        "direct_debit": D("-300"),
        "collector": D("-70"),
        "unmatched": D("55.44"),
    }
    bank.queue.settle(
        bank.office.key(), ACTOR, came_back.id, "direct_debit", "of the bank's own form, before this system"
    )
    settled = bank.books()
    assert settled["direct_debit"] == D("-244.56") and "unmatched" not in settled
    # What a rule and a person settled wrongly waits again, and so does what was ignored.
    for movement_id in (found.movements[0].id, came_back.id):
        again = bank.queue.unmatch(bank.office.key(), ACTOR, movement_id, "mistaken").movement
        assert (again.state, again.rule) == ("queued", "") and "wrongly: mistaken" in again.sentence
    assert {each: bank.books().get(each) for each in ("card", "direct_debit", "unmatched")} == {
        "card": None,
        "direct_debit": D("-300"),
        "unmatched": D("-144.56"),
    }
    bank.queue.settle(bank.office.key(), ACTOR, came_back.id, "direct_debit", "it was right")
    bank.queue.ignore(bank.office.key(), ACTOR, found.movements[0].id, "not ours")
    assert bank.books()["bank"] == D("314.56")
    bank.queue.unmatch(bank.office.key(), ACTOR, found.movements[0].id, "ours after all")
    bank.queue.settle(bank.office.key(), ACTOR, found.movements[0].id, "card", "of the terminal")
    assert bank.books() == settled
    assert Books(bank.office.database, bank.office.rules).check().differences == ()


def test_a_direct_debit_that_comes_back_in_a_statement_opens_its_invoice_again(bank: Bank) -> None:
    office = bank.office
    terms = debit_terms(office.rules.profile)
    signed = NewMandate("s00000", "", ANA, "2026-01-02", "2026-01-02", "folder 3", "")
    assert digits_on(bank, OCTOBER, 46)
    Mandates(office.database, office.rules, terms).add(office.key(), ACTOR, signed)
    assert not digits_on(bank, OCTOBER, 46), "who is debited must not pay at a counter, too"
    sent = Remittances(office.database, office.rules, office.blobs, terms)
    number = sent.propose(office.key(), ACTOR, "2026-11-24", []).remittance.number
    sent.approve(office.key(), ACTOR, number)
    collections = Collections(office.database, office.rules)
    office.clock.advance(timedelta(days=3))
    collections.settle(office.key(), ACTOR, number)
    assert bank.debt() == 0
    total = bank.books()["direct_debit"]
    credit = Line(int(total * 100), text=f"ABONO REMESA {number}", day=date(2026, 11, 24))
    back = "<Refs><EndToEndId>{}</EndToEndId></Refs><RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf>"
    returned = entry(Line(-5544), "08", f"<TxDtls>{back.format(OCTOBER)}</TxDtls>")
    content = document(entry(credit, "08") + returned, 0, int(total * 100) - 5544)
    in_threads(8, lambda number: bank.take(content))
    assert [(state, rule) for state, rule, _ in bank.states()] == [("settled", "direct_debit"), ("settled", "returned")]
    books = bank.books()
    assert books["bank"] == total - D("55.44") and not {"direct_debit", "unmatched"} & set(books)
    assert bank.debt() == D("55.44")
    (told,) = office.events(DirectDebitReturned)
    assert (told.invoice_number, told.reason_code) == (OCTOBER, "AM04")
    (taken_back,) = [each.movement for each in bank.queue.movements(["settled"], "", after="", limit=9)][1:]
    with pytest.raises(Refused, match="nothing of it can be taken back: A direct debit came back"):
        bank.queue.unmatch(office.key(), ACTOR, taken_back.id, "mistaken")
    # The account of the mandate is known, so a transfer from it needs no words at all.
    party = f"<RltdPties><DbtrAcct><Id><IBAN>{ANA}</IBAN></Id></DbtrAcct></RltdPties>"
    found = bank.take(document(entry(Line(5544), "08", f"<TxDtls>{party}</TxDtls>"), 0, 5544))
    assert [(each.rule, each.candidates) for each in found.movements] == [("amount_and_iban", [OCTOBER])]
    assert bank.debt() == 0


@SQLITE
def test_a_dry_run_says_what_would_be_and_keeps_nothing(bank: Bank) -> None:
    books = bank.books()
    found = bank.take(csb43([Line(5544, text=OCTOBER)]), dry_run=True)
    assert found.dry_run and [each.state for each in found.movements] == ["matched"]
    assert (bank.books(), bank.count(bank_movement), bank.files.files(before="", limit=5)) == (books, 0, [])
    assert bank.office.events(PaymentReceived) == []


@SQLITE
def test_a_file_that_cannot_be_booked_whole_leaves_a_trace_alone(bank: Bank) -> None:
    books, good = bank.books(), csb43([Line(5544, text=OCTOBER)])
    refused = {
        "they make": good.replace(b"00000000005544", b"00000000005545", 1),
        "cut short": good[:160],
        "no bank statement": b"%PDF-1.7",
        "kept in EUR": collector_writers.rapipago([collector_writers.Paid(100)]),
        "which is not ours": camt("08")([Line(1)], 0).replace(b"ES9121000418450200051332", ANA.encode()),
    }
    for sentence, content in refused.items():
        with pytest.raises(Invalid, match=sentence if sentence != "they make" else "make"):
            bank.take(content)
    traces = bank.files.files(before="", limit=10)
    assert [each.state for each in traces] == ["refused"] * len(refused) and all(each.problem for each in traces)
    assert (bank.books(), bank.count(bank_movement)) == (books, 0)


def test_what_a_killed_import_left_is_matched_by_the_next(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    content = csb43([Line(5544, text=OCTOBER)])
    monkeypatch.setattr(bank.matching, "run", lambda actor: None)
    assert bank.take(content).counts == {"new": (1, D("55.44"))}
    assert bank.books()["unmatched"] == D("-55.44")
    monkeypatch.undo()
    again = bank.take(content)
    assert again.file.fresh == 0 and bank.states() == [("matched", "invoice_reference", [OCTOBER])]
    assert "unmatched" not in bank.books()


def test_fifty_who_import_the_same_file_have_one_effect(bank: Bank) -> None:
    lines = [Line(5544, text=OCTOBER), *(Line(100 + number, text=f"nobody {number}") for number in range(5))]
    content, before = csb43(lines), bank.debt()
    in_threads(50, lambda number: bank.take(content))
    assert bank.count(bank_movement) == len(lines) and bank.count(payment) == 1
    assert bank.debt() == before - D("55.44")
    assert sorted(each.fresh for each in bank.files.files(before="", limit=60)) == [0] * 49 + [len(lines)]
    assert bank.books()["bank"] == D(sum(line.cents for line in lines)).scaleb(-2)
    waiting = bank.queue.movements(["queued"], "", after="", limit=9)[0].movement.id
    key = bank.office.key()
    in_threads(10, lambda number: bank.queue.match(key, ACTOR, waiting, [], "1/1", "hers"))
    assert bank.count(payment) == 2


def sent(*parts: pb.ImportBankFileRequest) -> Iterator[pb.ImportBankFileRequest]:
    return iter(parts)


@SQLITE
def test_the_service_takes_files_that_arrive_whole(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    api = bank_api.BankApi(bank.office.rules, bank.files, bank.queue)
    head, end = pb.ImportBankFileRequest(request_id="r1", file_name="n43.txt"), pb.ImportBankFileRequest(complete=True)
    content = csb43([Line(5544, text=OCTOBER), Line(700, text="nobody")])
    chunks = [pb.ImportBankFileRequest(chunk=content[at : at + 100]) for at in range(0, len(content), 100)]
    for cut_off in ((), (head,), (head, *chunks)):
        with pytest.raises(Unavailable, match="send it again"):
            api.ImportBankFile(sent(*cut_off), None)
    with pytest.raises(Invalid, match="request_id"):
        api.ImportBankFile(sent(pb.ImportBankFileRequest(file_name="n43.txt"), end), None)
    assert bank.files.files(before="", limit=5) == []
    found = api.ImportBankFile(sent(head, *chunks, end), None)
    assert api.ImportBankFile(sent(head, *chunks, end), None) == found
    assert [(each.state, each.movements, each.amount.amount) for each in found.counts] == [
        ("matched", 1, "55.44"),
        ("queued", 1, "7.00"),
    ]
    matched, queued = found.movements
    assert len(matched.payment_ids) == 1 and list(matched.candidates) == [OCTOBER]
    request = pb.IgnoreBankMovementRequest(request_id="r2", movement_id=queued.id, why="of a supplier")
    assert api.IgnoreBankMovement(request, None).movement.decision.why == "of a supplier"
    first = api.ListBankMovements(pb.ListBankMovementsRequest(page_size=1), None)
    rest = api.ListBankMovements(pb.ListBankMovementsRequest(page_token=first.next_page_token), None)
    assert [each.id for each in (*first.movements, *rest.movements)] == [matched.id, queued.id]
    assert [each.file_name for each in api.ListBankFiles(pb.ListBankFilesRequest(), None).files] == ["n43.txt"]
    monkeypatch.setattr(bank_api, "LARGEST", 150)
    with pytest.raises(Invalid, match="more than 150 bytes"):
        api.ImportBankFile(sent(head, *chunks, end), None)


def written(lines: Sequence[Line], chance: random.Random) -> bytes:
    return chance.choice((csb43, camt("08"), camt("02")))(lines, 1000)


@SQLITE
def test_damaged_files_never_crash_and_never_book_by_halves(bank: Bank) -> None:
    """Two thousand damaged files, read, and kept and matched where they still add up."""
    engine = bank.office.database.engine
    engine.dispose()
    # Two thousand traces are two thousand transactions, and it is not the disk that is tried here.
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    chance, taken = random.Random(575), 0
    books = bank.books()
    lines = (Line(5544, text=OCTOBER), Line(-1250, text="COMISION"), Line(3005, text="nadie", reference="20260000001"))
    for number in range(2000):
        damaged = bytearray(written(lines, chance))
        at = chance.randrange(len(damaged))
        if number % 3 == 0:
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        elif number % 3 == 1:
            del damaged[at : at + chance.randint(1, 90)]
        else:
            damaged[at:at] = chance.choice([b"\0", b"<", b"&x;", b"\xff", b"9", b" ", b"\n", b"1" * 200])
        try:
            found = bank.take(bytes(damaged))
        except Invalid as refusal:
            assert refusal.message.endswith(".")
            continue
        taken += 1
        assert found.file.fresh == sum(count for count, _ in found.counts.values())
        assert not set(found.counts) & {"new"}
    assert taken > 20
    after = bank.books()
    with bank.office.database.read() as connection:
        total = connection.execute(select(func.sum(bank_movement.c.amount))).scalar_one()
    assert after["bank"] - books.get("bank", D(0)) == total
    assert len(bank.files.files(before="", limit=2500)) == 2000


def digits_on(bank: Bank, number: str, length: int) -> str:
    """The digits under the bars of an invoice; empty when it has none."""
    _, said = bank.office.documents.invoice_text(bank.office.invoices.get(STAFF, number).invoice.id)
    found = {re.sub(r"\D", "", text) for piece in said for text in piece.texts}
    (digits,) = [each for each in found if len(each) == length] or [""]
    return digits


@SQLITE
def test_the_slip_on_an_invoice_comes_back_with_the_statement(bank: Bank) -> None:
    code = digits_on(bank, OCTOBER, 46)
    assert (code[:5], code[16:27], code[29:46]) == ("90507", "20260000002", "23112600000055440")
    found = bank.take(csb43([Line(5544, text=code)]))
    assert [(each.rule, each.candidates) for each in found.movements] == [("creditor_reference", [OCTOBER])]


# ------------------------------------------------------------------------------------------------------- collectors
def argentina(office: Office) -> Bank:
    """A home with a bill and what is collected apart with it."""
    light = contract_message("s00000", product_code="residencial", tariff="T1R", powers=[], meter_rental="")
    office.tell(member_message("s00000"), supply_message("s00000", light, cups="", account="1/1"))
    office.energy.usual = measured(expected=744, P1=221_000)
    office.bill()
    return Bank(office)


@SQLITE
@pytest.mark.parametrize("name", collector_writers.WRITERS)
def test_collected_bills_by_their_barcode(office_ar: Office, name: str) -> None:
    bank = argentina(office_ar)
    due, other = bank.office.accounts.debt(STAFF, "s00000").debt.items
    code = digits_on(bank, due.number, 50)
    payments = [
        collector_writers.Paid(int(due.outstanding * 100), code),
        collector_writers.Paid(5000, "1" * 50),
        collector_writers.Paid(250, code),
    ]
    content = collector_writers.WRITERS[name](payments)
    found = bank.take(content)
    assert [(each.state, each.rule) for each in found.movements] == [
        ("matched", "barcode"),
        ("queued", ""),
        ("matched", "barcode"),
    ]
    assert found.movements[0].candidates == [due.number]
    assert bank.debt() == other.outstanding - D("2.50")
    assert bank.books()["collector"] == due.outstanding + D("52.50")
    assert {told.method for told in bank.office.events(PaymentReceived)} == {"collector"}
    with pytest.raises(Refused, match="what settles it comes with a bank statement"):
        bank.queue.settle(bank.office.key(), ACTOR, bank.waiting(), "collector", "why")
    bank.queue.match(bank.office.key(), ACTOR, bank.waiting(), [], "1/1", "read again")
    assert bank.take(content).file.fresh == 0
    assert bank.debt() == other.outstanding - D("52.50") and "unmatched" not in bank.books()
