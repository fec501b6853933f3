"""Who pays what and when: everybody in time, except Luis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zlib import crc32

from services.local.demo.cooperative import Cast

UNPAID_BY_LUIS = 2
METHODS = ("direct_debit", "direct_debit", "direct_debit", "transfer", "cash")


@dataclass(frozen=True)
class Due:
    """An invoice as billing lists it."""

    number: str
    account_number: str
    issue_date: date
    due_date: date
    total: Decimal


@dataclass(frozen=True)
class PlannedPayment:
    invoice: Due
    paid_on: date
    method: str


def plan(invoices: Iterable[Due], cast: Cast, today: date) -> list[PlannedPayment]:
    """The payments that came in until `today`, in the order of their dates.

    Ana pays at once. Luis leaves his last two due invoices, and what came after them, unpaid. The others pay between three
    and twenty days after the issue, always the same days for the same home.
    """
    ana = {supply.account_number for supply in cast.ana.supplies}
    luis = {supply.account_number for supply in cast.luis.supplies}
    found: list[PlannedPayment] = []
    of_luis: list[Due] = []
    for invoice in invoices:
        if invoice.total <= 0:
            continue
        if invoice.account_number in luis:
            of_luis.append(invoice)
            continue
        habit = crc32(invoice.account_number.encode())
        days = 1 if invoice.account_number in ana else 3 + habit % 18
        paid_on = min(invoice.issue_date + timedelta(days=days), invoice.due_date)
        if invoice.account_number in ana:
            paid_on = min(paid_on, today)
        if paid_on <= today:
            found.append(PlannedPayment(invoice, paid_on, METHODS[habit % len(METHODS)]))
    overdue = sorted((invoice for invoice in of_luis if invoice.due_date < today), key=lambda invoice: invoice.due_date)
    # A month may have two documents, of the service and apart from it: he leaves both.
    unpaid = sorted({invoice.due_date for invoice in overdue})[-UNPAID_BY_LUIS:]
    found += [PlannedPayment(each, each.due_date, "transfer") for each in overdue if each.due_date not in unpaid]
    return sorted(found, key=lambda payment: (payment.paid_on, payment.invoice.number))


def issue_date(period_end: date, today: date) -> date:
    """Invoices are issued on the second day after the month, or today when that has not come yet."""
    return min(period_end + timedelta(days=1), today)
