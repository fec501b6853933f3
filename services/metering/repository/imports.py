"""The trace of every file: what came, what became of it, and the rows that were refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from services.chassis.db import Transaction
from services.metering.domain.readings import MeterError, RefusedReading
from services.metering.tables import quarantined_row, readings_import

REFUSED_SHOWN = 100


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

    @property
    def readings(self) -> int:
        """Readings taken from the file, whether they changed anything or not."""
        return self.accepted + self.duplicates + self.of_unknown_meters


def add(tx: Transaction, record: ImportRecord) -> None:
    """A file has arrived."""
    tx.execute(insert(readings_import).values(id=record.id, **_values(record)))


def save(tx: Transaction, record: ImportRecord) -> None:
    """Keep how far an import has come."""
    tx.execute(update(readings_import).where(readings_import.c.id == record.id).values(_values(record)))


def add_refused(tx: Transaction, import_id: str, first_number: int, rows: list[RefusedReading]) -> None:
    """Keep refused rows, numbered on from ``first_number``."""
    if rows:
        tx.execute(
            insert(quarantined_row),
            [
                {
                    "import_id": import_id,
                    "number": first_number + index,
                    "line": row.line,
                    "meter": row.meter,
                    "value": row.value,
                    "reason": row.reason,
                }
                for index, row in enumerate(rows)
            ],
        )


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


def refused_of(connection: Connection, import_id: str, limit: int = REFUSED_SHOWN) -> list[RefusedReading]:
    """The first refused rows of an import, in the file's order."""
    table = quarantined_row
    query = select(table).where(table.c.import_id == import_id).order_by(table.c.number).limit(limit)
    return [RefusedReading(row.line, row.meter, row.value, row.reason) for row in connection.execute(query)]


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
    }


def _record(row: Any) -> ImportRecord:
    values = dict(row._mapping)
    values["meter_errors"] = [MeterError(*error) for error in values["meter_errors"]]
    values["seen_before"] = bool(values["seen_before"])
    return ImportRecord(**values)
