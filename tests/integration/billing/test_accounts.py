"""Payments, debt, statements and the books' own guards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest
from coop.billing.events.v1.events_pb2 import DebtCleared, PaymentReceived
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from services.billing import tables
from services.billing.application.accounts import PaymentOrder
from services.chassis.context import Principal
from services.chassis.errors import Conflict, Invalid, NotFound
from tests.support.billing import NOW, STAFF, Office, access, in_threads, no_access

SUPPLY = "s00000"


@pytest.fixture
def billed(office: Office) -> Office:
    """Two months of one supply: September due 22 October (overdue today), October due 23 November (not yet)."""
    office.add_supplies(1)
    office.bill("2026-09", "2026-10-02")
    office.bill("2026-10", "2026-11-02")
    return office


def debt(office: Office):
    return office.accounts.debt(STAFF, SUPPLY).debt


def test_paying_what_is_due_clears_the_debt(billed: Office) -> None:
    before = debt(billed)
    assert [(item.number, item.due_date) for item in before.items] == [
        ("E-2026-000001", date(2026, 10, 22)),
        ("E-2026-000002", date(2026, 11, 23)),
    ]
    assert before.not_yet_due == D("55.44")
    recorded = billed.pay("E-2026-000001", str(before.overdue), reference="Bizum 1")
    assert recorded.payment.credited == 0
    assert (recorded.debt.debt.overdue, recorded.debt.debt.not_yet_due) == (D("0"), D("55.44"))
    (received,) = billed.events(PaymentReceived)
    assert (received.invoice_number, received.amount.amount, received.method) == (
        "E-2026-000001",
        str(before.overdue),
        "transfer",
    )
    assert [event.supply_id for event in billed.events(DebtCleared)] == [SUPPLY]


def test_debt_is_cleared_once_and_only_by_the_payment_that_does(billed: Office) -> None:
    overdue = debt(billed).overdue
    billed.pay("E-2026-000001", "1.00")
    assert billed.events(DebtCleared) == []
    billed.pay("E-2026-000001", str(overdue - 1))
    billed.pay("E-2026-000002", "55.44")
    assert len(billed.events(DebtCleared)) == 1
    assert debt(billed).items == ()


def test_a_payment_that_names_a_paid_invoice_pays_the_oldest_open_one(billed: Office) -> None:
    total = debt(billed).overdue
    billed.pay("E-2026-000001", str(total))
    billed.pay("E-2026-000001", "60.00")
    after = debt(billed)
    assert (after.items, after.credit) == ((), D("4.56"))


def test_an_invoice_is_overdue_from_the_cooperatives_midnight(billed: Office) -> None:
    """Due 23 November: not overdue at 23:59 in Madrid, overdue at 00:00, whatever the server's zone is."""
    billed.pay("E-2026-000001", str(debt(billed).overdue))
    billed.clock.advance(datetime(2026, 11, 23, 22, 59, tzinfo=UTC) - NOW)
    assert debt(billed).overdue == 0
    billed.clock.advance(timedelta(minutes=1))
    assert debt(billed).overdue == D("55.44")


def test_a_repeated_payment_is_booked_once(billed: Office) -> None:
    key = billed.key()
    order = PaymentOrder("E-2026-000002", "55.44", "EUR", "cash", "2026-11-20", "")
    first = billed.accounts.record_payment(key, "staff:office", order)
    again = billed.accounts.record_payment(key, "staff:office", order)
    assert again.payment == first.payment
    assert len(billed.events(PaymentReceived)) == 1
    with pytest.raises(Conflict):
        billed.accounts.record_payment(type(key)(key.scope, key.request_id, "other"), "staff:office", order)


def test_payments_at_once_lose_and_double_nothing(billed: Office) -> None:
    total = debt(billed).overdue + D("55.44")
    in_threads(8, lambda number: billed.pay("E-2026-000001", "20.00", reference=str(number)))
    after = debt(billed)
    assert after.credit == D("160.00") - total
    assert after.items == ()


@pytest.mark.parametrize(
    ("invoice", "amount", "changes", "error", "words"),
    [
        ("E-2026-999999", "55.44", {}, NotFound, "no invoice 'E-2026-999999'; copy its number"),
        ("E-2026-000002", "55,44", {}, Invalid, "'55,44' is not a number; write it as 55.44"),
        ("E-2026-000002", "0", {}, Invalid, "not more than zero"),
        ("E-2026-000002", "-1", {}, Invalid, "not more than zero"),
        ("E-2026-000002", "1.001", {}, Invalid, "at most 2 decimals"),
        ("E-2026-000002", "55.44", {"currency": "USD"}, Invalid, "in USD and the accounts are kept in EUR"),
        ("E-2026-000002", "55.44", {"method": "barter"}, Invalid, "'barter' is not known"),
        ("E-2026-000002", "55.44", {"paid_on": "2026-11-22"}, Invalid, "in the future"),
        ("E-2026-000002", "55.44", {"paid_on": "22/11/2026"}, Invalid, "not a date"),
        ("E-2026-000002", "55.44", {"reference": "x" * 141}, Invalid, "141 characters"),
    ],
)
def test_wrong_payments_are_refused_in_a_sentence_and_leave_nothing(
    billed: Office, invoice: str, amount: str, changes: dict[str, str], error: type[Exception], words: str
) -> None:
    before = debt(billed)
    with pytest.raises(error, match=words):
        billed.pay(invoice, amount, **changes)
    assert debt(billed) == before
    assert billed.events(PaymentReceived) == []


