"""Bill runs, their chunks of work and the supplies they held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, case, delete, insert, literal, select, text, update

from services.billing.tables import bill_run, bill_run_chunk, bill_run_held
from services.chassis.periods import DatePeriod

RUNNING, COMPLETED = "running", "completed"


@dataclass(frozen=True)
class Run:
    id: str
    period: str
    issue_date: date
    state: str
    round: int
    contracts: int
    already_invoiced: int
    invoiced: int
    held: int
    chunks: int
    chunks_done: int
    total: Decimal
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def days(self) -> DatePeriod:
        return DatePeriod.month(self.period)


@dataclass(frozen=True)
class Chunk:
    id: str
    bill_run_id: str
    period: str
    round: int
    issue_date: date
    supply_ids: tuple[str, ...]
    done: bool

    @property
    def days(self) -> DatePeriod:
        return DatePeriod.month(self.period)


@dataclass(frozen=True)
class HeldSupply:
    supply_id: str
    contract_id: str
    account_number: str
    reason: str
    explanation: str


def run_of_period(connection: Connection, period: str, *, lock: bool = False) -> Run | None:
    return _one_run(connection, bill_run.c.period == period, lock)


def run_by_id(connection: Connection, run_id: str, *, lock: bool = False) -> Run | None:
    return _one_run(connection, bill_run.c.id == run_id, lock)


def _one_run(connection: Connection, condition: Any, lock: bool) -> Run | None:
    query = select(bill_run).where(condition)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return Run(**row) if row else None


def save_run(connection: Connection, run: Run, *, new: bool) -> None:
    values = {column.name: getattr(run, column.name) for column in bill_run.columns}
    if new:
        connection.execute(insert(bill_run), values)
    else:
        # A key that is set anew, to whatever, has SQLite look for rows that refer to it: all the invoices.
        del values["id"]
        connection.execute(update(bill_run).where(bill_run.c.id == run.id).values(values))


def lock_starts(connection: Connection) -> None:
    """One start after the other: of two at once the second finds the run of the first. SQLite's writers queue anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('acometida-bill-runs'))"))


def under_way(connection: Connection) -> list[Run]:
    query = select(bill_run).where(bill_run.c.state == RUNNING).order_by(bill_run.c.period)
    return [Run(**row) for row in connection.execute(query).mappings()]


def add_chunks(connection: Connection, run: Run, chunks: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Chunks as (id, supply ids)."""
    rows = [
        {
            "id": chunk_id,
            "bill_run_id": run.id,
            "round": run.round,
            "position": position,
            "issue_date": run.issue_date,
            "supply_ids": list(supply_ids),
        }
        for position, (chunk_id, supply_ids) in enumerate(chunks)
    ]
    if rows:
        connection.execute(insert(bill_run_chunk), rows)


def chunk_by_id(connection: Connection, chunk_id: str, *, lock: bool = False) -> Chunk | None:
    """With `lock` its row is locked until the transaction ends; that of its run is not."""
    query = (
        select(bill_run_chunk, bill_run.c.period)
        .join(bill_run, bill_run.c.id == bill_run_chunk.c.bill_run_id)
        .where(bill_run_chunk.c.id == chunk_id)
    )
    row = connection.execute(query.with_for_update(of=bill_run_chunk) if lock else query).mappings().first()
    return _chunk(row) if row else None


def open_chunk_ids(connection: Connection, run: Run) -> list[str]:
    query = (
        select(bill_run_chunk.c.id)
        .where(
            bill_run_chunk.c.bill_run_id == run.id,
            bill_run_chunk.c.round == run.round,
            bill_run_chunk.c.done_at.is_(None),
        )
        .order_by(bill_run_chunk.c.position)
    )
    return list(connection.execute(query).scalars())


def _chunk(row: RowMapping) -> Chunk:
    return Chunk(
        row["id"],
        row["bill_run_id"],
        row["period"],
        row["round"],
        row["issue_date"],
        tuple(row["supply_ids"]),
        row["done_at"] is not None,
    )


def complete_chunk(connection: Connection, chunk: Chunk, at: datetime) -> None:
    connection.execute(update(bill_run_chunk).where(bill_run_chunk.c.id == chunk.id).values(done_at=at))


def count_chunk(
    connection: Connection, run_id: str, at: datetime, *, invoiced: int, held: int, idle: int, total: Decimal
) -> Run:
    """Count what a chunk did on its run, as it stands then; the last chunk completes it. `idle` supplies had no contract in
    force after all.
    """
    counted = bill_run.c.chunks_done + 1
    last = counted == bill_run.c.chunks
    changed = {
        "contracts": bill_run.c.contracts - idle,
        "invoiced": bill_run.c.invoiced + invoiced,
        "held": bill_run.c.held + held,
        "total": bill_run.c.total + literal(total, bill_run.c.total.type),
        "chunks_done": counted,
        "state": case((last, COMPLETED), else_=bill_run.c.state),
        "completed_at": case((last, literal(at, bill_run.c.completed_at.type)), else_=None),
    }
    counting = update(bill_run).where(bill_run.c.id == run_id).values(changed).returning(bill_run)
    return Run(**connection.execute(counting).mappings().one())


def keep_held(connection: Connection, run_id: str, held: Sequence[HeldSupply]) -> None:
    rows = [
        {
            "bill_run_id": run_id,
            "supply_id": each.supply_id,
            "contract_id": each.contract_id,
            "account_number": each.account_number,
            "reason": each.reason,
            "explanation": each.explanation,
        }
        for each in held
    ]
    if rows:
        connection.execute(insert(bill_run_held), rows)


def forget_held(connection: Connection, run_id: str) -> None:
    connection.execute(delete(bill_run_held).where(bill_run_held.c.bill_run_id == run_id))


def held_of(connection: Connection, run_id: str) -> list[HeldSupply]:
    query = (
        select(
            bill_run_held.c.supply_id,
            bill_run_held.c.contract_id,
            bill_run_held.c.account_number,
            bill_run_held.c.reason,
            bill_run_held.c.explanation,
        )
        .where(bill_run_held.c.bill_run_id == run_id)
        .order_by(bill_run_held.c.account_number)
    )
    return [HeldSupply(*row) for row in connection.execute(query)]
