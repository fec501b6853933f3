"""How readings become day curves, and how a later file changes what is known.

A value never overwrites: a day that gains or changes an hour becomes a new version of that day, and the version before
stays as it was (repository.py keeps it). The same value again changes nothing. Of two different values for an hour the one
received later stands (P.O. 10.5: the latest valid reading wins).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.hours import LocalDays
from services.metering.domain.quarter_hours import DayQuarters, blank_quarters, told
from services.metering.domain.readings import MISSING

_DAY_BITS, _SLOT_BITS = 20, 5


@dataclass
class Layer:
    """Day curves holding only the hours just read: ``owner`` (n,) and ``day`` (n,) name each row of ``curves``.

    ``quarters``: of the days with hours that came by quarters; None where none did.
    """

    owner: NDArray[np.int64]
    day: NDArray[np.int64]
    curves: DayCurves
    quarters: DayQuarters | None = None

    def at(self, owner: int) -> Layer:
        """The same of another owner."""
        parts = self.quarters
        if parts is not None:
            parts = DayQuarters(np.full_like(parts.owner, owner), parts.day, parts.wh)
        return Layer(np.full_like(self.owner, owner), self.day, self.curves, parts)


@dataclass
class Merged:
    """``curves`` after the merge, which days ``changed``, and how many hours were new, identical or superseded."""

    curves: DayCurves
    changed: NDArray[np.bool_]
    new: NDArray[np.int64]
    duplicates: NDArray[np.int64]
    superseded: NDArray[np.int64]


def empty_layer() -> Layer:
    """A layer without any hour."""
    none = np.zeros(0, np.int64)
    return Layer(none, none, blank_days(none.astype(np.int8)))


def layers(
    days: LocalDays,
    owner: NDArray[np.int64],
    hour: NDArray[np.int64],
    values: NDArray[np.int64],
    quality: NDArray[np.uint8],
    quarters: NDArray[np.int64] | None = None,
) -> tuple[list[Layer], int]:
    """Readings in the order received as layers of day curves, and how many only repeat the one before.

    Usually one layer. When the readings hold different values for the same owner and hour, each further value goes to
    the next layer, so that applying the layers in order keeps every version.
    """
    day, slot = days.day_and_slot(hour)
    cell = ((owner << _DAY_BITS | day) << _SLOT_BITS) | slot
    order = np.argsort(cell, kind="stable")
    cell, values, quality = cell[order], values[order], quality[order]
    quarters = None if quarters is None else quarters[order]
    again = np.zeros(len(cell), bool)
    again[1:] = cell[1:] == cell[:-1]
    repeats = again.copy()
    repeats[1:] &= (values[1:] == values[:-1]).all(axis=1) & (quality[1:] == quality[:-1])
    if quarters is not None:
        repeats[1:] &= (quarters[1:] == quarters[:-1]).all(axis=1)
    keep = ~repeats
    rank = _ranks(again[keep])
    parts = None if quarters is None else quarters[keep]
    found = list(_by_rank(days, cell[keep], values[keep], quality[keep], parts, rank))
    return found, int(repeats.sum())


def merge(current: DayCurves, incoming: DayCurves) -> Merged:
    """The same days with the incoming hours laid over the current ones."""
    arrives, known = incoming.quality != MISSING, current.quality != MISSING
    equal = (incoming.values == current.values).all(axis=2) & (incoming.quality == current.quality)
    new, duplicate, superseded = arrives & ~known, arrives & known & equal, arrives & known & ~equal
    curves = DayCurves(
        incoming.length,
        np.where(arrives[:, :, None], incoming.values, current.values),
        np.where(arrives, incoming.quality, current.quality),
    )
    return Merged(
        curves,
        (new | superseded).any(axis=1),
        new.sum(axis=1),
        duplicate.sum(axis=1),
        superseded.sum(axis=1),
    )


def _ranks(again: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Position of each row within its run: 0 where a run begins (``again`` is false), then 1, 2, ..."""
    index = np.arange(len(again))
    begin = np.where(again, 0, index)
    return index - np.maximum.accumulate(begin) if len(again) else index


def _by_rank(
    days: LocalDays,
    cell: NDArray[np.int64],
    values: NDArray[np.int64],
    quality: NDArray[np.uint8],
    quarters: NDArray[np.int64] | None,
    rank: NDArray[np.int64],
) -> Iterator[Layer]:
    for level in range(int(rank.max()) + 1 if len(rank) else 0):
        rows = rank == level
        key = cell[rows] >> _SLOT_BITS
        slot = cell[rows] & ((1 << _SLOT_BITS) - 1)
        keys, of_row = np.unique(key, return_inverse=True)
        day = keys & ((1 << _DAY_BITS) - 1)
        curves = blank_days(days.lengths(day))
        curves.values[of_row, slot] = values[rows]
        curves.quality[of_row, slot] = quality[rows]
        layer = Layer(keys >> _DAY_BITS, day, curves)
        if quarters is not None:
            wh = blank_quarters(len(keys))
            wh[of_row, slot] = quarters[rows]
            some = told(wh).any(axis=1)
            if some.any():
                layer.quarters = DayQuarters(layer.owner[some], day[some], wh[some])
        yield layer
