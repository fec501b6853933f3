"""Load profiles that the office uploaded, whole; the last one of a tariff is in force."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from services.chassis.db import Transaction
from services.metering.tables import load_profile


@dataclass(frozen=True)
class StoredProfile:
    """One tariff of an uploaded file."""

    id: str
    tariff: str
    file_name: str
    sha256: str
    coefficients: int
    actor: str
    uploaded_at: datetime


def add(tx: Transaction, profile: StoredProfile, content: str) -> None:
    """Keep a profile with the file it came in."""
    tx.execute(insert(load_profile).values(**vars(profile), content=content))


def every(connection: Connection, ids: Collection[str] | None = None) -> list[StoredProfile]:
    """Uploaded profiles, by tariff and the newest first; with ``ids`` only those."""
    table = load_profile
    query = select(*(column for column in table.c if column.name != "content"))
    if ids is not None:
        query = query.where(table.c.id.in_(ids))
    query = query.order_by(table.c.tariff, table.c.uploaded_at.desc(), table.c.id.desc())
    return [StoredProfile(**row._mapping) for row in connection.execute(query)]


def in_force(connection: Connection, tariff: str) -> StoredProfile | None:
    """The last profile uploaded for a tariff."""
    table = load_profile
    query = select(*(column for column in table.c if column.name != "content")).where(table.c.tariff == tariff)
    row = connection.execute(query.order_by(table.c.uploaded_at.desc(), table.c.id.desc()).limit(1)).first()
    return StoredProfile(**row._mapping) if row else None


def content_of(connection: Connection, profile_id: str) -> str:
    """The file as it was uploaded."""
    found: str = connection.execute(select(load_profile.c.content).where(load_profile.c.id == profile_id)).scalar_one()
    return found
