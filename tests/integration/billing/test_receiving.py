"""Money that comes in without naming an invoice, and payments that go back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import PaymentReceived, PaymentRefunded, PaymentReturned
from sqlalchemy import func, select

from services.billing.application.payments import Payments
from services.billing.application.receiving import Incoming, Outgoing, Receiving
from services.billing.application.regularising import RectifyOrder
from services.billing.domain.ledger import REFUND, RETURNED
from services.billing.repository import ledger
from services.billing.repository.ledger import Payment
from services.billing.repository.reversals import Reversal
from services.billing.tables import ledger_posting
from services.chassis.errors import NotFound, Refused
from services.chassis.ids import new_id
from tests.support.billing import STAFF, Office, measured

SUPPLY = "s00000"
DAY = date(2026, 11, 20)


@pytest.fixture
def billed(office: Office) -> Office:
    """September (overdue today) and October (55.44, not yet due) of one supply."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return office


def debt(office: Office):
    return office.accounts.debt(STAFF, SUPPLY).debt


def receive(office: Office, amount: str, method: str = "direct_debit") -> Payment:
    with office.database.write() as tx:
        money = Incoming(SUPPLY, D(amount), method, DAY, "remittance 1", "staff:office")
        return Receiving(office.rules).receive(tx, money)


def go_back(office: Office, payment: Payment, amount: str, kind: str = RETURNED) -> Reversal:
    order = Outgoing(payment.id, kind, D(amount), DAY, "AM04", "insufficient funds", "staff:office")
    with office.database.write() as tx:
        return Receiving(office.rules).give_back(tx, order)


def books(office: Office) -> dict[str, D]:
    """Balance of every ledger account; their sum is zero."""
    query = select(ledger_posting.c.account, func.sum(ledger_posting.c.amount)).group_by(ledger_posting.c.account)
    with office.database.read() as connection:
        found = {row[0]: row[1] for row in connection.execute(query)}
    assert sum(found.values()) == 0
    return found


def test_money_without_an_invoice_pays_the_oldest_and_leaves_credit(billed: Office) -> None:
    owed = debt(billed)
    total = owed.overdue + owed.not_yet_due
    made = receive(billed, str(total + 10))
    after = debt(billed)
    assert (after.items, after.credit, made.invoice_id, made.credited) == ((), D("10"), None, D("10"))
    (told,) = billed.events(PaymentReceived)
    assert (told.invoice_id, told.invoice_number, told.supply_id) == ("", "", SUPPLY)
    assert books(billed)["direct_debit"] == total + 10


def test_a_returned_payment_opens_what_it_had_paid(billed: Office) -> None:
    before, books_before = debt(billed), books(billed)
    made = receive(billed, str(before.overdue + 5))
    assert debt(billed).overdue == 0
    go_back(billed, made, str(made.amount))
    assert debt(billed) == before
    assert {name: amount for name, amount in books(billed).items() if amount} == books_before
    (told,) = billed.events(PaymentReturned)
    assert list(told.invoice_numbers) == ["E-2026-000002", "E-2026-000001"]
    assert (told.reason_code, told.reason, told.amount.amount) == ("AM04", "insufficient funds", str(made.amount))


def test_a_refund_takes_the_credit_first_and_no_more_than_the_payment(billed: Office) -> None:
    owed = debt(billed)
    total = owed.overdue + owed.not_yet_due
    made = receive(billed, str(total + 10), "card")
    assert go_back(billed, made, "4", REFUND).from_credit == 4
    assert (debt(billed).credit, debt(billed).items) == (D("6"), ())
    back = go_back(billed, made, "16", REFUND)
    assert back.from_credit == 6
    assert [(item.number, item.outstanding) for item in debt(billed).items] == [("E-2026-000002", D("10"))]
    assert [event.amount.amount for event in billed.events(PaymentRefunded)] == ["4.00", "16.00"]
    with pytest.raises(Refused, match=f"has {made.amount - 20} left that can go back, not {made.amount}"):
        go_back(billed, made, str(made.amount), REFUND)
    with pytest.raises(NotFound, match="There is no payment 'none'"), billed.database.write() as tx:
        Receiving(billed.rules).give_back(tx, Outgoing("none", REFUND, D(1), DAY, "", "typed twice", "staff:office"))


