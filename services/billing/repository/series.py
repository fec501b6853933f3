"""Gapless series: a number exists only together with the document that took it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, or_, select, update

from services.billing.repository import upsert
from services.billing.tables import series


@dataclass(frozen=True)
class SeriesState:
    """The last number given, the hash of its document ("" before the first), and the latest date used."""

    code: str
    last_number: int
    last_hash: str
    last_date: date | None


def take(connection: Connection, code: str) -> SeriesState:
    """The series, its row locked until the transaction ends: whoever numbers next waits for this one's documents."""
    query = select(series).where(series.c.code == code).with_for_update()
    row = connection.execute(query).first()
    if row is None:
        first = upsert(connection, series).values(code=code, last_number=0, last_hash="")
        connection.execute(first.on_conflict_do_nothing())
        row = connection.execute(query).one()
    return SeriesState(row.code, row.last_number, row.last_hash, row.last_date)


def peek(connection: Connection, code: str) -> SeriesState:
    """The series as it stands, without holding it."""
    row = connection.execute(select(series).where(series.c.code == code)).first()
    return (
        SeriesState(row.code, row.last_number, row.last_hash, row.last_date) if row else SeriesState(code, 0, "", None)
    )


def put(connection: Connection, state: SeriesState) -> None:
    connection.execute(
        update(series)
        .where(series.c.code == state.code)
        .values(last_number=state.last_number, last_hash=state.last_hash, last_date=state.last_date)
    )


def latest_date(connection: Connection, name: str) -> date | None:
    """The latest issue date of the series of a name: "E" has "E-2025" and "E-2026", "LSP" has "A-LSP" and "B-LSP"."""
    mine = or_(
        series.c.code.startswith(f"{name}-", autoescape=True), series.c.code.endswith(f"-{name}", autoescape=True)
    )
    return connection.execute(select(func.max(series.c.last_date)).where(mine)).scalar_one()
