"""Market prices by hour: every version is kept, the last of an hour is in force."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, text

from services.billing.repository.invoices import FOREIGN
from services.billing.tables import invoice, market_file, market_price


@dataclass(frozen=True)
class StoredFile:
    id: str
    sha256: str
    file_name: str
    hours: int
    uploaded_by: str
    uploaded_at: datetime


@dataclass(frozen=True)
class StoredPrice:
    """The price of the hour that starts at `start`, EUR/MWh, and which version of it this is."""

    start: datetime
    price: Decimal
    version: int
    file_name: str


@dataclass(frozen=True)
class Correction:
    """An hour whose price a file changed, EUR/MWh."""

    start: datetime
    before: Decimal
    after: Decimal


def file_by(connection: Connection, *, file_id: str = "", sha256: str = "") -> StoredFile | None:
    condition = market_file.c.id == file_id if file_id else market_file.c.sha256 == sha256
    row = connection.execute(select(market_file).where(condition)).mappings().first()
    return StoredFile(**row) if row else None


def lock(connection: Connection) -> None:
    """One file after the other, so that two never make the same version; on SQLite writers queue anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('acometida-market-prices'))"))


def keep_file(connection: Connection, file: StoredFile) -> None:
    connection.execute(insert(market_file), vars(file))


def keep_prices(connection: Connection, file_id: str, prices: Mapping[datetime, tuple[int, Decimal]]) -> None:
    """Keep (version, price) of hours."""
    rows = [
        {"start": start, "version": version, "price": price, "file_id": file_id}
        for start, (version, price) in prices.items()
    ]
    if rows:
        connection.execute(insert(market_price), rows)


def in_force(connection: Connection, start: datetime, end: datetime) -> list[StoredPrice]:
    """The last version of each hour from `start` to `end` (excluded), in order."""
    last = _last_versions(start, end)
    query = (
        select(market_price.c.start, market_price.c.price, market_price.c.version, market_file.c.file_name)
        .join(last, and_(market_price.c.start == last.c.start, market_price.c.version == last.c.version))
        .join(market_file, market_file.c.id == market_price.c.file_id)
        .order_by(market_price.c.start)
    )
    return [StoredPrice(*row) for row in connection.execute(query)]


def prices_between(connection: Connection, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    """EUR/MWh in force by UTC start of the hour."""
    return {each.start: each.price for each in in_force(connection, start, end)}


def _last_versions(start: datetime, end: datetime) -> Any:
    return (
        select(market_price.c.start, func.max(market_price.c.version).label("version"))
        .where(market_price.c.start >= start, market_price.c.start < end)
        .group_by(market_price.c.start)
        .subquery()
    )


def of_file(connection: Connection, file_id: str) -> tuple[int, list[Correction]]:
    """How many hours got their first price by a file, and what it corrected."""
    own = market_price.c.file_id == file_id
    added = select(func.count()).select_from(market_price).where(own, market_price.c.version == 1)
    before = market_price.alias("before")
    query = (
        select(market_price.c.start, before.c.price, market_price.c.price)
        .join(before, and_(before.c.start == market_price.c.start, before.c.version == market_price.c.version - 1))
        .where(own)
        .order_by(market_price.c.start)
    )
    return int(connection.execute(added).scalar_one()), [Correction(*row) for row in connection.execute(query)]


def billed_by_the_hour(connection: Connection, days: Collection[date], until: datetime) -> Sequence[str]:
    """Numbers of invoices issued until an instant whose prices came from the hours of any of the local days."""
    if not days:
        return []
    query = (
        select(invoice.c.number, invoice.c.period_start, invoice.c.period_end, invoice.c.printed)
        .where(
            invoice.c.kind != FOREIGN,
            invoice.c.period_start <= max(days),
            invoice.c.period_end > min(days),
            invoice.c.issued_at <= until,
        )
        .order_by(invoice.c.series, invoice.c.sequence)
    )
    return [
        row.number
        for row in connection.execute(query)
        if "indexed" in (kind for kind, _ in row.printed["product"].values())
        and any(row.period_start <= day < row.period_end for day in days)
    ]
