"""Readings as a meter file gives them, after the border: UTC hour starts, integer Wh, one quality code each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import QUARTERS
from services.metering.domain.registers import RegisterRow

CHANNELS = ("import", "export", "r1", "r2", "r3", "r4")
"""Columns of every value matrix: active import and export (Wh), reactive by quadrant (varh)."""

IMPORT, EXPORT = 0, 1

MISSING = 0
REAL = 1
"""Firm measured value: obtaining method 1 of P.O. 10.5. Methods 2 to 6 are estimates and keep their number."""
DOUBTFUL = 9
"""Measured, but the meter raised a doubt (PRIME ``Bc`` bits 1, 2, 3, 5, 6): shown as estimated until somebody confirms."""

NO_QUARTERS = -1
"""In place of each of the four quarters of an hour that did not come by quarters."""

ABSURD_WH = 55_000
"""More than this in one hour is not a reading of a type 5 meter (P.O. 10.5 validation)."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not taken: where it stands (line, and member of an archive), what it said, and why, as a sentence.

    ``meter`` is a serial, or the CUPS in files that name supplies. ``raw`` is the whole row as ``dialect`` writes it, and
    ``around`` what it is read with (heading, meter, magnitude); an empty ``raw`` cannot be read again by itself.
    """

    line: int
    meter: str
    value: str
    reason: str
    member: str = ""
    dialect: str = ""
    raw: str = ""
    around: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class MeterError:
    """A meter that the concentrator could not read: it reports an error code in place of readings."""

    meter: str
    code: str
    category: str
    line: int


@dataclass
class ReadingBatch:
    """Some consecutive readings of one file, as columns, and what else stands between them.

    ``meter`` indexes ``meters``; ``hour`` is the hour's start (hours since the epoch, UTC); ``values`` is (n, 6) in the
    order of CHANNELS; ``quality`` is REAL, DOUBTFUL or the number of an estimation method; ``line`` is the line of the
    file. Rows keep the file's order. ``by_supply``: ``meters`` are not serials but CUPS. ``closes``: register readings;
    ``texts`` says, by their place in that list, how those that name a supply would be quarantined (without the reason).
    ``quarters`` (n, 4): import Wh of the quarters of hours that came by quarters, NO_QUARTERS in the rows of the others; None
    where no hour did.
    """

    meters: list[str]
    meter: NDArray[np.int64]
    hour: NDArray[np.int64]
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]
    line: NDArray[np.int64]
    refused: list[RefusedRow] = field(default_factory=list)
    errors: list[MeterError] = field(default_factory=list)
    closes: list[RegisterRow] = field(default_factory=list)
    texts: dict[int, RefusedRow] = field(default_factory=dict)
    by_supply: bool = False
    quarters: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.hour)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> ReadingBatch:
        """The selected hours alone."""
        return ReadingBatch(
            self.meters,
            self.meter[rows],
            self.hour[rows],
            self.values[rows],
            self.quality[rows],
            self.line[rows],
            by_supply=self.by_supply,
            quarters=None if self.quarters is None else self.quarters[rows],
        )


def empty_batch() -> ReadingBatch:
    """A batch without readings."""
    none = np.zeros(0, np.int64)
    return ReadingBatch([], none, none, np.zeros((0, len(CHANNELS)), np.int64), np.zeros(0, np.uint8), none)


def joined(batches: Sequence[ReadingBatch], *, by_supply: bool) -> ReadingBatch:
    """Batches one after the other as one; all of them name supplies, or all of them meters."""
    found = empty_batch()
    found.by_supply = by_supply
    if not batches:
        return found
    shifts = np.cumsum([0, *(len(batch.meters) for batch in batches)])
    found.meters = [name for batch in batches for name in batch.meters]
    found.meter = np.concatenate([batch.meter + shift for batch, shift in zip(batches, shifts, strict=False)])
    found.hour = np.concatenate([batch.hour for batch in batches])
    found.values = np.concatenate([batch.values for batch in batches])
    found.quality = np.concatenate([batch.quality for batch in batches])
    found.line = np.concatenate([batch.line for batch in batches])
    if any(batch.quarters is not None for batch in batches):
        found.quarters = np.concatenate([_quarters_of(batch) for batch in batches])
    for batch in batches:
        found.texts |= {len(found.closes) + place: told for place, told in batch.texts.items()}
        found.closes += batch.closes
        found.refused += batch.refused
        found.errors += batch.errors
    return found


def _quarters_of(batch: ReadingBatch) -> NDArray[np.int64]:
    return no_quarters(len(batch)) if batch.quarters is None else batch.quarters


def no_quarters(hours: int) -> NDArray[np.int64]:
    """The quarters (n, 4) of hours that did not come by quarters."""
    return np.full((hours, QUARTERS), NO_QUARTERS, np.int64)


def is_estimated(quality: int) -> bool:
    """Whether a present value is shown as E: every method but 1, and doubtful measurements."""
    return quality not in (MISSING, REAL)
