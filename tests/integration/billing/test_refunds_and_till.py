"""Refunds with a second person, the till counted at the end of a day, receipts, form 347, and whether the books agree."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import PaymentRefunded
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.billing.application.accounts import PaymentOrder
from services.billing.application.books import Books
from services.billing.application.payments import Payments
from services.billing.application.receiving import Incoming, Receiving
from services.billing.application.refunds import Refunds
from services.billing.application.regularising import RectifyOrder
from services.billing.application.till import Till
from services.billing.repository.ledger import Payment
from services.billing.repository.refunds import Refund
from services.chassis.context import Principal
from services.chassis.db import RequestKey
from services.chassis.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from tests.support.billing import STAFF, Office, access, in_threads, measured, member_message, supply_message

SUPPLY = "s00000"
PROGRAM = Path(__file__).with_name("pay_program.py")
ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
TODAY = date(2026, 11, 21)
ANA, LUIS = "staff:ana", "staff:luis"


@pytest.fixture
def billed(office: Office) -> Office:
    """September (overdue today) and October (55.44, not yet due) of one supply."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return office


def receive(office: Office, amount: str, method: str = "transfer", day: date = TODAY, person: str = ANA) -> Payment:
    with office.database.write() as tx:
        return Receiving(office.rules).receive(tx, Incoming(SUPPLY, D(amount), method, day, "slip 7", person))


def refund(office: Office, payment: Payment, amount: str, key: RequestKey | None = None, person: str = ANA) -> Refund:
    desk = Refunds(office.database, office.rules)
    return desk.request(key or office.key(), person, payment.id, D(amount), "EUR", "paid twice")


def books_agree(office: Office) -> None:
    found = Books(office.database, office.rules).check()
    assert found.differences == ()
    assert found.entries and sum(amount for _, amount in found.balances) == 0


# ------------------------------------------------------------------------------------------------------------ refunds
def test_one_person_refunds_up_to_the_limit_also_in_parts(billed: Office) -> None:
    paid = receive(billed, "500.00")
    first = refund(billed, paid, "100.00")
    assert (first.state, first.decided_by) == ("paid", ANA)
    assert refund(billed, paid, "50.00").state == "paid"
    waits = refund(billed, paid, "0.01")
    assert (waits.state, waits.reversal_id) == ("requested", None), "150.00 were refunded by one person alone"
    assert [event.amount.amount for event in billed.events(PaymentRefunded)] == ["100.00", "50.00"]
    books_agree(billed)


def test_above_the_limit_somebody_else_approves(billed: Office) -> None:
    desk, paid = Refunds(billed.database, billed.rules), receive(billed, "500.00")
    waits = refund(billed, paid, "150.01")
    assert billed.events(PaymentRefunded) == []
    with pytest.raises(Refused, match="somebody else has to approve"):
        desk.approve(billed.key(), ANA, waits.id)
    key = billed.key()
    done = desk.approve(key, LUIS, waits.id)
    assert (done.state, done.requested_by, done.decided_by) == ("paid", ANA, LUIS)
    assert desk.approve(key, LUIS, waits.id) == done
    with pytest.raises(Refused, match="was paid before, by staff:luis"):
        desk.reject(billed.key(), ANA, waits.id, "no")
    assert [event.amount.amount for event in billed.events(PaymentRefunded)] == ["150.01"]
    # What somebody else approved does not count as refunded alone.
    assert refund(billed, paid, "150.00").state == "paid"


def test_what_waits_is_reserved_and_rejecting_it_frees_it(billed: Office) -> None:
    desk, paid = Refunds(billed.database, billed.rules), receive(billed, "200.00")
    waits = refund(billed, paid, "160.00")
    with pytest.raises(Refused, match=r"has 40.00 left .*160.00 of it asked for already, not 40.01"):
        refund(billed, paid, "40.01")
    with pytest.raises(Invalid, match="why the refund is rejected"):
        desk.reject(billed.key(), LUIS, waits.id, " ")
    assert desk.reject(billed.key(), ANA, waits.id, "wrong payment").decision_why == "wrong payment"
    assert refund(billed, paid, "40.01").state == "paid"
    assert [each.state for each in desk.list("", before="", limit=9)] == ["paid", "rejected"]
    assert [each.id for each in desk.list("rejected", before="", limit=9)] == [waits.id]
    with pytest.raises(Invalid, match="no state 'open'"):
        desk.list("open", before="", limit=9)


