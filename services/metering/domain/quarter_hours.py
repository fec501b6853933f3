"""The quarters of an hour: what each of the four took, of hours that came by quarters, and how a day of them is packed.

They are kept beside the hours and never count against them: ``agreeing`` says of which hours they are known. A packed day is
what one database row holds, little endian::

    bytes 0-3   bit 0 to 24: which hours of the day have quarters; the two highest bits: bytes of a quarter, 1 to 4, less one
    then        of each such hour its four quarters, Wh

The bytes are as few as the largest quarter needs. The same day has one form only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.curve import DayCurves
from services.metering.domain.hours import HOURS_MAX, QUARTERS
from services.metering.domain.readings import IMPORT, MISSING, NO_QUARTERS

_HEADER = 4
_WIDTH_BIT = 30
_WIDEST = 4
_HOUR_BITS = np.uint32(1) << np.arange(HOURS_MAX, dtype=np.uint32)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass
class DayQuarters:
    """Days of points or meters: ``owner`` (n,), ``day`` (n,) and ``wh`` (n, 25, 4), by owner and day.

    ``wh``: import of each quarter of each slot; NO_QUARTERS in all four of an hour that did not come by quarters.
    """

    owner: Ints
    day: Ints
    wh: Ints


@dataclass
class QuarterRows(DayQuarters):
    """As they are stored: ``revision`` (n,) is that of the day's last version."""

    revision: Ints


def blank_quarters(days: int) -> Ints:
    """Days (n, 25, 4) without any quarter."""
    return np.full((days, HOURS_MAX, QUARTERS), NO_QUARTERS, np.int64)


def told(wh: Ints) -> Bools:
    """Which hours (..., 4) came by quarters."""
    return np.asarray(wh[..., 0] != NO_QUARTERS)


def agreeing(wh: Ints, curves: DayCurves) -> Bools:
    """Of which hours (n, 25) the quarters are known: those whose quarters sum to the hour as it is known.

    An hour that was corrected by a file of hours, estimated otherwise or taken back says nothing of its quarters any more.
    """
    known = told(wh) & (curves.quality != MISSING)
    return np.asarray(known & (wh.sum(axis=2) == curves.values[:, :, IMPORT]))


def only_agreeing(wh: Ints, curves: DayCurves) -> Ints:
    """The quarters (n, 25, 4) of those hours alone."""
    return np.where(agreeing(wh, curves)[:, :, None], wh, NO_QUARTERS)


def lay(current: Ints, incoming: Ints) -> tuple[Ints, Bools]:
    """The same days (n, 25, 4) with the incoming quarters over the current ones, and which hours (n, 25) that changed."""
    changed = told(incoming) & (incoming != current).any(axis=2)
    return np.where(changed[:, :, None], incoming, current), changed


def pack_quarters(wh: Ints) -> list[bytes]:
    """Each day (n, 25, 4) as the bytes of its row. Quarters must be 0 to 2^32 - 1."""
    there = told(wh)
    headers = (there * _HOUR_BITS).sum(axis=1).astype(np.int64)
    widths = np.maximum((np.frompyfunc(int.bit_length, 1, 1)(wh.max(axis=(1, 2))).astype(np.int64) + 7) // 8, 1)
    if len(wh) and widths.max() > _WIDEST:
        raise ValueError(f"A quarter of an hour of {int(wh.max()):,} Wh: a row holds less than {1 << 32:,} Wh.")
    rows = []
    for day, hours, header, width in zip(wh, there, headers.tolist(), widths.tolist(), strict=True):
        octets = day[hours].astype("<u4").view(np.uint8).reshape(-1, _WIDEST)[:, :width]
        rows.append((header | width - 1 << _WIDTH_BIT).to_bytes(_HEADER, "little") + octets.tobytes())
    return rows


def unpack_quarters(blobs: Sequence[bytes]) -> Ints:
    """The days (n, 25, 4) of packed rows, in the same order. ValueError for bytes that are no packed day."""
    found = blank_quarters(len(blobs))
    for day, blob in zip(found, blobs, strict=True):
        header = int.from_bytes(blob[:_HEADER], "little")
        hours = (header & _HOUR_BITS) != 0
        width = (header >> _WIDTH_BIT) + 1
        size = _HEADER + int(hours.sum()) * QUARTERS * width
        if len(blob) != size or header >> HOURS_MAX & 0x1F:
            raise ValueError(f"Stored quarters that begin {blob[:8].hex()} ({len(blob)} bytes): the row is damaged.")
        octets = np.zeros((int(hours.sum()) * QUARTERS, _WIDEST), np.uint8)
        octets[:, :width] = np.frombuffer(blob, np.uint8, offset=_HEADER).reshape(-1, width)
        day[hours] = octets.view("<u4").reshape(-1, QUARTERS)
    return found
