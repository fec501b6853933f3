"""What of payments went back, and what could."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import REFUND
from services.billing.repository.corrections import PAYING
from services.billing.repository.ledger import Payment
from services.billing.tables import invoice, ledger_entry, payment, payment_reversal, settlement, supply


@dataclass(frozen=True)
class Reversal:
    """`kind`: "payment_returned", "refund" or "payment_taken_off"; `from_credit`: what of the amount was taken from the
    account's credit.
    """

    id: str
    payment_id: str
    entry_id: str
    kind: str
    amount: Decimal
    from_credit: Decimal
    day: date
    reason_code: str
    reason: str
    recorded_by: str
    recorded_at: datetime


def keep(connection: Connection, made: Reversal) -> None:
    connection.execute(insert(payment_reversal), made.__dict__)


def by_id(connection: Connection, reversal_id: str) -> Reversal:
    query = select(payment_reversal).where(payment_reversal.c.id == reversal_id)
    return Reversal(**connection.execute(query).mappings().one())


def of_payment(connection: Connection, payment_id: str) -> list[Reversal]:
    """Oldest first."""
    return of_payments(connection, [payment_id]).get(payment_id, [])


def of_payments(connection: Connection, payment_ids: Iterable[str]) -> dict[str, list[Reversal]]:
    """By payment, oldest first, of those that have any."""
    wanted = payment_reversal.c.payment_id.in_(list(payment_ids))
    query = select(payment_reversal).where(wanted).order_by(payment_reversal.c.id)
    found: dict[str, list[Reversal]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["payment_id"], []).append(Reversal(**row))
    return found


def refunds_of(connection: Connection, amount: Decimal, since: date) -> list[tuple[date, str, str]]:
    """Refunds of just this amount since a day, the latest first: day, account number, how the payment had been made."""
    query = (
        select(payment_reversal.c.day, supply.c.account_number, payment.c.method)
        .join(payment, payment.c.id == payment_reversal.c.payment_id)
        .join(supply, supply.c.supply_id == payment.c.supply_id)
        .where(payment_reversal.c.kind == REFUND, payment_reversal.c.amount == amount, payment_reversal.c.day >= since)
        .order_by(payment_reversal.c.id.desc())
    )
    return [(row.day, row.account_number, row.method) for row in connection.execute(query)]


def returned_of(connection: Connection, payment_id: str) -> Decimal:
    """What of a payment went back so far."""
    return sum((each.amount for each in of_payment(connection, payment_id)), ZERO)


def still_settled(connection: Connection, payment: Payment) -> tuple[list[tuple[str, Decimal]], Decimal]:
    """What a payment itself paid and was not opened again since, as (invoice id, amount) in the order of paying, and what
    is left of the credit it brought, wherever that is now.

    The two come to what is left of the payment: what went back of an invoice it had paid counts as from there.
    """
    back = of_payment(connection, payment.id)
    own = _settled_by(connection, [payment.entry_id])
    opened = {invoice_id: -amount for invoice_id, amount in _settled_by(connection, [e.entry_id for e in back]).items()}
    kept = [(each, amount - min(amount, opened.get(each, ZERO))) for each, amount in own.items()]
    elsewhere = sum((max(amount - own.get(each, ZERO), ZERO) for each, amount in opened.items()), ZERO)
    credit = payment.credited - sum((each.from_credit for each in back), ZERO) - elsewhere
    return [(each, amount) for each, amount in kept if amount], credit


def paid_with_credit(connection: Connection, supply_id: str) -> list[tuple[str, Decimal]]:
    """Invoices that the account's credit paid, the last first."""
    query = (
        select(settlement.c.invoice_id, settlement.c.amount)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .where(ledger_entry.c.supply_id == supply_id, ledger_entry.c.kind == "credit_applied")
        .order_by(ledger_entry.c.recorded_at.desc(), ledger_entry.c.id.desc(), settlement.c.invoice_id.desc())
    )
    return [(row.invoice_id, row.amount) for row in connection.execute(query)]


def paid(connection: Connection, supply_id: str) -> dict[str, Decimal]:
    """What money has paid of each invoice of an account, the last issued first; corrections are no money."""
    total = func.sum(settlement.c.amount)
    query = (
        select(settlement.c.invoice_id, total)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .join(invoice, invoice.c.id == settlement.c.invoice_id)
        .where(invoice.c.supply_id == supply_id, ledger_entry.c.kind.in_(PAYING))
        .group_by(settlement.c.invoice_id, invoice.c.issue_date, invoice.c.number)
        .order_by(invoice.c.issue_date.desc(), invoice.c.number.desc())
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _settled_by(connection: Connection, entries: Iterable[str]) -> dict[str, Decimal]:
    """What entries together settled, by invoice, the first due first."""
    query = (
        select(settlement.c.invoice_id, func.sum(settlement.c.amount))
        .join(invoice, invoice.c.id == settlement.c.invoice_id)
        .where(settlement.c.entry_id.in_(list(entries)))
        .group_by(settlement.c.invoice_id, invoice.c.due_date, invoice.c.number)
        .order_by(invoice.c.due_date, invoice.c.number)
    )
    return {row[0]: row[1] for row in connection.execute(query)}
