"""What of payments went back, and what could."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select

from services.billing.domain.bill import ZERO
from services.billing.repository.ledger import Payment
from services.billing.tables import ledger_entry, payment_reversal, settlement


@dataclass(frozen=True)
class Reversal:
    """`kind`: "payment_returned" or "refund"; `from_credit`: what of the amount was taken from the account's credit."""

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
    query = select(payment_reversal).where(payment_reversal.c.payment_id == payment_id).order_by(payment_reversal.c.id)
    return [Reversal(**row) for row in connection.execute(query).mappings()]


def returned_of(connection: Connection, payment_id: str) -> Decimal:
    """What of a payment went back so far."""
    return sum((each.amount for each in of_payment(connection, payment_id)), ZERO)


def credit_of(connection: Connection, payment_id: str) -> Decimal:
    """What of the credit a payment left went back so far."""
    return sum((each.from_credit for each in of_payment(connection, payment_id)), ZERO)


def still_settled(connection: Connection, payment: Payment, credit_spent: Decimal) -> list[tuple[str, Decimal]]:
    """What a payment paid and was not opened again since, as (invoice id, amount), in the order of paying.

    After what it paid itself comes what the account's credit paid, up to `credit_spent`: what is missing of its credit.
    """
    entries = [payment.entry_id, *(each.entry_id for each in of_payment(connection, payment.id))]
    own = dict.fromkeys(_invoices_of(connection, entries), ZERO)
    by_credit = _paid_with_credit(connection, payment.supply_id) if credit_spent else []
    paid = _paid_of(connection, [*own, *(invoice_id for invoice_id, _ in by_credit)])
    found, left = [], credit_spent
    for invoice_id, amount in by_credit:
        part = min(left, amount, paid[invoice_id])
        if part > 0:
            found.append((invoice_id, part))
            left -= part
            paid[invoice_id] -= part
    own = _paid_of(connection, own, entries)
    return [(each, min(amount, paid[each])) for each, amount in own.items() if min(amount, paid[each]) > 0] + found[
        ::-1
    ]


def _invoices_of(connection: Connection, entries: Iterable[str]) -> list[str]:
    query = select(settlement.c.invoice_id).where(settlement.c.entry_id.in_(list(entries))).distinct()
    return sorted(connection.execute(query).scalars())


def _paid_of(connection: Connection, invoice_ids: Iterable[str], entries: Sequence[str] = ()) -> dict[str, Decimal]:
    """What is paid of invoices in all, or by some entries."""
    ids = list(invoice_ids)
    query = select(settlement.c.invoice_id, func.sum(settlement.c.amount)).where(settlement.c.invoice_id.in_(ids))
    if entries:
        query = query.where(settlement.c.entry_id.in_(list(entries)))
    rows = connection.execute(query.group_by(settlement.c.invoice_id))
    found = {row[0]: row[1] for row in rows}
    return {invoice_id: found.get(invoice_id, ZERO) for invoice_id in ids}


def _paid_with_credit(connection: Connection, supply_id: str) -> list[tuple[str, Decimal]]:
    """Invoices that the account's credit paid, the last first."""
    query = (
        select(settlement.c.invoice_id, settlement.c.amount)
        .join(ledger_entry, ledger_entry.c.id == settlement.c.entry_id)
        .where(ledger_entry.c.supply_id == supply_id, ledger_entry.c.kind == "credit_applied")
        .order_by(ledger_entry.c.id.desc(), settlement.c.invoice_id.desc())
    )
    return [(row.invoice_id, row.amount) for row in connection.execute(query)]