def test_refunds_that_cannot_be(billed: Office) -> None:
    paid = receive(billed, "10.00")
    desk = Refunds(billed.database, billed.rules)
    with pytest.raises(Refused, match=r"has 10.00 left that can be refunded, not 10.01"):
        refund(billed, paid, "10.01")
    with pytest.raises(NotFound, match="no payment 'none'"):
        desk.request(billed.key(), ANA, "none", D(1), "EUR", "x")
    with pytest.raises(NotFound, match="no refund 'none'"):
        desk.approve(billed.key(), ANA, "none")
    with pytest.raises(Invalid, match="in USD"):
        desk.request(billed.key(), ANA, paid.id, D(1), "USD", "x")
    with pytest.raises(Invalid, match="why the payment is refunded"):
        desk.request(billed.key(), ANA, paid.id, D(1), "EUR", "")
    key = billed.key()
    refund(billed, paid, "1.00", key)
    with pytest.raises(Conflict, match="used before for another request"):
        refund(billed, paid, "2.00", RequestKey(key.scope, key.request_id, "other"))


def test_fifty_racing_refunds_and_payments_have_one_effect(billed: Office) -> None:
    paid, key = receive(billed, "90.00"), billed.key()
    in_threads(25, lambda number: refund(billed, paid, "60.00", key))
    assert len(billed.events(PaymentRefunded)) == 1

    def another(number: int) -> None:
        with pytest.raises(Refused, match=r"30\.00 left"):
            refund(billed, paid, "60.00")

    in_threads(25, another)
    order_key = billed.key()
    order = PaymentOrder("", "7.00", "EUR", "cash", "", "", SUPPLY)
    made: set[str] = set()
    in_threads(50, lambda number: made.add(billed.accounts.record_payment(order_key, ANA, order).payment.id))
    assert len(made) == 1
    books_agree(billed)


# ----------------------------------------------------------------------------------------------------------- the till
def test_a_day_is_cashed_up_by_method_and_person_and_closed_once(billed: Office) -> None:
    till = Till(billed.database, billed.rules)
    receive(billed, "20.00", "cash", TODAY - timedelta(days=1))
    cash = receive(billed, "30.00", "cash")
    receive(billed, "5.50", "cash", person=LUIS)
    receive(billed, "12.00", "card")
    refund(billed, cash, "10.00", person=LUIS)
    found = till.cash_up("")
    assert [(each.method, each.person, each.kind, each.count, each.amount) for each in found.moved] == [
        ("card", ANA, "payment", 1, D("12.00")),
        ("cash", ANA, "payment", 1, D("30.00")),
        ("cash", LUIS, "payment", 1, D("5.50")),
        ("cash", LUIS, "refund", 1, D("-10.00")),
    ]
    assert (found.opening, found.closing, found.count) == (D("20.00"), D("45.50"), None)
    with pytest.raises(Invalid, match=r"45\.00 was counted and the ledger has 45\.50"):
        till.close(billed.key(), ANA, "", D("45.00"), "EUR", "")
    key = billed.key()
    closed = till.close(key, ANA, "", D("45.00"), "EUR", "50 cents of change lost")
    assert closed.count and (closed.count.difference, closed.closing) == (D("-0.50"), D("45.00"))
    assert till.close(key, ANA, "", D("45.00"), "EUR", "50 cents of change lost") == closed
    for day in ("", "2026-11-20"):
        with pytest.raises(Refused, match="closed up to 2026-11-21"):
            till.close(billed.key(), LUIS, day, D("45.00"), "EUR", "")
    with pytest.raises(Refused, match="The till is closed up to 2026-11-21"):
        receive(billed, "1.00", "cash")
    receive(billed, "1.00", "card")
    with pytest.raises(DBAPIError, match="written once"), billed.database.write() as tx:
        tx.execute(text("UPDATE till_count SET counted = 0"))
    with pytest.raises(Invalid, match="in the future"):
        till.cash_up("2026-11-22")
    books_agree(billed)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_day_of_the_till_is_the_cooperatives_own_and_may_have_25_hours(office: Office) -> None:
    """25 October 2026 in Madrid: from 22:00 UTC of the day before to 23:00 UTC."""
    office.add_supplies(1)
    for hour, amount in (("24T21:59", "1.00"), ("24T22:00", "2.00"), ("25T22:59", "4.00"), ("25T23:00", "8.00")):
        office.clock.advance(datetime.fromisoformat(f"2026-10-{hour}:00+00:00") - office.clock.now())
        office.accounts.record_payment(office.key(), ANA, PaymentOrder("", amount, "EUR", "cash", "", "", SUPPLY))
    till = Till(office.database, office.rules)
    assert [till.cash_up(f"2026-10-{day}").closing for day in (23, 24, 25, 26)] == [D(0), D(1), D(7), D(15)]
    assert till.cash_up("").day == date(2026, 10, 26)


