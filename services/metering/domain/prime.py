"""PRIME concentrator reports, S02: the hourly incremental curve of every meter under a concentrator (Cnc).

    <Report IdRpt="S02" ...><Cnc Id="..."><Cnt Id="METER" Magn="1"><S02 Fh="20261025020000000S" Bc="00" AI="117" AE="0" .../>

* ``Fh``: local time at which the hour ENDS, ``YYYYMMDDhhmmss`` and milliseconds, then S (summer) or W (winter time). The
  letter decides the instant, so the repeated hour of October is two different hours. W is believed as written, because
  a meter that never changes its clock says W all year and means it; S outside summer time is a damaged row.
* ``Magn``: 1 = values in Wh, 1000 = kWh. Values may have decimals; they become whole Wh, half up.
* ``Bc``: quality bits. Bit 7 = invalid, refused. Bits 1, 2, 3, 5, 6 = doubtful. Others = valid (P.O. 10.5).
* A ``Cnt`` with ``ErrCode`` could not be read by its concentrator.

Rows are gathered as text and converted a batch at a time, as columns (rows.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.sax.saxutils import quoteattr

from services.metering.domain.hours import hour_number, local_days, standard_offset, summer_hours
from services.metering.domain.readings import MeterError, ReadingBatch, RefusedRow
from services.metering.domain.rows import RawRows, RowRules, convert
from services.metering.domain.xmlfeed import MAX_DEPTH, FileRefused, XmlFeed, lost

BATCH_ROWS = 1 << 15
_BATCH_BYTES = 16 << 20
"""A batch of ordinary rows has 3 MB of text; rows bloated beyond this are converted, whatever meter they belong to."""


class S02Reader:
    """Reads one S02 report from pieces of bytes and hands out batches of readings.

    A batch ends where a meter ends, unless one meter alone is larger than two batches. ``problem`` is empty, or the
    sentence that says why only a part (or nothing) of the file could be read.
    """

    def __init__(self, zone_name: str, received_at: datetime, batch_rows: int = BATCH_ROWS) -> None:
        days = local_days(zone_name)
        now = hour_number(received_at.replace(minute=0, second=0, microsecond=0))
        # A meter's clock may run ahead a little; an hour of the day after tomorrow has not been measured.
        self._rules = RowRules(
            standard_offset(zone_name, received_at),
            days.first_hour,
            min(days.end_hour, now + 24),
            summer_hours(zone_name),
        )
        self._batch_rows = batch_rows
        self._xml = XmlFeed(self._start, self._end, ("S02", "Cnt", "Cnc"), self._context, self._damaged, self._where)
        self._raw = RawRows()
        self._errors: list[MeterError] = []
        self._refused: list[RefusedRow] = []
        self._meter: str | None = None
        self._root_seen = False
        self._depth = 0
        self._bytes_held = 0

    @property
    def problem(self) -> str:
        """Empty, or why the file could not be read to its end."""
        return self._xml.problem

    def feed(self, data: bytes) -> list[ReadingBatch]:
        """Take some bytes; the batches that are complete."""
        self._xml.feed(data)
        self._bytes_held += len(data)
        full = self._bytes_held >= _BATCH_BYTES
        if full or len(self._raw) >= self._batch_rows:
            return self._flush(only_whole_meters=not full and len(self._raw) < 2 * self._batch_rows)
        return []

    @property
    def line(self) -> int:
        """The line being read, from 1."""
        return self._xml.line

    def gap(self, reason: str) -> None:
        """Some bytes are lost here, perhaps with the beginning of another meter: whose the next rows are is not known."""
        self._xml.gap(reason)
        self._meter = None

    def close(self) -> list[ReadingBatch]:
        """The file has ended; the last batch, if there is anything left to say."""
        self._xml.close()
        return self._flush(only_whole_meters=False)

    def _start(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        if name == "S02":
            if self._meter is None:
                self._refuse(str(attributes), "The reading stands outside any meter (Cnt): whose it is cannot be told.")
            else:
                self._raw.add(attributes, self._xml.parser.CurrentLineNumber)
            return
        if not self._root_seen:
            self._check_root(name, _mapping(attributes))
        elif name == "Cnt":
            self._open_meter(_mapping(attributes))
        elif name == "Cnc":
            self._meter = None
        if self._depth > MAX_DEPTH:
            raise FileRefused(f"Elements are nested more than {MAX_DEPTH} deep at line {self._xml.line}.")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "Cnt":
            self._meter = None

    def _check_root(self, name: str, attributes: dict[str, str]) -> None:
        kind = attributes.get("IdRpt", "")
        if name != "Report":
            raise FileRefused(
                f"The file is XML but not a PRIME report: its first element is <{name[:40]}>, not <Report>."
            )
        if kind != "S02":
            raise FileRefused(
                f"The file is a PRIME report {kind[:40]!r}: hours come from S02, closes of registers from S04 and S05."
            )
        self._root_seen = True

    def _open_meter(self, attributes: dict[str, str]) -> None:
        serial = attributes.get("Id", "").strip()[:64]
        if "ErrCode" in attributes:
            code, category = attributes["ErrCode"][:20], attributes.get("ErrCat", "")[:20]
            self._errors.append(MeterError(serial, code, category, self._xml.line))
        self._meter = serial
        self._raw.open_meter(serial, attributes.get("Magn", ""))

    def _context(self) -> bytes | None:
        """Opening tags of what is open, for resuming after damage."""
        if not self._root_seen:
            return None
        if self._meter is None:
            return b"<Report><Cnc>"
        return f"<Report><Cnc><Cnt Id={quoteattr(self._meter)}>".encode("ascii", "xmlcharrefreplace")

    def _where(self) -> str:
        return "the report" if self._meter is None else f"meter {self._meter}"

    def _damaged(self, line: int, value: str, reason: str) -> None:
        self._depth = 3
        self._refused.append(RefusedRow(line, self._meter or "", value[:120], self._what_was_lost(reason)))

    def _what_was_lost(self, reason: str) -> str:
        if self._meter is None:
            return lost(reason, "perhaps the beginning of a meter and its readings", "", "the whole report again")
        what = f"readings of meter {self._meter}"
        return lost(reason, what, self._raw.last_stamp(), "the hours of this meter that are missing now")

    def _refuse(self, value: str, reason: str) -> None:
        self._refused.append(RefusedRow(self._xml.line, self._meter or "", value[:120], reason))

    def _flush(self, only_whole_meters: bool) -> list[ReadingBatch]:
        rows = self._raw.take_whole_meters() if only_whole_meters else self._raw.take_all()
        self._bytes_held = 0
        batch = convert(rows, self._rules)
        batch.refused = sorted(self._refused + batch.refused, key=lambda row: row.line)
        batch.errors, self._errors, self._refused = self._errors, [], []
        return [batch] if len(batch) or batch.refused or batch.errors else []


def read_s02(reader: S02Reader, chunks: Iterable[bytes]) -> Iterator[ReadingBatch]:
    """All batches of a file given as pieces."""
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


def _mapping(attributes: list[str]) -> dict[str, str]:
    return dict(zip(attributes[0::2], attributes[1::2], strict=True))
