"""The till, and what came in and went back on a day: from the ledger's entries, as the statements are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, Select, case, func, insert, select, update

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import MEMBER_ACCOUNTS, METHOD_ACCOUNTS
from services.billing.repository import upsert
from services.billing.tables import ledger_entry, ledger_posting, payment, payment_reversal, till, till_count

CASH = METHOD_ACCOUNTS["cash"]
TILL = "till"


@dataclass(frozen=True)
class Moved:
    """Entries of one kind, way of paying and person on a day; `amount` is what came in, negative what went out."""

    method: str
    person: str
    kind: str
    count: int
    amount: Decimal


@dataclass(frozen=True)
class TillCount:
    """Amounts of cash at the end of a day: by the ledger, and as counted."""

    day: date
    expected: Decimal
    counted: Decimal
    why: str
    entry_id: str | None
    closed_by: str
    closed_at: datetime

    @property
    def difference(self) -> Decimal:
        return self.counted - self.expected


def moved_on(connection: Connection, day: date) -> list[Moved]:
    """Payments, returns and refunds of a day by method, person and kind."""
    entries = (
        select(payment.c.entry_id, payment.c.method, payment.c.recorded_by),
        select(payment_reversal.c.entry_id, payment.c.method, payment_reversal.c.recorded_by).join(
            payment, payment.c.id == payment_reversal.c.payment_id
        ),
    )
    rows = [row for each in entries for row in connection.execute(_sums(each, day))]
    found = [Moved(row[0], row[1], row[2], row[3], row[4]) for row in rows]
    return sorted(found, key=lambda each: (each.method, each.person, each.kind))


def _sums(entries: Select[str, str, str], day: date) -> Select[str, str, str, int, Decimal]:
    made = entries.subquery()
    return (
        select(
            made.c.method,
            made.c.recorded_by,
            ledger_entry.c.kind,
            func.count(ledger_entry.c.id.distinct()),
            func.sum(ledger_posting.c.amount),
        )
        .join(ledger_entry, ledger_entry.c.id == made.c.entry_id)
        .join(ledger_posting, ledger_posting.c.entry_id == made.c.entry_id)
        .where(ledger_entry.c.day == day, ledger_posting.c.account.not_in(MEMBER_ACCOUNTS))
        .group_by(made.c.method, made.c.recorded_by, ledger_entry.c.kind)
    )


def cash_on(connection: Connection, day: date) -> tuple[Decimal, Decimal]:
    """What the ledger has in the till at the start and at the end of a day."""
    before = func.sum(case((ledger_entry.c.day < day, ledger_posting.c.amount), else_=ZERO))
    query = (
        select(before, func.sum(ledger_posting.c.amount))
        .join(ledger_entry, ledger_entry.c.id == ledger_posting.c.entry_id)
        .where(ledger_posting.c.account == CASH, ledger_entry.c.day <= day)
    )
    start, end = connection.execute(query).one()
    return start or ZERO, end or ZERO


def closed_until(connection: Connection, *, share: bool = False, lock: bool = False) -> date | None:
    """The last closed day. `share`: it stays so until the transaction ends; `lock`: and nobody else looks meanwhile."""
    if share or lock:
        connection.execute(upsert(connection, till).on_conflict_do_nothing(), {"name": TILL, "closed_until": None})
    query = select(till.c.closed_until).where(till.c.name == TILL)
    if share or lock:
        query = query.with_for_update(read=not lock)
    return connection.execute(query).scalar()


def close(connection: Connection, made: TillCount) -> None:
    connection.execute(insert(till_count), made.__dict__)
    connection.execute(update(till).where(till.c.name == TILL).values(closed_until=made.day))


def counts_of(connection: Connection, days: Iterable[date]) -> dict[date, TillCount]:
    query = select(till_count).where(till_count.c.day.in_(list(days)))
    return {row["day"]: TillCount(**row) for row in connection.execute(query).mappings()}