def test_cash_and_the_count_of_the_till_race_and_the_count_is_of_what_is_there(billed: Office) -> None:
    till, refusals = Till(billed.database, billed.rules), []

    def run(number: int) -> None:
        try:
            if number == 4:
                till.close(billed.key(), ANA, "", D("0"), "EUR", "the drawer was emptied")
            else:
                receive(billed, "1.00", "cash")
        except Refused:
            refusals.append(number)

    in_threads(9, run)
    found = till.cash_up("")
    assert found.count is not None
    assert found.count.expected == 8 - len(refusals)
    assert (found.opening, found.closing) == (D(0), D(0))


# ----------------------------------------------------------------------------------------------- payments and receipts
def test_a_payment_on_the_account_its_statement_and_its_receipt(billed: Office) -> None:
    september = billed.accounts.debt(STAFF, SUPPLY).debt.overdue
    paid = receive(billed, str(september + 60), "cash")
    payments = Payments(billed.database, billed.rules, billed.documents)
    found = payments.get(STAFF, paid.id)
    assert [(each.number, each.amount) for each in found.settled] == [
        ("E-2026-000001", september),
        ("E-2026-000002", D("55.44")),
    ]
    assert (found.account_number, found.payment.credited, found.left) == ("1/1", D("4.56"), paid.amount)
    first = payments.receipt(STAFF, paid.id)
    refund(billed, paid, "10.00")
    again = payments.receipt(STAFF, paid.id)
    assert again == first and first.content.startswith(b"%PDF")
    found = payments.get(STAFF, paid.id)
    ((back, opened),) = found.reversals
    assert (back.from_credit, [(each.number, each.amount) for each in opened]) == (
        D("4.56"),
        [("E-2026-000002", D("-5.44"))],
    )
    whole = billed.accounts.statement(STAFF, SUPPLY, "2026-10-01", "2026-12-01")
    said = [
        (line.movement.kind, line.movement.method, line.movement.credited, [s.number for s in line.movement.settled])
        for line in whole.lines
    ]
    assert said[2:] == [
        ("payment", "cash", D("4.56"), ["E-2026-000001", "E-2026-000002"]),
        ("refund", "cash", D("-4.56"), ["E-2026-000002"]),
    ]
    assert billed.documents.statement(STAFF, whole).content.startswith(b"%PDF")


def test_a_member_sees_payments_of_their_own_supplies_alone(billed: Office) -> None:
    payments, paid = Payments(billed.database, billed.rules, billed.documents), receive(billed, "5.00")
    member = Principal("member", "account-ana")
    with pytest.raises(NotFound):
        payments.receipt(member, paid.id)
    with pytest.raises(NotFound):
        payments.page(member, SUPPLY, before="", limit=9)
    with pytest.raises(Forbidden, match="of which of your supplies"):
        payments.page(member, "", before="", limit=9)
    billed.tell(access("account-ana", SUPPLY))
    assert [each.payment.id for each in payments.page(member, SUPPLY, before="", limit=9)] == [paid.id]
    assert [each.payment.id for each in payments.page(STAFF, "", before="", limit=9)] == [paid.id]


def test_credit_that_is_used_stands_on_the_statement(office: Office) -> None:
    office.add_supplies(1)
    receive(office, "20.00", "card", TODAY - timedelta(days=60))
    office.bill("2026-10", "2026-11-02")
    whole = office.accounts.statement(STAFF, SUPPLY, "2026-01-01", "2026-12-01")
    assert [(line.movement.kind, line.balance) for line in whole.lines] == [
        ("payment", D("-20.00")),
        ("invoice", D("35.44")),
        ("credit_applied", D("35.44")),
    ]
    used = whole.lines[2].movement
    assert ([(each.number, each.amount) for each in used.settled], used.credited) == (
        [("E-2026-000001", D("20.00"))],
        D("-20.00"),
    )


