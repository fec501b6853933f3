"""A file read for the database: batches of hours as they come, memory flat in the size of the file.

Hours that are columns already go through as they are. Rows known by the quarter they end with are held until it is clear
whether their supply has hours or quarters, and quarters until their hour is whole.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.formats.dialect import HOUR, INTERVAL, QUARTER, Context
from services.metering.domain.formats.model import MAX_QUARANTINED, MAX_VALUE
from services.metering.domain.formats.quarters import QUARTERS_SHARE, by_quarters, worst_quality
from services.metering.domain.formats.reading import Outcome, read_into
from services.metering.domain.formats.sink import CUPS_LENGTH, NO_INVOICE, Sink
from services.metering.domain.hours import QUARTERS
from services.metering.domain.readings import (
    CHANNELS,
    IMPORT,
    MeterError,
    ReadingBatch,
    RefusedRow,
    empty_batch,
    no_quarters,
)
from services.metering.domain.registers import RegisterRow

_OWNER, _MEMBER, _LINE, _QUARTER, _TEXT, _QUALITY, _VALUES = range(7)
_FIELDS = _VALUES + len(CHANNELS)
_TELLING = 8
"""Rows of a supply that tell whether it has hours or quarters; two hours of quarters."""
_MAX_APART = 1_000
"""Closes and refused rows handed on without waiting for a batch of hours."""
_MAX_WAITING = 1 << 17
"""Quarters held at most: more of them wait for quarters that will not come."""

_Rows = NDArray[np.int64]


class StreamingSink(Sink):
    """Gives batches of about ``batch_rows`` hours. Rows keep their order; what stands between them comes with them."""

    def __init__(self, batch_rows: int) -> None:
        super().__init__()
        self._batch_rows = batch_rows
        self._names: list[str] = []
        self._places: dict[tuple[str, str], int] = {}
        self._open = array("q")
        self._held: _Rows = np.zeros((0, _FIELDS), np.int64)
        self._quartered: dict[int, bool] = {}
        self._texts: list[tuple[str, Mapping[str, str]]] = []
        """Of the rows that are open or held: what each says, and what it is read with."""
        self._untold: list[RefusedRow] = []
        """Refused rows with a time, until it is clear whether their supply has hours or quarters."""
        self._ready: list[ReadingBatch] = []
        self._apart = empty_batch()

    def owner(self, supply: str, meter: str = "") -> int:
        found = super().owner(supply, meter)
        if found == len(self._names):
            self._names.append(next(reversed(self._owners))[0])
        return found

    def invoice(self, number: str) -> int:
        return NO_INVOICE

    def interval(
        self, line: int, owner: int, last_quarter: int, values: Sequence[int], quality: int, invoice: int = NO_INVOICE
    ) -> None:
        self.seen += 1
        self._open.extend((owner, self._place(), line, last_quarter, len(self._texts), quality, *values))
        self._texts.append((self.text, self.around))

    def batch(self, batch: ReadingBatch) -> None:
        self.seen += len(batch)
        if len(batch):
            self._ready.append(replace(batch, refused=[], errors=[]))

    def register(self, row: RegisterRow, raw: str = "", around: Mapping[str, str] | None = None) -> None:
        self.seen += 1
        self._apart.closes.append(row)
        if row.supply:
            whose = row.meter or row.supply
            told = RefusedRow(row.line, whose, raw[:MAX_VALUE], "", self.member, self.dialect, raw, around or {})
            self._apart.texts[len(self._apart.closes) - 1] = told

    def meter_error(self, error: MeterError) -> None:
        self.seen += 1
        self._apart.errors.append(error)

    def quarantine(
        self,
        line: int,
        value: str,
        reason: str,
        raw: str = "",
        around: Mapping[str, str] | None = None,
        point: str = "",
    ) -> None:
        self.seen += 1
        self._place()
        refused = RefusedRow(line, point[:64], value[:MAX_VALUE], reason, self.member, self.dialect, raw, around or {})
        (self._untold if INTERVAL in refused.around else self._apart.refused).append(refused)

    def tell(self, supply: str, *, quartered: bool) -> None:
        """It is known already what the rows of a supply measure, before they come."""
        self._quartered[self.owner(supply)] = quartered

    def take(self, *, end: bool = False) -> list[ReadingBatch]:
        """The batches that are complete; at the ``end`` of the file everything that is left."""
        if end or len(self._open) >= self._batch_rows * _FIELDS:
            self._settle(end)
            self._tell_refused(end)
        apart = self._apart
        due = self._ready or end or len(apart.refused) + len(apart.closes) >= _MAX_APART
        if due and (apart.refused or apart.closes or apart.errors):
            apart.refused.sort(key=lambda row: (self._places[row.member, row.dialect], row.line))
            self._ready.append(apart)
            self._apart = empty_batch()
        batches, self._ready = self._ready, []
        return batches

    def _place(self) -> int:
        return self._places.setdefault((self.member, self.dialect), len(self._places))

    def _settle(self, end: bool) -> None:
        rows = np.concatenate([self._held, np.frombuffer(self._open, np.int64).reshape(-1, _FIELDS)])
        self._open, self._held = array("q"), rows[:0]
        if not len(rows):
            return
        self._settle_rows(rows, end)
        self._texts = [self._texts[at] for at in self._held[:, _TEXT].tolist()]
        self._held[:, _TEXT] = np.arange(len(self._held))

    def _settle_rows(self, rows: _Rows, end: bool) -> None:
        told = self._tell(rows, end)
        quartered = np.array([self._quartered.get(owner, False) for owner in rows[:, _OWNER].tolist()])
        hours = rows[told & ~quartered]
        astray = hours[:, _QUARTER] % QUARTERS != QUARTERS - 1
        self._refuse(hours[astray], "The stamp is not the end of a whole hour, as the supply's others are.", HOUR)
        hours = hours[~astray]
        hours[:, _QUARTER] //= QUARTERS
        summed, parts, waiting = self._sum(rows[told & quartered], end)
        self._held = np.concatenate([rows[~told], waiting])
        if len(hours) or len(summed):
            batch = self._as_batch(np.concatenate([hours, summed]))
            batch.quarters = np.concatenate([no_quarters(len(hours)), parts]) if len(summed) else None
            self._ready.append(batch)

    def _tell(self, rows: _Rows, end: bool) -> NDArray[np.bool_]:
        """Of each row, whether it is clear by now what its supply has."""
        owner = rows[:, _OWNER]
        count = np.bincount(owner)
        share = by_quarters(owner, rows[:, _QUARTER])
        for index in np.unique(owner, return_index=True)[1].tolist():
            one = int(owner[index])
            if one not in self._quartered and (end or count[one] >= _TELLING):
                self._quartered[one] = bool(share[index])
        return np.array([one in self._quartered for one in owner.tolist()], bool)

    def _sum(self, quarters: _Rows, end: bool) -> tuple[_Rows, NDArray[np.int64], _Rows]:
        """Whole hours, the import (n, 4) of their quarters, and the quarters that wait for others; at the end those are
        refused. Of a quarter that comes twice with different values the later stands.
        """
        if not len(quarters):
            return quarters, no_quarters(0), quarters
        quarters = quarters[np.lexsort((quarters[:, _QUARTER], quarters[:, _OWNER]))]
        same = np.diff(quarters[:, _OWNER]) == 0
        again = np.append(same & (np.diff(quarters[:, _QUARTER]) == 0), False)
        differs = np.append((np.diff(quarters[:, _QUALITY:], axis=0) != 0).any(axis=1), False)
        self._refuse(quarters[again & differs], "The same quarter comes again with other values, which stand.", "")
        quarters = quarters[~again]
        hour = quarters[:, _QUARTER] // QUARTERS
        begins = np.flatnonzero(np.append(True, (np.diff(hour) != 0) | (np.diff(quarters[:, _OWNER]) != 0)))
        count = np.diff(np.append(begins, len(quarters)))
        whole = count == QUARTERS
        hours = quarters[begins]
        hours[:, _QUARTER] = hour[begins]
        hours[:, _QUALITY] = worst_quality(quarters[:, _QUALITY].astype(np.uint8), begins)
        hours[:, _VALUES:] = np.add.reduceat(quarters[:, _VALUES:], begins, axis=0)
        parts = quarters[np.repeat(whole, count), _VALUES + IMPORT].reshape(-1, QUARTERS)
        waiting = quarters[~np.repeat(whole, count)]
        if end or len(waiting) > _MAX_WAITING:
            self._refuse(waiting, "Other quarters of this hour are missing: the hour's energy is not known.", QUARTER)
            waiting = waiting[:0]
        return hours[whole], parts, waiting

    def _refuse(self, rows: _Rows, reason: str, interval: str) -> None:
        """Refuse rows that could be read: as what ``interval`` names they can be read again, without any they cannot."""
        places = list(self._places)
        for row in rows.tolist():
            supply, (member, dialect) = self._names[row[_OWNER]], places[row[_MEMBER]]
            value = f"{supply} import {row[_VALUES]} Wh export {row[_VALUES + 1]} Wh"
            raw, around = self._texts[row[_TEXT]] if interval else ("", {})
            around = {**around, INTERVAL: interval} if interval else {}
            self._apart.refused.append(RefusedRow(row[_LINE], supply, value, reason, member, dialect, raw, around))

    def _tell_refused(self, end: bool) -> None:
        """Hand on the refused rows of which it is clear what they measure: at the end all of them, by what they say."""
        left = []
        said = [(row.meter[:CUPS_LENGTH], row.around[INTERVAL] == QUARTER) for row in self._untold]
        rows, within = Counter(supply for supply, _ in said), Counter(supply for supply, quarter in said if quarter)
        for row, (supply, _) in zip(self._untold, said, strict=True):
            told = self._quartered.get(self._owners.get((supply, ""), -1))
            if told is None and not end:
                left.append(row)
                continue
            if told is None:
                told = within[supply] * QUARTERS_SHARE > rows[supply] or (not supply and any(self._quartered.values()))
            around = {**row.around, INTERVAL: QUARTER if told else HOUR}
            self._apart.refused.append(replace(row, around=around))
        if len(left) > MAX_QUARANTINED:
            # More than an import keeps one by one; what is not kept whole cannot be read as another thing.
            self._apart.refused += [replace(row, raw="") for row in left]
            left = []
        self._untold = left

    def _as_batch(self, hours: _Rows) -> ReadingBatch:
        owners, index = np.unique(hours[:, _OWNER], return_inverse=True)
        return ReadingBatch(
            [self._names[owner] for owner in owners.tolist()],
            index,
            hours[:, _QUARTER].copy(),
            hours[:, _VALUES:].copy(),
            hours[:, _QUALITY].astype(np.uint8),
            hours[:, _LINE].copy(),
            by_supply=True,
        )


class StreamedFile:
    """A file as batches. ``outcome`` says what it was, once they have been read."""

    def __init__(self, stream: BinaryIO, context: Context) -> None:
        self._stream, self._context = stream, context
        self.outcome = Outcome()

    def batches(self) -> Iterator[ReadingBatch]:
        """The batches in the file's order."""
        sink = StreamingSink(self._context.batch_rows)
        for _ in read_into(sink, self._stream, self._context, self.outcome):
            yield from sink.take()
        yield from sink.take(end=True)
