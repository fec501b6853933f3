"""The layout in which day curves are written: what a household's hour says, in about eight bits.

Each channel of a day is split like a Rice code: the ``k`` lowest bits of every hour as they are, and what is above them
as a count of zero bits before a one. Small hours then cost little and the evening's peak does not widen the night. Bits
run from the highest of a byte to the lowest; the layout of one row is::

    byte 0      0x20 and the quality code of every hour; 0x2F when they differ or the code is above 14
    byte 1      channels that are not all zero, one bit each from the lowest (order of readings.CHANNELS);
                in the highest two bits 0, 1 or 2 for a day of 23, 24 or 25 hours
    then        for each of them a byte: k in the lowest five bits, and 0x20 when a base follows
    then        the base of each channel that has one, a byte: added to what is above the k bits
    then        quality codes, a byte an hour, when byte 0 is 0x2F
    then        for each channel k bits an hour, filled up with zeros to a whole byte
    then        for each channel and hour that many zeros and a one; after the last, zeros up to a whole byte

The same day has one form only, so equal curves are equal bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import HOURS_MAX
from services.metering.domain.readings import CHANNELS

FIRST_BYTES = range(0x20, 0x30)
_MIXED = 15
_SHORTEST_DAY = 23
_HEADER = 2
_LOW_MAX = 31
_BASE_FLAG = 0x20
_BASE_MAX_BITS = 8
_SLOTS = np.arange(HOURS_MAX)
_CHANNEL_BITS = np.arange(len(CHANNELS))
_POWERS = 1 << np.arange(33, dtype=np.int64)

Ints = NDArray[np.int64]


def pack_bits(length: NDArray[np.int8], values: Ints, quality: NDArray[np.uint8]) -> list[bytes]:
    """Each day as the bytes of its row; arrays as in DayCurves. Values must be 0 to 2^32 - 1."""
    count = len(length)
    hours = length.astype(np.int64)
    first_quality = quality[:, 0]
    mixed = (first_quality >= _MIXED) | ((quality != first_quality[:, None]) & (hours[:, None] > _SLOTS)).any(axis=1)
    used = np.logical_or.reduce(values != 0, axis=1)
    day, channel = np.nonzero(used)
    inside = hours[day][:, None] > _SLOTS
    streams = values[day, :, channel]
    low, base = _split(streams, inside, hours[day])
    steps = np.where(inside, (streams >> low[:, None]) - base[:, None] + 1, 0)

    based = base > 0
    channels, place = _by_day(used, np.ones_like(day))
    bases, base_place = _by_day(used, based)
    low_sizes = (hours[day] * low + 7) >> 3
    low_bytes, low_place = _by_day(used, low_sizes)
    tail_bytes = (_by_day(used, steps.sum(axis=1))[0] + 7) >> 3
    fixed = _HEADER + channels + bases + np.where(mixed, hours, 0)
    sizes = fixed + low_bytes + tail_bytes
    ends = np.cumsum(sizes)
    starts = ends - sizes

    out = np.zeros(int(ends[-1]) if count else 0, np.uint8)
    out[starts] = FIRST_BYTES[0] + np.where(mixed, _MIXED, first_quality)
    out[starts + 1] = (used << _CHANNEL_BITS).sum(axis=1) | (hours - _SHORTEST_DAY) << len(CHANNELS)
    out[starts[day] + _HEADER + place] = low | np.where(based, _BASE_FLAG, 0)
    out[((starts + _HEADER + channels)[day] + base_place)[based]] = base[based]
    for row in np.flatnonzero(mixed).tolist():
        begin = int(starts[row] + _HEADER + channels[row] + bases[row])
        out[begin : begin + int(hours[row])] = quality[row, : int(hours[row])]
    _write_low(out, (starts + fixed)[day] + low_place, streams, low, low_sizes)
    _write_steps(out, ends - tail_bytes, tail_bytes, day, steps, inside)
    packed = out.tobytes()
    return [packed[begin:end] for begin, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def unpack_bits(blobs: Sequence[bytes], length: NDArray[np.int8], values: Ints, quality: NDArray[np.uint8]) -> None:
    """Fill in blank days from rows of this layout. ValueError for bytes that are no such row."""
    count = len(blobs)
    # A damaged row may promise more than it has: what is read past its end is thrown away when its size does not fit.
    flat = np.frombuffer(b"".join(blobs) + bytes(256), np.uint8)
    sizes = np.fromiter(map(len, blobs), np.int64, count)
    ends = np.cumsum(sizes)
    starts = ends - sizes
    _check(blobs, sizes >= _HEADER)
    every, shape = flat[starts] - FIRST_BYTES[0], flat[starts + 1].astype(np.int64)
    hours = (shape >> len(CHANNELS)) + _SHORTEST_DAY
    _check(blobs, hours <= HOURS_MAX)
    used = ((shape[:, None] >> _CHANNEL_BITS) & 1).astype(bool)
    day, channel = np.nonzero(used)
    mixed = every == _MIXED
    channels, place = _by_day(used, np.ones_like(day))
    parameter = flat[starts[day] + _HEADER + place].astype(np.int64)
    low, based = parameter & _LOW_MAX, parameter & _BASE_FLAG > 0
    bases, base_place = _by_day(used, based)
    base = np.where(based, flat[(starts + _HEADER + channels)[day] + base_place], 0).astype(np.int64)
    low_sizes = (hours[day] * low + 7) >> 3
    low_bytes, low_place = _by_day(used, low_sizes)
    fixed = _HEADER + channels + bases + np.where(mixed, hours, 0)
    tail_bytes = sizes - fixed - low_bytes
    _check(blobs, (tail_bytes >= 0) & (_by_day(used, parameter >= 2 * _BASE_FLAG)[0] == 0))

    inside = hours[:, None] > _SLOTS
    length[:] = hours
    quality[:] = np.where(inside, every[:, None], quality)
    for row in np.flatnonzero(mixed).tolist():
        begin = int(starts[row] + _HEADER + channels[row] + bases[row])
        quality[row, : int(hours[row])] = flat[begin : begin + int(hours[row])]
    streams = _read_low(flat, (starts + fixed)[day] + low_place, low)
    steps = _read_steps(blobs, flat, ends - tail_bytes, tail_bytes, hours * channels)
    of_day = inside[day]
    above = np.zeros(of_day.shape, np.int64)
    above[of_day] = steps - 1
    values[day, :, channel] = np.where(of_day, (above + base[:, None] << low[:, None]) + streams, 0)


def _check(blobs: Sequence[bytes], good: NDArray[np.bool_]) -> None:
    if not good.all():
        blob = blobs[int(np.argmin(good))]
        raise ValueError(f"A stored day curve that begins {blob[:8].hex()} ({len(blob)} bytes): the row is damaged.")


def _by_day(used: NDArray[np.bool_], of_stream: NDArray[np.integer] | NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Of numbers of streams: their sum in each day, and for each stream the sum of those before it in its day."""
    table = np.zeros(used.shape, np.int64)
    table[used] = of_stream
    until = np.cumsum(table, axis=1)
    return until[:, -1], (until - table)[used]


