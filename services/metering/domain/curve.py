"""Day curves: the hours of one service (one measuring point) on one local day, many days at a time, and how they are packed.

A packed day is what one database row holds. Its first byte names its layout: 0x20 to 0x7F packed_bits.py, in which every
row is written, and 23 to 25 packed_bytes.py, in which the first installations wrote. A household's day with reactive
energy takes about 66 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain import packed_bits, packed_bytes
from services.metering.domain.hours import HOURS_MAX
from services.metering.domain.packed_bits import pack_bits, unpack_bits
from services.metering.domain.packed_bytes import unpack_bytes
from services.metering.domain.readings import CHANNELS, MISSING


@dataclass
class DayCurves:
    """``length`` (n,): hours of each day. ``values`` (n, 25, 6): Wh by slot and channel, zero where missing.

    ``quality`` (n, 25): MISSING, REAL, an estimation method 2-6, or DOUBTFUL. Slots past the day's length are MISSING.
    """

    length: NDArray[np.int8]
    values: NDArray[np.int64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.length)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> DayCurves:
        """The selected days."""
        return DayCurves(self.length[rows], self.values[rows], self.quality[rows])


def blank_days(length: NDArray[np.int8]) -> DayCurves:
    """Days of the given lengths with every hour missing."""
    count = len(length)
    return DayCurves(
        np.asarray(length, np.int8),
        np.zeros((count, HOURS_MAX, len(CHANNELS)), np.int64),
        np.full((count, HOURS_MAX), MISSING, np.uint8),
    )


def pack(days: DayCurves) -> list[bytes]:
    """Each day as the bytes of its row. Values must be 0 to 2^32 - 1."""
    return pack_bits(days.length, days.values, days.quality)


def unpack(blobs: Sequence[bytes]) -> DayCurves:
    """The days of packed rows, in the same order, of whatever layout. ValueError for bytes that are no packed day."""
    days = blank_days(np.zeros(len(blobs), np.int8))
    layout = np.fromiter((blob[0] if blob else 0 for blob in blobs), np.uint8, len(blobs))
    newer = (layout >= packed_bits.FIRST_BYTES.start) & (layout < packed_bits.FIRST_BYTES.stop)
    if newer.all():
        unpack_bits(blobs, days.length, days.values, days.quality)
        return days
    unknown = np.flatnonzero(~newer & ~np.isin(layout, packed_bytes.FIRST_BYTES))
    if len(unknown):
        blob = blobs[int(unknown[0])]
        raise ValueError(f"A stored day curve begins {blob[:8].hex()!r}, which no layout does: the row is damaged.")
    for rows, read in ((np.flatnonzero(newer), unpack_bits), (np.flatnonzero(~newer), unpack_bytes)):
        part = blank_days(np.zeros(len(rows), np.int8))
        read([blobs[row] for row in rows.tolist()], part.length, part.values, part.quality)
        days.length[rows], days.values[rows], days.quality[rows] = part.length, part.values, part.quality
    return days
