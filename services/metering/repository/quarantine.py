"""Rows that could not be taken: kept with all that reading them again needs, and as a trace of what became of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from services.chassis.db import Transaction
from services.metering.domain.formats.dialect import INTERVAL, QUARTER
from services.metering.domain.readings import RefusedRow
from services.metering.repository.holdings import CUPS_LENGTH
from services.metering.repository.sql import slices
from services.metering.tables import quarantined_row, readings_import

OPEN, TAKEN, DISCARDED = "open", "taken", "discarded"
STATES = (OPEN, TAKEN, DISCARDED)
SUPPLY = "supply"
"""Under this name the CUPS stands in ``around`` of a row that stands for all hours of a CUPS of nobody."""
SHOWN = 100


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that was not taken, of which import, and what became of it ("open", "taken" or "discarded")."""

    import_id: str
    number: int
    file_name: str
    imported_at: datetime
    row: RefusedRow
    state: str
    settled_at: datetime | None
    settled_by: str

    @property
    def of_supply(self) -> str:
        """The CUPS whose hours are kept, if the row stands for them; empty otherwise."""
        return self.row.around.get(SUPPLY, "")

    @property
    def is_quarter(self) -> bool:
        """Whether it is a quarter of an hour, which is read with the other three."""
        return self.row.around.get(INTERVAL) == QUARTER

    @property
    def can_retry(self) -> bool:
        """Whether it can be read again with what was kept of it."""
        return bool(self.row.raw or self.of_supply)


def add(tx: Transaction, import_id: str, first_number: int, rows: Sequence[RefusedRow]) -> None:
    """Keep rows, numbered on from ``first_number``."""
    if rows:
        values = [
            {
                "import_id": import_id,
                "number": first_number + index,
                "line": row.line,
                "meter": _storable(row.meter[:64]),
                "value": _storable(row.value),
                "reason": _storable(row.reason),
                "member": _storable(row.member[:255]),
                "dialect": row.dialect[:40],
                "raw": _storable(row.raw),
                "around": dict(row.around),
                "state": OPEN,
            }
            for index, row in enumerate(rows)
        ]
        tx.execute(insert(quarantined_row), values)


def page(
    connection: Connection, size: int, state: str, import_id: str = "", after: tuple[str, int] | None = None
) -> list[QuarantinedRow]:
    """Rows in a state, of one import or of all, the newest import first. ``after``: import and number of the last one seen."""
    table = quarantined_row
    query = _rows().where(table.c.state == state)
    if import_id:
        query = query.where(table.c.import_id == import_id)
    if after:
        seen, number = after
        query = query.where(or_(table.c.import_id < seen, and_(table.c.import_id == seen, table.c.number > number)))
    query = query.order_by(table.c.import_id.desc(), table.c.number).limit(size)
    return [_row(row) for row in connection.execute(query)]


def of_import(connection: Connection, import_id: str, numbers: Collection[int] = ()) -> list[QuarantinedRow]:
    """Rows of an import by number: those named, or all that are open."""
    table = quarantined_row
    query = _rows().where(table.c.import_id == import_id).order_by(table.c.number)
    if not numbers:
        return [_row(row) for row in connection.execute(query.where(table.c.state == OPEN))]
    found: list[QuarantinedRow] = []
    for some in slices(sorted(set(numbers))):
        found += [_row(row) for row in connection.execute(query.where(table.c.number.in_(some)))]
    return found


def refused_of(connection: Connection, import_id: str, limit: int = SHOWN) -> list[RefusedRow]:
    """The first rows of an import that are not taken, in the file's order; not the hours kept for a CUPS of nobody."""
    table = quarantined_row
    query = _rows().where(table.c.import_id == import_id, table.c.state != TAKEN, table.c.line > 0)
    return [_row(row).row for row in connection.execute(query.order_by(table.c.number).limit(limit))]


def settle(tx: Transaction, import_id: str, numbers: Collection[int], state: str, actor: str) -> None:
    """The rows are taken or discarded by somebody."""
    table = quarantined_row
    for some in slices(sorted(numbers)):
        change = update(table).where(table.c.import_id == import_id, table.c.number.in_(some), table.c.state == OPEN)
        tx.execute(change.values(state=state, settled_at=tx.clock.now(), settled_by=actor[:80]))


def still_refused(tx: Transaction, import_id: str, reasons: Mapping[int, str]) -> None:
    """The rows were read again and refused again."""
    table = quarantined_row
    for number, reason in reasons.items():
        change = update(table).where(table.c.import_id == import_id, table.c.number == number)
        tx.execute(change.values(reason=_storable(reason)))


def open_of_supply(connection: Connection, cups: str) -> list[tuple[str, int]]:
    """Import and number of the open rows that stand for hours kept for a CUPS."""
    table = quarantined_row
    start = func.substr(table.c.meter, 1, CUPS_LENGTH)
    query = select(table.c.import_id, table.c.number).where(
        table.c.state == OPEN, table.c.line == 0, start == cups[:CUPS_LENGTH]
    )
    return [(row.import_id, row.number) for row in connection.execute(query)]


def _storable(text: str) -> str:
    """Without the one character that PostgreSQL has no room for; damaged files have it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _rows() -> Any:
    table = quarantined_row
    columns = (table, readings_import.c.file_name, readings_import.c.received_at)
    return select(*columns).join(readings_import, readings_import.c.id == table.c.import_id)


def _row(row: Any) -> QuarantinedRow:
    refused = RefusedRow(row.line, row.meter, row.value, row.reason, row.member, row.dialect, row.raw, row.around)
    return QuarantinedRow(
        row.import_id,
        row.number,
        row.file_name,
        row.received_at,
        refused,
        row.state,
        row.settled_at,
        row.settled_by,
    )
