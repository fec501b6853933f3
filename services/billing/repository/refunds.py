"""Refunds of payments: asked for, paid or rejected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select, update

from services.billing.domain.bill import ZERO
from services.billing.tables import refund

REQUESTED, PAID, REJECTED = "requested", "paid", "rejected"
STATES = (REQUESTED, PAID, REJECTED)


@dataclass(frozen=True)
class Refund:
    """`decided_by` of one that was small enough for one person is who asked for it."""

    id: str
    payment_id: str
    supply_id: str
    amount: Decimal
    why: str
    state: str
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision_why: str
    reversal_id: str | None

    @property
    def alone(self) -> bool:
        """Paid without a second person."""
        return self.state == PAID and self.decided_by == self.requested_by


def keep(connection: Connection, made: Refund) -> None:
    connection.execute(insert(refund), made.__dict__)


def find(connection: Connection, refund_id: str) -> Refund | None:
    row = connection.execute(select(refund).where(refund.c.id == refund_id)).mappings().first()
    return Refund(**row) if row else None


def of_payment(connection: Connection, payment_id: str) -> list[Refund]:
    query = select(refund).where(refund.c.payment_id == payment_id).order_by(refund.c.id)
    return [Refund(**row) for row in connection.execute(query).mappings()]


def waiting_of(connection: Connection, payment_id: str) -> Decimal:
    """What is asked for of a payment and not decided."""
    query = select(func.sum(refund.c.amount)).where(refund.c.payment_id == payment_id, refund.c.state == REQUESTED)
    return connection.execute(query).scalar_one() or ZERO


def count_waiting(connection: Connection) -> int:
    """Refunds of all accounts that are not decided."""
    query = select(func.count()).where(refund.c.state == REQUESTED)
    return connection.execute(query).scalar_one()


def page(connection: Connection, state: str, *, before: str, limit: int) -> list[Refund]:
    """Newest first."""
    query = select(refund).order_by(refund.c.id.desc()).limit(limit)
    if state:
        query = query.where(refund.c.state == state)
    if before:
        query = query.where(refund.c.id < before)
    return [Refund(**row) for row in connection.execute(query).mappings()]


def decide(
    connection: Connection, refund_id: str, state: str, by: str, at: datetime, *, why: str = "", reversal_id: str | None
) -> None:
    values = {"state": state, "decided_by": by, "decided_at": at, "decision_why": why, "reversal_id": reversal_id}
    connection.execute(update(refund).where(refund.c.id == refund_id).values(**values))