def _split(streams: Ints, inside: NDArray[np.bool_], hours: Ints) -> tuple[Ints, Ints]:
    """Of each stream the number of low bits and the base that make it shortest."""
    smallest = np.where(inside, streams, _POWERS[32]).min(axis=1, initial=_POWERS[32])
    mean = (streams.sum(axis=1) - smallest * hours) // hours
    # A base is one byte, so the low bits must leave no more than eight of the smallest hour.
    fewest = np.maximum(_bit_length(smallest) - _BASE_MAX_BITS, 0)
    near = _bit_length(mean) - 1
    low, cost = fewest, np.full(len(streams), np.iinfo(np.int64).max)
    for candidate in (near - 1, near, near + 1):
        bits = np.clip(candidate, fewest, _LOW_MAX)
        above = smallest >> bits
        found = hours * (bits - above) + (streams >> bits[:, None]).sum(axis=1) + 8 * (above > 0)
        better = found < cost
        low, cost = np.where(better, bits, low), np.where(better, found, cost)
    base: Ints = smallest >> low
    return low, base


def _bit_length(numbers: Ints) -> Ints:
    return np.searchsorted(_POWERS, numbers, side="right").astype(np.int64)


def _write_low(out: NDArray[np.uint8], starts: Ints, streams: Ints, low: Ints, sizes: Ints) -> None:
    for bits in np.unique(low[low > 0]).tolist():
        rows = np.flatnonzero(low == bits)
        words = ((streams[rows] & (_POWERS[bits] - 1)) << (32 - bits)).astype(">u4")
        spread = np.unpackbits(words.view(np.uint8).reshape(len(rows), HOURS_MAX, 4), axis=2, count=bits)
        found = np.packbits(spread.reshape(len(rows), HOURS_MAX * bits), axis=1)
        mine = np.arange(found.shape[1]) < sizes[rows][:, None]
        out[(starts[rows][:, None] + np.arange(found.shape[1]))[mine]] = found[mine]


