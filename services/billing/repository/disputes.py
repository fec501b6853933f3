"""Invoices that are in dispute, and how each dispute ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from services.billing.tables import dispute


@dataclass(frozen=True)
class Dispute:
    id: str
    invoice_id: str
    supply_id: str
    reason: str
    opened_by: str
    opened_at: datetime
    outcome: str = ""
    closed_by: str = ""
    closed_at: datetime | None = None


def keep(connection: Connection, made: Dispute) -> None:
    connection.execute(insert(dispute), made.__dict__)


def close(connection: Connection, dispute_id: str, outcome: str, closed_by: str, at: datetime) -> None:
    values = {"outcome": outcome, "closed_by": closed_by, "closed_at": at}
    connection.execute(update(dispute).where(dispute.c.id == dispute_id).values(values))


def by_id(connection: Connection, dispute_id: str) -> Dispute:
    return _dispute(connection.execute(select(dispute).where(dispute.c.id == dispute_id)).mappings().one())


def open_of(connection: Connection, invoice_id: str) -> Dispute | None:
    query = select(dispute).where(dispute.c.invoice_id == invoice_id, dispute.c.closed_at.is_(None))
    row = connection.execute(query).mappings().first()
    return _dispute(row) if row else None


def open_of_accounts(connection: Connection, supply_ids: Iterable[str]) -> list[tuple[str, str]]:
    """(dispute id, invoice id) of what is in dispute now, in order."""
    query = (
        select(dispute.c.id, dispute.c.invoice_id)
        .where(dispute.c.supply_id.in_(list(supply_ids)), dispute.c.closed_at.is_(None))
        .order_by(dispute.c.id)
    )
    return [(row.id, row.invoice_id) for row in connection.execute(query)]


def open_at(connection: Connection, ids: Iterable[str], at: datetime) -> list[tuple[str, str]]:
    """Of these disputes, as (id, invoice id), those that were open at an instant, in order."""
    query = (
        select(dispute.c.id, dispute.c.invoice_id)
        .where(
            dispute.c.id.in_(list(ids)),
            dispute.c.opened_at <= at,
            or_(dispute.c.closed_at.is_(None), dispute.c.closed_at >= at),
        )
        .order_by(dispute.c.id)
    )
    return [(row.id, row.invoice_id) for row in connection.execute(query)]


def listed(connection: Connection, *, with_closed: bool, before: str, limit: int) -> list[Dispute]:
    """Newest first; `before` is the id of the last one seen."""
    query = select(dispute).order_by(dispute.c.id.desc()).limit(limit)
    if not with_closed:
        query = query.where(dispute.c.closed_at.is_(None))
    if before:
        query = query.where(dispute.c.id < before)
    return [_dispute(row) for row in connection.execute(query).mappings()]


def _dispute(row: Any) -> Dispute:
    return Dispute(**row)
