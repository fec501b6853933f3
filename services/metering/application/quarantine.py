"""The quarantine: rows of files that could not be taken, read again or given up by the office."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy.exc import OperationalError

from services.chassis.clock import Clock
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.metering.application.store import adopt, store_batch
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.rereading import read_again
from services.metering.domain.hours import local_days
from services.metering.domain.readings import ReadingBatch, joined
from services.metering.repository import cups, imports, quarantine
from services.metering.repository.imports import ImportRecord
from services.metering.repository.quarantine import OPEN, STATES, QuarantinedRow

SYSTEM = "supplies"
"""Who settled the rows of a CUPS when a supply came to have it."""
_ATTEMPTS = 5


@dataclass
class Settled:
    """What became of rows; ``still_open`` were refused again."""

    taken: int = 0
    discarded: int = 0
    still_open: list[QuarantinedRow] = field(default_factory=list)


class Quarantine:
    """The office's view of the rows that could not be taken."""

    def __init__(self, database: Database, clock: Clock, time_zone: str) -> None:
        self._database, self._clock, self._time_zone = database, clock, time_zone

    def page(self, import_id: str, state: str, size: int, after: tuple[str, int] | None) -> list[QuarantinedRow]:
        """Rows of an import, or of all, in a state (open ones where none is named).

        Raises Invalid for no state, NotFound for an import that is not there.
        """
        if state not in ("", *STATES):
            raise Invalid(f"The state is {state[:40]!r}: it must be one of {', '.join(STATES)}.", field="state")
        with self._database.read() as connection:
            if import_id and not imports.exists(connection, import_id):
                raise _no_import(import_id)
            return quarantine.page(connection, size, state or OPEN, import_id, after)

    def retry(self, key: RequestKey, import_id: str, numbers: Sequence[int], actor: str) -> Settled:
        """Read rows again as they would be read today, and store what can be taken now.

        A quarter of an hour is read with the other open quarters of its supply, and they are taken with it.
        ``numbers``: those rows, or all open ones of the import. Repeated with the same key it changes nothing and gives the
        same answer. Raises NotFound for an import or row that is not there, Refused for a row that is settled, or for an
        import that is not finished.
        """

        def act(tx: Transaction) -> tuple[int, list[int]]:
            record, rows = self._open(tx, import_id, numbers)
            if record.finished_at is None:
                raise Refused(
                    f"The import of {record.file_name} is not finished: when nothing is at work on it any more, import "
                    "the file again, which completes it.",
                    "IMPORT_UNFINISHED",
                )
            asked = {row.number for row in rows}
            rows += _companions(tx, import_id, rows)
            left = _Retry(tx, self._time_zone, record).run(rows, actor)
            return len(rows) - len(left), [number for number in left if number in asked]

        taken, still_open = self._once(key, import_id, act)
        return Settled(taken=taken, still_open=still_open)

    def discard(self, key: RequestKey, import_id: str, numbers: Sequence[int], actor: str) -> Settled:
        """Give rows up. With the last row of a CUPS of nobody its kept hours go. Raises as ``retry`` does."""

        def act(tx: Transaction) -> tuple[int, list[int]]:
            _, rows = self._open(tx, import_id, numbers)
            quarantine.settle(tx, import_id, [row.number for row in rows], quarantine.DISCARDED, actor)
            for row in rows:
                if row.of_supply and not quarantine.open_of_supply(tx.connection, row.of_supply):
                    cups.drop_kept(tx, cups.owner_of(row.of_supply))
            return len(rows), []

        return Settled(discarded=self._once(key, import_id, act)[0])

    def _once(
        self, key: RequestKey, import_id: str, act: Callable[[Transaction], tuple[int, list[int]]]
    ) -> tuple[int, list[QuarantinedRow]]:
        """How many rows were settled and those that were not, of this or of the first call with the same key."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                with self._database.write() as tx:
                    settled, numbers = json.loads(tx.once(key, partial(_told, act, tx)))
                    return settled, quarantine.of_import(tx.connection, import_id, numbers) if numbers else []
            except OperationalError:
                # PostgreSQL ended one of two transactions that waited for each other; nothing of it was stored.
                if not left:
                    raise
        raise AssertionError("The last attempt returns or raises.")

    def _open(
        self, tx: Transaction, import_id: str, numbers: Sequence[int]
    ) -> tuple[ImportRecord, list[QuarantinedRow]]:
        """The import, held from now on, and its open rows of those numbers."""
        record = imports.get(tx, import_id)
        if record is None:
            raise _no_import(import_id)
        rows = quarantine.of_import(tx.connection, import_id, numbers)
        missing = sorted(set(numbers) - {row.number for row in rows})
        if missing:
            raise NotFound(f"The import of {record.file_name} has no quarantined row {missing[0]}.", field="numbers")
        for row in rows:
            if row.state != OPEN:
                raise Refused(f"Row {row.number} of {record.file_name} is {row.state} already.", "ROW_SETTLED")
        return record, rows


def settle_adopted(tx: Transaction, code: str) -> None:
    """A supply has the CUPS now and its hours: the rows that stood for them are taken."""
    for import_id, number in quarantine.open_of_supply(tx.connection, code):
        quarantine.settle(tx, import_id, [number], quarantine.TAKEN, SYSTEM)


def _companions(tx: Transaction, import_id: str, rows: Sequence[QuarantinedRow]) -> list[QuarantinedRow]:
    """The other open rows of the import without which some of these rows, quarters of an hour, mean nothing."""
    supplies = {row.row.meter for row in rows if row.is_quarter}
    asked = {row.number for row in rows}
    if not supplies:
        return []
    others = quarantine.of_import(tx.connection, import_id)
    return [row for row in others if row.is_quarter and row.row.meter in supplies and row.number not in asked]


def _no_import(import_id: str) -> NotFound:
    return NotFound(
        f"There is no import {import_id[:40]!r}: 'coopctl imports list' shows those there are.", field="import_id"
    )


class _Retry:
    """Reads rows of one import again, in one transaction."""

    def __init__(self, tx: Transaction, time_zone: str, record: ImportRecord) -> None:
        self._tx, self._time_zone, self._record = tx, time_zone, record
        self._context = Context(time_zone, tx.clock.now())
        self._reasons: dict[int, str] = {}

    def run(self, rows: Sequence[QuarantinedRow], actor: str) -> list[int]:
        """The numbers of the rows that are refused again; the others are stored and settled."""
        hours_of_supplies = 0
        for row in rows:
            if row.of_supply:
                if adopt(self._tx, row.of_supply):
                    settle_adopted(self._tx, row.of_supply)
                    hours_of_supplies += 1
                else:
                    self._reasons[row.number] = row.row.reason
            elif not row.row.raw:
                self._reasons[row.number] = row.row.reason
        again = sorted((row for row in rows if row.row.raw and not row.of_supply), key=lambda one: one.row.line)
        reread = read_again([(row.number, row.row) for row in again], self._context)
        self._reasons |= reread.reasons
        for by_supply in (False, True):
            self._store(
                joined([batch for batch in reread.batches if batch.by_supply is by_supply], by_supply=by_supply)
            )
        quarantine.still_refused(self._tx, self._record.id, self._reasons)
        taken = [row.number for row in rows if row.number not in self._reasons]
        quarantine.settle(self._tx, self._record.id, taken, quarantine.TAKEN, actor)
        self._record.refused -= len(taken) - hours_of_supplies
        imports.save(self._tx, self._record)
        return sorted(self._reasons)

    def _store(self, batch: ReadingBatch) -> None:
        for told in store_batch(self._tx, local_days(self._time_zone), batch, self._record):
            self._reasons[told.line] = told.reason


def _told(act: Callable[[Transaction], tuple[int, list[int]]], tx: Transaction) -> str:
    return json.dumps(act(tx))