def _read_low(flat: NDArray[np.uint8], starts: Ints, low: Ints) -> Ints:
    streams = np.zeros((len(low), HOURS_MAX), np.int64)
    for bits in np.unique(low[low > 0]).tolist():
        rows = np.flatnonzero(low == bits)
        width = (HOURS_MAX * bits + 7) >> 3
        spread = np.unpackbits(flat[starts[rows][:, None] + np.arange(width)], axis=1, count=HOURS_MAX * bits)
        words = np.zeros((len(rows), HOURS_MAX, 32), np.uint8)
        words[:, :, 32 - bits :] = spread.reshape(len(rows), HOURS_MAX, bits)
        streams[rows] = np.packbits(words, axis=2).view(">u4")[:, :, 0]
    return streams


def _write_steps(
    out: NDArray[np.uint8], starts: Ints, sizes: Ints, day: Ints, steps: Ints, inside: NDArray[np.bool_]
) -> None:
    """The ends of the steps as one bits, one day after the other."""
    tails = np.cumsum(sizes) - sizes
    reached = np.cumsum(steps[inside])
    of_day = np.repeat(day, inside.sum(axis=1))
    before = np.concatenate([[0], reached])[np.searchsorted(of_day, np.arange(len(sizes)))]
    bits = np.zeros(8 * int(sizes.sum()), np.uint8)
    bits[8 * tails[of_day] + reached - before[of_day] - 1] = 1
    out[np.arange(int(sizes.sum())) + np.repeat(starts - tails, sizes)] = np.packbits(bits)


def _read_steps(blobs: Sequence[bytes], flat: NDArray[np.uint8], starts: Ints, sizes: Ints, wanted: Ints) -> Ints:
    """The steps of all streams, one after the other; each day must end with its last one in its last byte."""
    ends = np.cumsum(sizes)
    tails = ends - sizes
    bits = np.unpackbits(flat[np.arange(int(sizes.sum())) + np.repeat(starts - tails, sizes)])
    ones = np.flatnonzero(bits)
    last = np.searchsorted(ones, 8 * ends)
    found = np.diff(last, prepend=0)
    closing = np.where(found > 0, ones[np.maximum(last - 1, 0)] if len(ones) else 0, 8 * tails - 1)
    _check(blobs, (found == wanted) & (8 * ends - closing <= 8))
    steps = np.diff(ones, prepend=-1)
    begins = last - found
    some = found > 0
    steps[begins[some]] = ones[begins[some]] - 8 * tails[some] + 1
    return steps