def test_statement(billed: Office) -> None:
    first = debt(billed).overdue
    billed.pay("E-2026-000001", str(first + 10), paid_on="2026-11-20")
    whole = billed.accounts.statement(STAFF, SUPPLY, "2026-10-01", "2026-12-01")
    assert (whole.opening, whole.closing) == (D("0"), D("45.44"))
    assert [
        (line.movement.day.isoformat(), line.movement.kind, line.movement.document, line.balance)
        for line in whole.lines
    ] == [
        ("2026-10-02", "invoice", "E-2026-000001", first),
        ("2026-11-02", "invoice", "E-2026-000002", first + D("55.44")),
        ("2026-11-20", "payment", "E-2026-000001", D("45.44")),
    ]
    november = billed.accounts.statement(STAFF, SUPPLY, "2026-11-01", "2026-12-01")
    assert (november.opening, november.closing, len(november.lines)) == (first, D("45.44"), 2)
    by_default = billed.accounts.statement(STAFF, SUPPLY, "", "")
    assert (by_default.period.start, by_default.period.end) == (date(2025, 11, 1), date(2026, 11, 22))
    assert by_default.closing == whole.closing


@pytest.mark.parametrize(("start", "end"), [("2026-11-01", "2026-11-01"), ("x", "2026-11-01"), ("2026-11-31", "")])
def test_statement_of_a_period_that_is_none(billed: Office, start: str, end: str) -> None:
    with pytest.raises(Invalid, match="period cannot be read"):
        billed.accounts.statement(STAFF, SUPPLY, start, end)


def test_a_member_sees_only_supplies_of_theirs(billed: Office) -> None:
    """Somebody else's supply, one that does not exist, and one that is no longer theirs all look the same."""
    member = Principal("member", "account-ana")
    sentences = set()

    def refused() -> None:
        with pytest.raises(NotFound) as hidden:
            billed.accounts.debt(member, SUPPLY)
        sentences.add(hidden.value.message)
        with pytest.raises(NotFound):
            billed.invoices.get(member, "E-2026-000001")
        with pytest.raises(NotFound):
            billed.invoices.list(member, SUPPLY, before=None, limit=10)
        with pytest.raises(NotFound):
            billed.certificates.list(member, SUPPLY, before="", limit=10)

    refused()
    billed.tell(access("account-ana", SUPPLY))
    assert billed.accounts.debt(member, SUPPLY).debt.not_yet_due == D("55.44")
    assert billed.invoices.get(member, "E-2026-000001").invoice.supply_id == SUPPLY
    assert len(billed.invoices.list(member, SUPPLY, before=None, limit=10)) == 2
    billed.tell(no_access("account-ana", SUPPLY))
    refused()
    with pytest.raises(NotFound) as unknown:
        billed.accounts.debt(STAFF, "nothing")
    assert sentences == {unknown.value.message.replace("nothing", SUPPLY)}


def test_invoice_list_is_newest_first_in_pages_with_the_total_before(billed: Office) -> None:
    found = billed.invoices.list(STAFF, SUPPLY, before=None, limit=1)
    assert [(each.invoice.number, each.previous_total) for each in found] == [
        ("E-2026-000002", billed.invoices.get(STAFF, "E-2026-000001").invoice.total)
    ]
    rest = billed.invoices.list(STAFF, SUPPLY, before=found[-1].invoice.place, limit=5)
    assert [(each.invoice.number, each.previous_total) for each in rest] == [("E-2026-000001", None)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoice SET total = total + 1",
        "DELETE FROM invoice_line",
        "UPDATE invoice_tax SET amount = 0",
        "UPDATE ledger_posting SET amount = amount * 2",
        "DELETE FROM ledger_entry",
        "UPDATE payment SET amount = 1",
        "DELETE FROM settlement",
    ],
)
def test_what_is_written_once_stays(billed: Office, statement: str) -> None:
    billed.pay("E-2026-000002", "1.00")
    with pytest.raises(DBAPIError, match="written once"), billed.database.write() as tx:
        tx.execute(text(statement))


@pytest.mark.parametrize("amounts", [(), (D("1.00"),), (D("10.00"), D("-9.99"))])
def test_the_database_refuses_an_entry_that_does_not_balance(office: Office, amounts: tuple[D, ...]) -> None:
    entry = {"id": "e", "supply_id": "s", "day": date(2026, 11, 2), "kind": "invoice", "document": "x"}
    with pytest.raises(DBAPIError, match="does not balance"), office.database.write() as tx:
        for position, amount in enumerate(amounts):
            row = {"entry_id": "e", "position": position, "account": "bank", "detail": "", "amount": amount}
            tx.execute(insert(tables.ledger_posting), row)
        tx.execute(insert(tables.ledger_entry), {**entry, "member_amount": D(0), "recorded_at": NOW})


def test_the_database_refuses_postings_added_to_an_entry(billed: Office) -> None:
    with billed.database.read() as connection:
        entry_id = connection.execute(text("SELECT min(id) FROM ledger_entry")).scalar_one()
    with pytest.raises(DBAPIError, match="sealed"), billed.database.write() as tx:
        row = {"entry_id": entry_id, "position": 99, "account": "bank", "detail": "", "amount": D("1.00")}
        tx.execute(insert(tables.ledger_posting), row)