# --------------------------------------------------------------------------------------------------------- the office
def test_form_347_has_the_ledgers_year_by_quarters_with_what_was_corrected(billed: Office) -> None:
    desk = Books(billed.database, billed.rules)
    assert desk.form_347(2026).persons == ()
    billed.energy.usual = measured(P1=15_000_000, P2=0, P3=0)
    order = RectifyOrder("E-2026-000002", "the meter was misread", "S", 1, "")
    billed.corrections.rectify(billed.key(), ANA, order)
    ((person, name),) = desk.form_347(2026).persons
    whole = billed.accounts.statement(STAFF, SUPPLY, "2026-01-01", "2026-12-01").closing
    assert (person.tax_number, name, person.total) == ("12345678Z", "Ana Pérez", whole)
    assert person.quarters == (0, 0, 0, whole)
    with pytest.raises(Invalid, match="2027 is not a year"):
        desk.form_347(2027)


def test_members_see_the_amounts_of_the_form_for_their_own_supplies(office: Office) -> None:
    """Two supplies of one holder; the member's account sees one of them."""
    for number, name in enumerate(("one", "two")):
        supply = supply_message(name, account=f"5555/{number + 1}")
        supply.supply.member_id = "ana-member"
        office.tell(member_message("ana"), supply)
    office.tell(access("account-ana", "one"))
    office.bill("2026-09", "2026-10-02")
    desk, member = Books(office.database, office.rules), Principal("member", "account-ana")
    mine, all_of_it = desk.year_amounts(member, "one", 2026), desk.year_amounts(STAFF, "one", 0)
    assert sum(mine.quarters) * 2 == sum(all_of_it.quarters) == all_of_it.quarters[3] > 0
    assert (mine.complete, all_of_it.complete, len(mine.account_numbers), len(all_of_it.account_numbers)) == (
        False,
        True,
        1,
        2,
    )
    assert desk.year_amounts(member, "one", 2025).quarters == (0, 0, 0, 0)
    with pytest.raises(NotFound):
        desk.year_amounts(member, "two", 2026)
    with pytest.raises(Invalid, match="2027 is not a year"):
        desk.year_amounts(member, "one", 2027)


def test_form_347_is_spanish(office_ar: Office) -> None:
    with pytest.raises(Refused, match="not in Spain"):
        Books(office_ar.database, office_ar.rules).form_347(2026)


def test_the_check_names_what_does_not_agree(billed: Office) -> None:
    receive(billed, "5.00")
    with billed.database.write() as tx:
        tx.execute(text("UPDATE open_item SET outstanding = outstanding + 1"))
        tx.execute(text("UPDATE member_credit SET amount = amount + 250"))
    found = {
        (each.what, each.subject, each.amount) for each in Books(billed.database, billed.rules).check().differences
    }
    assert ("credit is not what the ledger has as credit", "1/1", D("2.50")) in found
    assert ("open items are not what the ledger has as owed", "1/1", D("-0.02")) in found
    assert len([each for each in found if each[0].startswith("invoice is not open")]) == 2


def test_a_process_that_pays_is_killed_at_any_moment_and_the_books_hold(billed: Office, tmp_path: Path) -> None:
    """Right after it has said that a round is done it is in the next one: that was done whole or not at all."""
    url = billed.database.url.render_as_string(hide_password=False)
    program = [sys.executable, str(PROGRAM), url, str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT, text=True) as paying:
        assert paying.stdout is not None
        rounds = [paying.stdout.readline() for _ in range(3)]
        paying.send_signal(signal.SIGKILL)
        rounds += paying.stdout.read().splitlines()
    books_agree(billed)
    found = Payments(billed.database, billed.rules, billed.documents).page(STAFF, SUPPLY, before="", limit=100)
    # What it said is there; of the round in which it died, perhaps a part of its three commands.
    assert len(rounds) <= len(found) <= len(rounds) + 1
    whole = [each for each in found if each.left == 0]
    assert len(rounds) <= len(whole) <= len(found)
