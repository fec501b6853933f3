"""Rows that were quarantined, read again: each with what was kept with it, all of them into one sink.

A row of a file of quarters is one of four: those of one hour that come together make it whole again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from services.metering.domain.formats.dialect import INTERVAL, QUARTER, Context
from services.metering.domain.formats.reading import read_alone
from services.metering.domain.formats.sink import NO_INVOICE
from services.metering.domain.formats.streaming import StreamingSink
from services.metering.domain.readings import ReadingBatch, RefusedRow
from services.metering.domain.registers import RegisterRow


@dataclass
class Reread:
    """``batches`` of what could be read, with row numbers for lines; ``reasons`` why the other rows were refused again."""

    batches: list[ReadingBatch]
    reasons: dict[int, str] = field(default_factory=dict)


def read_again(rows: Iterable[tuple[int, RefusedRow]], context: Context) -> Reread:
    """Read rows by their numbers, as they would be read in their files today. Their ``raw`` must not be empty."""
    sink, unread = _NumberedSink(), {}
    for number, row in rows:
        sink.number = number
        before = sink.seen
        if INTERVAL in row.around:
            sink.tell(row.meter, quartered=row.around[INTERVAL] == QUARTER)
        problem = read_alone(row.dialect, row.raw, row.around, sink, context)
        if problem or sink.seen == before:
            unread[number] = problem or row.reason
    found = Reread(sink.take(end=True))
    for batch in found.batches:
        for refused in batch.refused:
            found.reasons.setdefault(refused.line, refused.reason)
    found.reasons = unread | found.reasons
    return found


class _NumberedSink(StreamingSink):
    """Takes every row as if it stood on the line of its number."""

    def __init__(self) -> None:
        super().__init__(1)
        self.number = 0

    def interval(
        self, line: int, owner: int, last_quarter: int, values: Sequence[int], quality: int, invoice: int = NO_INVOICE
    ) -> None:
        super().interval(self.number, owner, last_quarter, values, quality, invoice)

    def batch(self, batch: ReadingBatch) -> None:
        super().batch(replace(batch, line=np.full(len(batch), self.number)))

    def register(self, row: RegisterRow, raw: str = "", around: Mapping[str, str] | None = None) -> None:
        super().register(replace(row, line=self.number), raw, around)

    def quarantine(
        self,
        line: int,
        value: str,
        reason: str,
        raw: str = "",
        around: Mapping[str, str] | None = None,
        point: str = "",
    ) -> None:
        super().quarantine(self.number, value, reason, raw, around, point)
