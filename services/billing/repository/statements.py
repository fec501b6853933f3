"""The movements of an account: the one query behind the member's page, its PDF, the JSON and the office's statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import MEMBER_CREDIT, Movement, Settled
from services.billing.tables import invoice, ledger_entry, ledger_posting, payment, payment_reversal, settlement
from services.chassis.periods import DatePeriod


def movements(connection: Connection, supply_id: str, period: DatePeriod) -> list[Movement]:
    """What happened to an account in a period, in order: what changes what is owed, and each use of credit."""
    wanted = _entries(supply_id, period)
    settled = settled_by(connection, wanted)
    given_back = payment.alias("given_back")
    reversed_id = payment_reversal.c.payment_id
    query = (
        select(
            ledger_entry.c.id,
            ledger_entry.c.day,
            ledger_entry.c.kind,
            ledger_entry.c.document,
            ledger_entry.c.member_amount,
            func.coalesce(payment.c.method, given_back.c.method, "").label("method"),
            func.coalesce(payment.c.id, reversed_id, "").label("payment_id"),
            func.coalesce(payment.c.receipt_number, "").label("receipt_number"),
            ledger_posting.c.amount.label("credit"),
        )
        .join(payment, payment.c.entry_id == ledger_entry.c.id, isouter=True)
        .join(payment_reversal, payment_reversal.c.entry_id == ledger_entry.c.id, isouter=True)
        .join(given_back, given_back.c.id == reversed_id, isouter=True)
        .join(
            ledger_posting,
            and_(ledger_posting.c.entry_id == ledger_entry.c.id, ledger_posting.c.account == MEMBER_CREDIT),
            isouter=True,
        )
        .where(ledger_entry.c.id.in_(wanted))
        # An invoice and the credit that pays it are written at one instant.
        .order_by(
            ledger_entry.c.day,
            ledger_entry.c.recorded_at,
            case((ledger_entry.c.kind == "credit_applied", 1), else_=0),
            ledger_entry.c.id,
        )
    )
    return [
        Movement(
            row.day,
            row.kind,
            row.document,
            row.member_amount,
            row.method,
            row.payment_id,
            tuple(settled.get(row.id, ())),
            ZERO if row.credit is None else -row.credit,
            row.receipt_number,
        )
        for row in connection.execute(query)
    ]


def _entries(supply_id: str, period: DatePeriod) -> Select[Any]:
    return select(ledger_entry.c.id).where(
        ledger_entry.c.supply_id == supply_id,
        ledger_entry.c.day >= period.start,
        ledger_entry.c.day < period.end,
        or_(ledger_entry.c.member_amount != 0, ledger_entry.c.kind == "credit_applied"),
    )


def settled_by(connection: Connection, entries: Select[Any] | Sequence[str]) -> dict[str, list[Settled]]:
    """Which invoices entries settled, or opened again where negative, by entry."""
    query = (
        select(settlement.c.entry_id, invoice.c.id, invoice.c.number, settlement.c.amount)
        .join(invoice, invoice.c.id == settlement.c.invoice_id)
        .where(settlement.c.entry_id.in_(entries))
        .order_by(invoice.c.due_date, invoice.c.number)
    )
    found: dict[str, list[Settled]] = {}
    for row in connection.execute(query):
        found.setdefault(row.entry_id, []).append(Settled(row.id, row.number, row.amount))
    return found
