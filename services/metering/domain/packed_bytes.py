"""The first layout of packed days, whole bytes an hour. Rows in it stay as they are until they change; none is written.

Little endian::

    byte 0      hours of the day: 23, 24 or 25
    byte 1      quality code of every hour when all are equal, else 255
    bytes 2-3   width of each channel, two bits each from the lowest: 0 = all zero, 1, 2 or 3 = 1, 2 or 4 bytes an hour
    then        quality codes (one byte an hour) when byte 1 is 255
    then        each channel that is not all zero, hour by hour
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.readings import CHANNELS

FIRST_BYTES = (23, 24, 25)
_HEADER = 4
_MIXED = 255
_TYPES = (None, np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"))
_CHANNEL_BITS = 2 * np.arange(len(CHANNELS))

Ints = NDArray[np.int64]


def unpack_bytes(blobs: Sequence[bytes], length: NDArray[np.int8], values: Ints, quality: NDArray[np.uint8]) -> None:
    """Fill in blank days from rows of this layout. ValueError for bytes that are no such row."""
    alike: dict[bytes, list[int]] = {}
    for index, blob in enumerate(blobs):
        if len(blob) < _HEADER:
            raise ValueError(f"A stored day curve is only {len(blob)} bytes long: the row is damaged.")
        alike.setdefault(bytes(blob[:_HEADER]), []).append(index)
    for header, indexes in alike.items():
        _unpack_alike(header, [blobs[i] for i in indexes], np.array(indexes), length, values, quality)


def _unpack_alike(
    header: bytes,
    blobs: list[bytes],
    rows: Ints,
    length: NDArray[np.int8],
    values: Ints,
    quality: NDArray[np.uint8],
) -> None:
    hours, every = header[0], header[1]
    widths = [(int.from_bytes(header[2:4], "little") >> bit) & 3 for bit in _CHANNEL_BITS.tolist()]
    size = _HEADER + (hours if every == _MIXED else 0) + hours * sum((0, 1, 2, 4)[width] for width in widths)
    if any(len(blob) != size for blob in blobs):
        raise ValueError(f"A stored day curve with header {header.hex()} is not {size} bytes long: the row is damaged.")
    table = np.frombuffer(b"".join(blobs), np.uint8).reshape(len(blobs), size)
    length[rows] = hours
    at = _HEADER
    if every == _MIXED:
        quality[rows, :hours] = table[:, at : at + hours]
        at += hours
    else:
        quality[rows, :hours] = every
    for channel, width in enumerate(widths):
        kind = _TYPES[width]
        if kind is not None:
            end = at + hours * kind.itemsize
            values[rows, :hours, channel] = np.ascontiguousarray(table[:, at:end]).view(kind)
            at = end
