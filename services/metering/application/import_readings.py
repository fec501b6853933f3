"""Import of one meter file: received whole into a temporary file, then read and stored batch by batch.

The file is received first because its fingerprint decides: the very file that was imported before changes nothing, even
when newer files have corrected its hours since. Each batch (whole meters) is one transaction, so an import that is killed
leaves whole meters; importing the file again finishes it, and the hours that are there already count as duplicates.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sqlalchemy.exc import OperationalError

from services.chassis.clock import Clock
from services.chassis.db import Database
from services.chassis.errors import Invalid, Refused
from services.chassis.ids import new_id
from services.metering.application.store import nobodys, store_batch, unhung
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.model import MAX_QUARANTINED
from services.metering.domain.formats.streaming import StreamedFile
from services.metering.domain.hours import local_days
from services.metering.domain.prime import BATCH_ROWS
from services.metering.domain.readings import ReadingBatch, RefusedRow
from services.metering.repository import imports, quarantine
from services.metering.repository.imports import ImportRecord

_ATTEMPTS = 5


@dataclass(frozen=True)
class Progress:
    """How far an import has come: bytes of the file read, readings stored."""

    bytes_read: int
    readings: int


@dataclass(frozen=True)
class Summary:
    """What became of a file, with its first refused rows."""

    record: ImportRecord
    refused_readings: list[RefusedRow]


class ReadingsImporter:
    """Imports meter files of one cooperative, whose clocks all stand in one time zone."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        time_zone: str,
        folder: Path,
        max_file_bytes: int,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._database, self._clock, self._time_zone = database, clock, time_zone
        self._folder, self._max_file_bytes, self._batch_rows = folder, max_file_bytes, batch_rows

    def run(self, file_name: str, chunks: Iterable[bytes], actor: str) -> Iterator[Progress | Summary]:
        """Progress while it works, the summary at last.

        Raises Invalid for a file without a name and Refused for one that is too large; nothing is stored then.
        """
        name = _clean(file_name)
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            sha256 = self._receive(chunks, file)
            earlier = self._imported_before(sha256)
            record = ImportRecord(new_id(), name, sha256, actor, self._clock.now())
            with self._database.write() as tx:
                imports.add(tx, record)
            if earlier is not None:
                yield self._nothing_new(record, earlier)
                return
            yield from self._store(record, file)

    def _receive(self, chunks: Iterable[bytes], file: IO[bytes]) -> str:
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._max_file_bytes:
                raise Refused(
                    f"The file is larger than {self._max_file_bytes:,} bytes: split it, or raise "
                    "COOP_METERING_MAX_FILE_BYTES.",
                    "FILE_TOO_LARGE",
                )
            digest.update(chunk)
            file.write(chunk)
        file.seek(0)
        return digest.hexdigest()

    def _imported_before(self, sha256: str) -> ImportRecord | None:
        with self._database.read() as connection:
            return imports.finished_with(connection, sha256)

    def _nothing_new(self, record: ImportRecord, earlier: ImportRecord) -> Summary:
        record.seen_before = True
        record.duplicates = earlier.readings
        record.format = earlier.format
        record.refused = earlier.refused
        record.meters_with_readings = earlier.meters_with_readings
        record.meter_errors = earlier.meter_errors
        record.file_problem = earlier.file_problem
        record.finished_at = self._clock.now()
        with self._database.write() as tx:
            # Some may have come to belong to a supply since then, and have their readings now. CUPS before meters, as
            # whoever tells of a supply holds them.
            record.unknown_supplies = nobodys(tx, earlier.unknown_supplies)
            record.unknown_meters = unhung(tx, earlier.unknown_meters)
            imports.save(tx, record)
            refused = quarantine.refused_of(tx.connection, earlier.id)
        return Summary(record, refused)

    def _store(self, record: ImportRecord, file: IO[bytes]) -> Iterator[Progress | Summary]:
        streamed = StreamedFile(file, Context(self._time_zone, record.received_at, self._batch_rows))  # type: ignore[arg-type]
        points: set[str] = set()
        bytes_read = 0
        for batch in streamed.batches():
            record = self._store_batch(record, batch, points)
            bytes_read = max(bytes_read, file.tell())
            yield Progress(bytes_read, record.readings)
        record.format, record.file_problem = streamed.outcome.format[:200], streamed.outcome.problem
        record.finished_at = self._clock.now()
        with self._database.write() as tx:
            # Some supplies may have come while the file was read, and have their hours now.
            kept = _kept_of_supplies(record, nobodys(tx, record.kept_of_supplies))
            quarantine.add(tx, record.id, min(record.refused, MAX_QUARANTINED), kept)
            imports.save(tx, record)
            for earlier in imports.unfinished_with(tx, record.sha256, but=record.id):
                # What an interrupted import of the same file could not take, this one could not take either.
                numbers = [row.number for row in quarantine.of_import(tx.connection, earlier)]
                quarantine.settle(tx, earlier, numbers, quarantine.DISCARDED, f"import {record.id}")
            refused = quarantine.refused_of(tx.connection, record.id)
        yield Progress(max(bytes_read, file.tell()), record.readings)
        yield Summary(record, refused)

    def _store_batch(self, record: ImportRecord, batch: ReadingBatch, points: set[str]) -> ImportRecord:
        """The record with the batch counted in. A batch that met another writer head-on is stored again, whole."""
        points.update(batch.meters[index] for index in set(batch.meter.tolist()))
        points.update(row.meter or row.supply for row in batch.closes)
        for left in reversed(range(_ATTEMPTS)):
            counted = record.copy()
            counted.meters_with_readings = len(points)
            counted.meter_errors += batch.errors
            try:
                with self._database.write() as tx:
                    refused = [*batch.refused, *store_batch(tx, local_days(self._time_zone), batch, counted)]
                    # One by one as long as they are not too many; all of them are counted.
                    room = max(MAX_QUARANTINED - counted.refused, 0)
                    quarantine.add(tx, counted.id, counted.refused, refused[:room])
                    counted.refused += len(refused)
                    imports.save(tx, counted)
            except OperationalError:
                # PostgreSQL ended one of two transactions that waited for each other; nothing of it was stored.
                if not left:
                    raise
            else:
                return counted
        return record


def _kept_of_supplies(record: ImportRecord, codes: list[str]) -> list[RefusedRow]:
    """A row for each of these CUPS."""
    return [
        RefusedRow(
            0,
            cups,
            f"{record.kept_of_supplies[cups]:,} hours",
            "No supply of the cooperative has this CUPS: its hours are kept until one has.",
            dialect=record.format,
            around={quarantine.SUPPLY: cups},
        )
        for cups in codes
    ]


def list_imports(database: Database, size: int, before: str) -> list[Summary]:
    """Imports, the newest first, each with its first refused rows."""
    with database.read() as connection:
        records = imports.page(connection, size, before)
        return [Summary(record, quarantine.refused_of(connection, record.id)) for record in records]


def _clean(file_name: str) -> str:
    """The last part of a path, printable and short enough to be kept."""
    name = file_name.replace("\\", "/").rpartition("/")[2].strip()
    name = "".join(sign for sign in name if sign.isprintable())[:255]
    if not name:
        raise Invalid(f"The file name {file_name[:80]!r} is empty: say which file this is.", field="file_name")
    return name
