"""Double entry, allocation of payments and the state of an account."""

from datetime import date
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.ledger import (
    METHOD_ACCOUNTS,
    Entry,
    Movement,
    OpenItem,
    Posting,
    allocate,
    check_payment,
    credit_entry,
    debt_on,
    invoice_entry,
    payment_entry,
    statement_lines,
)
from services.chassis.errors import Invalid

DAY = date(2026, 11, 2)
CENTS = st.integers(0, 10**9).map(lambda cents: D(cents) / 100)
POSITIVE = st.integers(1, 10**9).map(lambda cents: D(cents) / 100)
AMOUNTS = st.dictionaries(st.sampled_from(["electricity", "water", "iee", "iva"]), CENTS, min_size=1)
ITEMS = st.lists(st.tuples(POSITIVE, st.dates(date(2026, 1, 1), date(2026, 12, 31))), max_size=6).map(
    lambda rows: [OpenItem(f"i{n}", f"E-{n}", due, amount) for n, (amount, due) in enumerate(rows)]
)


@given(AMOUNTS, AMOUNTS)
def test_invoice_entries_balance(revenue, taxes):
    entry = invoice_entry("s", DAY, "E-1", revenue, taxes)
    assert sum(posting.amount for posting in entry.postings) == 0
    assert entry.member_amount == sum(revenue.values()) + sum(taxes.values())


@given(POSITIVE, ITEMS, st.sampled_from(["i0", "i3", "none"]), st.sampled_from(sorted(METHOD_ACCOUNTS)))
def test_a_payment_is_spread_to_the_last_cent_and_its_entry_balances(amount, items, named, method):
    allocation = allocate(amount, named, items)
    assert allocation.taken + allocation.credit == amount
    outstanding = {item.invoice_id: item.outstanding for item in items}
    assert all(0 < take <= outstanding[invoice] for invoice, take in allocation.takes)
    # Credit is left only when nothing is open any more.
    assert allocation.credit == 0 or allocation.taken == sum(outstanding.values())
    if named in outstanding:
        assert allocation.takes[0] == (named, min(amount, outstanding[named]))
    entry = payment_entry("s", DAY, "p", method, allocation)
    assert sum(posting.amount for posting in entry.postings) == 0
    assert entry.member_amount == -amount


def test_named_invoice_first_then_the_oldest_then_credit():
    items = [
        OpenItem("new", "E-3", date(2026, 11, 23), D("55.44")),
        OpenItem("old", "E-1", date(2026, 9, 22), D("40.00")),
        OpenItem("mid", "E-2", date(2026, 10, 22), D("30.00")),
    ]
    assert allocate(D("60.00"), "new", items).takes == (("new", D("55.44")), ("old", D("4.56")))
    spread = allocate(D("130.00"), "mid", items)
    assert spread.takes == (("mid", D("30.00")), ("old", D("40.00")), ("new", D("55.44")))
    assert spread.credit == D("4.56")


def test_applying_credit_moves_nothing_on_the_members_account():
    assert credit_entry("s", DAY, "E-1", D("4.56")).member_amount == 0


def test_an_unbalanced_entry_cannot_be_made():
    with pytest.raises(ValueError, match="does not balance"):
        Entry("s", DAY, "invoice", "E-1", (Posting("receivable", "", D("1.00")), Posting("revenue", "", D("-0.99"))))


@pytest.mark.parametrize(
    ("today", "overdue", "not_yet_due"),
    [
        (date(2026, 11, 21), "0", "55.44"),
        (date(2026, 11, 23), "0", "55.44"),
        (date(2026, 11, 24), "55.44", "0"),
    ],
)
def test_an_invoice_is_overdue_from_the_day_after_its_due_date(today, overdue, not_yet_due):
    debt = debt_on(today, [OpenItem("i", "E-2026-000001", date(2026, 11, 23), D("55.44"))], D("0"))
    assert (debt.overdue, debt.not_yet_due) == (D(overdue), D(not_yet_due))
    assert bool(debt.due_items(today)) == (debt.overdue > 0)
    assert bool(debt.future_items(today)) == (debt.not_yet_due > 0)


@given(CENTS, st.lists(st.builds(Movement, st.dates(), st.just("invoice"), st.just("E"), CENTS), max_size=8))
def test_a_statement_leads_from_opening_to_closing(opening, movements):
    lines, closing = statement_lines(opening, movements)
    assert closing == opening + sum(each.change for each in movements)
    assert closing == opening + sum(line.debit - line.credit for line in lines)
    assert not lines or lines[-1].balance == closing


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": D("0")}, "not more than zero"),
        ({"amount": D("-5")}, "not more than zero"),
        ({"amount": D("NaN")}, "not more than zero"),
        ({"amount": D("1.005")}, "at most 2 decimals"),
        ({"amount": D("1e15")}, "million"),
        ({"currency": "USD"}, "in USD and the accounts are kept in EUR"),
        ({"currency": ""}, "in no currency"),
        ({"method": "cheque"}, "'cheque' is not known; use one of cash"),
        ({"paid_on": date(2026, 11, 22)}, "2026-11-22 is in the future"),
        ({"paid_on": date(206, 11, 20)}, "0206-11-20 is more than 5 years old: check its year"),
    ],
)
def test_payments_that_cannot_be(change, words):
    right = {"amount": D("55.44"), "currency": "EUR", "method": "cash", "paid_on": date(2026, 11, 21)}
    today = {"expected_currency": "EUR", "today": date(2026, 11, 21)}
    check_payment(**right, **today)
    with pytest.raises(Invalid, match=words):
        check_payment(**{**right, **change}, **today)
