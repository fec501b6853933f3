"""What every curve file becomes, whatever its dialect: one time model, one unit, one quality code for each hour.

* Time: the UTC hour at which the measured hour **starts**, as whole hours since 1970-01-01T00:00Z (domain/hours.py).
* Energy: whole Wh (varh for reactive energy), columns in the order of ``readings.CHANNELS``.
* Quality: ``readings.REAL`` (method 1), the number of an estimation method 2-6, ``readings.DOUBTFUL``, or ESTIMATED.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.readings import EXPORT, IMPORT, REAL, RefusedRow
from services.metering.domain.registers import RegisterRow

ESTIMATED = 7
"""Estimated, and the file does not say by which method (consumer downloads say only E)."""

MAX_QUARANTINED = 10_000
"""Quarantined rows kept one by one; a file with more of them is told by their number, so that memory stays bounded."""

MAX_VALUE = 120
"""Characters kept of the text of a quarantined row."""


@dataclass
class SupplyCurve:
    """The hours of one supply (or of one meter, where the file names no supply), ascending, each hour once.

    ``supply`` is the CUPS as the file writes it, without blanks and in capitals; empty in PRIME reports, which know
    meters only. ``meter`` is the meter's serial there, and empty elsewhere. ``values`` is (n, 6) Wh; ``line`` is where
    the hour stands in the file. ``invoices`` is None when the dialect carries no invoice numbers; else the distinct
    numbers, and ``invoice`` the index of each hour's number (-1: that row has none). ``quarters`` is (n, 4) import Wh of the
    quarters of hours that came by quarters, NO_QUARTERS in the rows of the others; None where no hour did.
    """

    supply: str
    meter: str
    start_hours: NDArray[np.int64]
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]
    line: NDArray[np.int64]
    invoices: list[str] | None = None
    invoice: NDArray[np.int32] | None = None
    quarters: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.start_hours)

    @property
    def name(self) -> str:
        """What the file calls the point: the supply, else the meter."""
        return self.supply or self.meter

    @property
    def import_wh(self) -> NDArray[np.int64]:
        """Wh taken from the grid in each hour."""
        return self.values[:, IMPORT]

    @property
    def export_wh(self) -> NDArray[np.int64]:
        """Wh given to the grid in each hour."""
        return self.values[:, EXPORT]

    @property
    def real(self) -> NDArray[np.bool_]:
        """Whether each hour counts as R (real); the others are E: estimated or doubtful."""
        return self.quality == REAL

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> SupplyCurve:
        """The selected hours."""
        return SupplyCurve(
            self.supply,
            self.meter,
            self.start_hours[rows],
            self.values[rows],
            self.quality[rows],
            self.line[rows],
            self.invoices,
            None if self.invoice is None else self.invoice[rows],
            None if self.quarters is None else self.quarters[rows],
        )

    def by_invoice(self) -> Iterator[tuple[str | None, SupplyCurve]]:
        """The hours of each invoice number, in order of appearance; hours without one come last, under None."""
        if self.invoices is None or self.invoice is None:
            yield None, self
            return
        for index, number in enumerate(self.invoices):
            yield number, self.take(self.invoice == index)
        without = self.invoice < 0
        if without.any():
            yield None, self.take(without)


@dataclass
class CurveFile:
    """Everything a file says. ``format`` names the dialects found (joined by " + " in an archive), empty if none.

    ``problem`` is empty, or the sentence that says why nothing, or only a part, of the file could be read. A file with a
    problem still gives every row read before it. ``closes`` are the register readings, in the file's order.
    ``quarantined_count`` counts also the rows beyond MAX_QUARANTINED.
    """

    name: str
    format: str = ""
    supplies: list[SupplyCurve] = field(default_factory=list)
    closes: list[RegisterRow] = field(default_factory=list)
    quarantined: list[RefusedRow] = field(default_factory=list)
    quarantined_count: int = 0
    problem: str = ""
