"""Day curves: the hours of one service (one measuring point) on one local day, many days at a time, and how they are packed.

A packed day is what one database row holds. Layout, little endian::

    byte 0      hours of the day: 23, 24 or 25
    byte 1      quality code of every hour when all are equal, else 255
    bytes 2-3   width of each channel, two bits each from the lowest: 0 = all zero, 1, 2 or 3 = 1, 2 or 4 bytes an hour
    then        quality codes (one byte an hour) when byte 1 is 255
    then        each channel that is not all zero, hour by hour

A household's day takes 52 bytes with import alone and about 100 with reactive energy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import HOURS_MAX
from services.metering.domain.readings import CHANNELS, MISSING

_HEADER = 4
_MIXED = 255
_TYPES = (None, np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"))
_CHANNEL_BITS = 2 * np.arange(len(CHANNELS))


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
    largest = days.values.max(axis=1, initial=0)
    widths = (largest > 0).astype(np.int64) + (largest > 0xFF) + (largest > 0xFFFF)
    layout = (widths << _CHANNEL_BITS).sum(axis=1)
    inside = np.arange(HOURS_MAX) < days.length[:, None]
    first = days.quality[:, 0]
    uniform = ((days.quality == first[:, None]) | ~inside).all(axis=1)
    quality = np.where(uniform, first, _MIXED).astype(np.int64)
    shape = layout | (quality << 16) | (days.length.astype(np.int64) << 24)

    packed: list[bytes] = [b""] * len(days)
    for one in np.unique(shape):
        rows = np.flatnonzero(shape == one)
        row = rows[0]
        blob = _pack_alike(days.take(rows), int(days.length[row]), int(quality[row]), int(layout[row]), widths[row])
        size = len(blob) // len(rows)
        for position, index in enumerate(rows.tolist()):
            packed[index] = blob[position * size : (position + 1) * size]
    return packed


def unpack(blobs: Sequence[bytes]) -> DayCurves:
    """The days of packed rows, in the same order. ValueError for bytes that are no packed day."""
    days = blank_days(np.zeros(len(blobs), np.int8))
    alike: dict[bytes, list[int]] = {}
    for index, blob in enumerate(blobs):
        if len(blob) < _HEADER:
            raise ValueError(f"A stored day curve is only {len(blob)} bytes long: the row is damaged.")
        alike.setdefault(bytes(blob[:_HEADER]), []).append(index)
    for header, indexes in alike.items():
        _unpack_alike(days, header, [blobs[i] for i in indexes], np.array(indexes))
    return days


def _pack_alike(days: DayCurves, hours: int, quality: int, layout: int, widths: NDArray[np.int64]) -> bytes:
    count = len(days)
    header = np.array([hours, quality, layout & 0xFF, layout >> 8], np.uint8)
    parts = [np.broadcast_to(header, (count, _HEADER))]
    if quality == _MIXED:
        parts.append(days.quality[:, :hours])
    for channel, width in enumerate(widths.tolist()):
        kind = _TYPES[width]
        if kind is not None:
            column = np.ascontiguousarray(days.values[:, :hours, channel].astype(kind))
            parts.append(column.view(np.uint8).reshape(count, -1))
    return np.concatenate(parts, axis=1).tobytes()


def _unpack_alike(days: DayCurves, header: bytes, blobs: list[bytes], rows: NDArray[np.int64]) -> None:
    hours, quality = header[0], header[1]
    widths = [(int.from_bytes(header[2:4], "little") >> bit) & 3 for bit in _CHANNEL_BITS.tolist()]
    size = _HEADER + (hours if quality == _MIXED else 0) + hours * sum((0, 1, 2, 4)[width] for width in widths)
    if hours not in (23, 24, 25) or any(len(blob) != size for blob in blobs):
        raise ValueError(f"A stored day curve with header {header.hex()} is not {size} bytes long: the row is damaged.")
    table = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), size)
    days.length[rows] = hours
    at = _HEADER
    if quality == _MIXED:
        days.quality[rows, :hours] = table[:, at : at + hours]
        at += hours
    else:
        days.quality[rows, :hours] = quality
    for channel, width in enumerate(widths):
        kind = _TYPES[width]
        if kind is not None:
            end = at + hours * kind.itemsize
            days.values[rows, :hours, channel] = np.ascontiguousarray(table[:, at:end]).view(kind)
            at = end
