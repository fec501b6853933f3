"""The trace of every file: what came, and what became of it."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from services.chassis.db import Transaction
from services.metering.domain.readings import MeterError
from services.metering.tables import readings_import

REFUSED_SHOWN = 100
UNKNOWN_LISTED = 10_000
"""Meters and supplies of nobody that an import names; a file of a whole country's would fill the answer."""


@dataclass
class ImportRecord:
    """One file and what became of its readings."""

    id: str
    file_name: str
    sha256: str
    actor: str
    received_at: datetime
    finished_at: datetime | None = None
    accepted: int = 0
    duplicates: int = 0
    superseded: int = 0
    of_unknown_meters: int = 0
    refused: int = 0
    meters_with_readings: int = 0
    unknown_meters: list[str] = field(default_factory=list)
    meter_errors: list[MeterError] = field(default_factory=list)
    file_problem: str = ""
    seen_before: bool = False
    format: str = ""
    register_readings: int = 0
    unknown_supplies: list[str] = field(default_factory=list)
    kept_of_supplies: dict[str, int] = field(default_factory=dict, compare=False)
    """Hours kept by CUPS of nobody, while the file is read; they end as rows of the quarantine."""

    @property
    def readings(self) -> int:
        """Readings taken from the file, whether they changed anything or not."""
        return self.accepted + self.duplicates + self.of_unknown_meters + self.register_readings

    def note_unknown(self, name: str, hours: int, *, by_supply: bool) -> None:
        """A meter or CUPS of nobody, with so many hours."""
        listed = self.unknown_supplies if by_supply else self.unknown_meters
        if name not in listed and len(listed) < UNKNOWN_LISTED:
            insort(listed, name)
        if by_supply and (name in self.kept_of_supplies or len(self.kept_of_supplies) < UNKNOWN_LISTED):
            self.kept_of_supplies[name] = self.kept_of_supplies.get(name, 0) + hours

    def copy(self) -> ImportRecord:
        """One that counts on by itself."""
        return replace(
            self,
            unknown_meters=list(self.unknown_meters),
            unknown_supplies=list(self.unknown_supplies),
            kept_of_supplies=dict(self.kept_of_supplies),
            meter_errors=list(self.meter_errors),
        )


def add(tx: Transaction, record: ImportRecord) -> None:
    """A file has arrived."""
    tx.execute(insert(readings_import).values(id=record.id, **_values(record)))


def save(tx: Transaction, record: ImportRecord) -> None:
    """Keep how far an import has come."""
    tx.execute(update(readings_import).where(readings_import.c.id == record.id).values(_values(record)))


def finished_with(connection: Connection, sha256: str) -> ImportRecord | None:
    """The first import of a file with these very bytes that came to its end."""
    table = readings_import
    query = select(table).where(table.c.sha256 == sha256, table.c.finished_at.is_not(None)).order_by(table.c.id)
    row = connection.execute(query.limit(1)).first()
    return _record(row) if row else None


def page(connection: Connection, size: int, before: str) -> list[ImportRecord]:
    """Imports, the newest first; ``before`` is the id of the last one seen, or empty."""
    query = select(readings_import).order_by(readings_import.c.id.desc()).limit(size)
    if before:
        query = query.where(readings_import.c.id < before)
    return [_record(row) for row in connection.execute(query)]


def unfinished_with(tx: Transaction, sha256: str, but: str) -> list[str]:
    """Other imports of a file with these very bytes that never came to their end."""
    table = readings_import
    query = select(table.c.id).where(table.c.sha256 == sha256, table.c.finished_at.is_(None), table.c.id != but)
    return list(tx.execute(query).scalars())


def exists(connection: Connection, import_id: str) -> bool:
    """Whether there is such an import."""
    return connection.execute(select(readings_import.c.id).where(readings_import.c.id == import_id)).first() is not None


def get(tx: Transaction, import_id: str) -> ImportRecord | None:
    """One import, held until the transaction ends; None for an unknown id."""
    query = select(readings_import).where(readings_import.c.id == import_id).with_for_update()
    row = tx.execute(query).first()
    return _record(row) if row else None


def _values(record: ImportRecord) -> dict[str, Any]:
    return {
        "file_name": record.file_name,
        "sha256": record.sha256,
        "actor": record.actor,
        "received_at": record.received_at,
        "finished_at": record.finished_at,
        "accepted": record.accepted,
        "duplicates": record.duplicates,
        "superseded": record.superseded,
        "of_unknown_meters": record.of_unknown_meters,
        "refused": record.refused,
        "meters_with_readings": record.meters_with_readings,
        "unknown_meters": record.unknown_meters,
        "meter_errors": [[e.meter, e.code, e.category, e.line] for e in record.meter_errors],
        "file_problem": record.file_problem,
        "seen_before": int(record.seen_before),
        "format": record.format,
        "register_readings": record.register_readings,
        "unknown_supplies": record.unknown_supplies,
    }


def _record(row: Any) -> ImportRecord:
    values = dict(row._mapping)
    values["meter_errors"] = [MeterError(*error) for error in values["meter_errors"]]
    values["seen_before"] = bool(values["seen_before"])
    return ImportRecord(**values)
