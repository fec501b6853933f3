"""Who pays what in the demonstration."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from services.local.demo.collection import Due, issue_date, plan
from services.local.demo.cooperative import Cast, cast
from services.local.demo.generate import months_before

TODAY = date(2026, 11, 21)
MONTHS = [month.start for month in months_before(TODAY, 14)]


@pytest.fixture(scope="module")
def people() -> Cast:
    return cast("demo-es", "es", MONTHS)


def invoices(people: Cast) -> list[Due]:
    made = []
    for start in MONTHS:
        end = (start + timedelta(days=32)).replace(day=1)
        issued = issue_date(end, TODAY)
        for supply in people.supplies:
            number = f"{start:%Y%m}-{supply.account_number}"
            made.append(Due(number, supply.account_number, issued, issued + timedelta(days=20), Decimal("55.44")))
    return made


def test_ana_owes_nothing(people: Cast) -> None:
    paid = {payment.invoice.number for payment in plan(invoices(people), people, TODAY)}
    hers = {supply.account_number for supply in people.ana.supplies}
    assert all(invoice.number in paid for invoice in invoices(people) if invoice.account_number in hers)


def test_ana_pays_even_what_was_issued_today(people: Cast) -> None:
    today = Due("1", people.ana.supplies[0].account_number, TODAY, TODAY + timedelta(days=20), Decimal("1"))
    assert [payment.paid_on for payment in plan([today], people, TODAY)] == [TODAY]


def test_luis_leaves_two_overdue_and_the_one_that_is_not_due_yet(people: Cast) -> None:
    paid = {payment.invoice.number for payment in plan(invoices(people), people, TODAY)}
    his = [invoice for invoice in invoices(people) if invoice.account_number == people.luis.supplies[0].account_number]
    open_items = [invoice for invoice in his if invoice.number not in paid]
    assert [invoice.due_date < TODAY for invoice in open_items] == [True, True, False]


def test_everybody_else_pays_in_time_and_nobody_in_the_future(people: Cast) -> None:
    payments = plan(invoices(people), people, TODAY)
    assert all(payment.invoice.issue_date <= payment.paid_on <= payment.invoice.due_date for payment in payments)
    assert all(payment.paid_on <= TODAY for payment in payments)
    assert all(earlier.paid_on <= later.paid_on for earlier, later in pairwise(payments))


def test_an_invoice_of_nothing_is_not_paid(people: Cast) -> None:
    nothing = Due("1", people.ana.supplies[0].account_number, TODAY, TODAY, Decimal("0.00"))
    assert plan([nothing], people, TODAY) == []


@pytest.mark.parametrize(
    ("today", "issued"), [(date(2026, 11, 1), date(2026, 11, 1)), (date(2026, 11, 21), date(2026, 11, 2))]
)
def test_invoices_are_never_issued_in_the_future(today: date, issued: date) -> None:
    assert issue_date(date(2026, 11, 1), today) == issued