def test_a_return_of_credit_that_was_spent_opens_what_the_credit_had_paid(office: Office) -> None:
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    september = debt(office).overdue
    made = receive(office, str(september + 20))
    office.bill("2026-10", "2026-11-02")
    assert debt(office).credit == 0
    go_back(office, made, str(made.amount))
    after = debt(office)
    assert {item.number: item.outstanding for item in after.items} == {
        "E-2026-000001": september,
        "E-2026-000002": D("55.44"),
    }
    assert after.credit == 0
    books(office)


def test_money_that_paid_what_went_back_before_can_go_back_itself(office: Office) -> None:
    """A payment goes back in two parts; between them another one pays what the first part had opened."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    september = debt(office).overdue
    first = receive(office, str(september + 20))
    office.bill("2026-10", "2026-11-02")
    go_back(office, first, "20")
    assert [(item.number, item.outstanding) for item in debt(office).items] == [("E-2026-000002", D("55.44"))]
    second = receive(office, "55.44")
    go_back(office, first, "20")
    assert [(item.number, item.outstanding) for item in debt(office).items] == [("E-2026-000001", D("20"))]
    go_back(office, second, "55.44")
    go_back(office, first, str(september - 20))
    assert {item.number: item.outstanding for item in debt(office).items} == {
        "E-2026-000001": september,
        "E-2026-000002": D("55.44"),
    }
    books(office)


def test_credit_goes_before_a_paid_invoice_is_opened(billed: Office) -> None:
    """Paid twice, by direct debit and by a transfer in between: when the bank takes the first back, nothing is owed."""
    first = receive(billed, str(debt(billed).overdue + debt(billed).not_yet_due))
    second = receive(billed, "55.44", "transfer")
    assert (debt(billed).items, debt(billed).credit) == ((), D("55.44"))
    assert go_back(billed, first, "55.44").from_credit == D("55.44")
    assert (debt(billed).items, debt(billed).credit) == ((), 0)
    assert list(billed.events(PaymentReturned)[0].invoice_numbers) == []
    # What is left of either can still go back; what they paid is then open.
    go_back(billed, second, "55.44", REFUND)
    assert [(item.number, item.outstanding) for item in debt(billed).items] == [("E-2026-000002", D("55.44"))]
    go_back(billed, first, str(first.amount - D("55.44")))
    assert {item.number for item in debt(billed).items} == {"E-2026-000001", "E-2026-000002"}
    books(billed)


def test_what_a_correction_left_as_credit_is_what_a_refund_takes(billed: Office) -> None:
    paid = receive(billed, str(debt(billed).overdue + debt(billed).not_yet_due))
    billed.energy.usual = measured(P1=42_000, P2=55_000, P3=128_000)
    order = RectifyOrder("E-2026-000001", "the meter was misread", "I", 0, "")
    billed.corrections.rectify(billed.key(), "staff:ana", order)
    credit = debt(billed).credit
    assert credit > 0
    assert go_back(billed, paid, str(credit), REFUND).from_credit == credit
    assert (debt(billed).items, debt(billed).credit) == ((), 0)
    books(billed)


def test_receipts_are_numbered_without_a_gap_each_year(billed: Office) -> None:
    def pay(_: int) -> str:
        return receive(billed, "1.00").receipt

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(pay, range(6))) == [f"RC-2026-{n:06d}" for n in range(1, 7)]
    with pytest.raises(Refused), billed.database.write() as tx:
        money = Incoming(SUPPLY, D("2.00"), "card", DAY, "order 1", "staff:office")
        Receiving(billed.rules).receive(tx, money)
        raise Refused("the bank changed its mind", "NOT_PAID")
    billed.clock.advance(timedelta(days=30))
    assert receive(billed, "3.00").receipt == "RC-2026-000007"
    billed.clock.advance(timedelta(days=30))
    assert receive(billed, "4.00").receipt == "RC-2027-000001"
    assert billed.events(PaymentReceived)[-1].receipt_number == "RC-2027-000001"


def test_a_payment_from_before_receipts_had_numbers_is_named_by_its_id(billed: Office) -> None:
    made = receive(billed, "1.00")
    old = replace(made, id=new_id(), receipt_number=None)
    with billed.database.write() as tx:
        ledger.keep_payment(tx.connection, old)
    payments = Payments(billed.database, billed.rules, billed.documents)
    assert payments.get(STAFF, made.receipt).payment == made and payments.get(STAFF, old.receipt).payment == old
    assert payments.receipt(STAFF, made.id).file_name == "RC-2026-000001.pdf"
    assert payments.receipt(STAFF, old.id).file_name == f"1-1-2026-11-20-{old.id[:13]}.pdf"
