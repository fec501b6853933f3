"""The layout in which day curves are written: what a household's hour says, in about eight bits.

Each channel of a day is split like a Rice code: the ``k`` lowest bits of every hour as they are, and what is above them
as a count of zero bits before a one. Small hours then cost little and the evening's peak does not widen the night. The
base of a channel is taken off what is above the k bits of all its hours. Bits run from the highest of a byte to the lowest;
the layout of one row is::

    byte 0      a day of 24 hours that are all real: 0x40 and its channels that are not all zero, one bit each from the
                lowest (order of readings.CHANNELS). Any other day: 0x30 and the quality code of every hour, 0x3F when
                they differ or the code is above 14; and then
    byte 1      the channels in the same way, and in the highest two bits 0, 1 or 2 for 23, 24 or 25 hours
    then        for each channel a byte: k in the lowest five bits, the base in the highest three, 7 when it follows
    then        the base of each channel whose base is above 6, a byte
    then        quality codes, a byte an hour, when byte 0 is 0x3F
    then        for each channel k bits an hour, filled up with zeros to a whole byte
    then        for each channel and hour that many zeros and a one; after the last, zeros up to a whole byte

The same day has one form only, so equal curves are equal bytes. Rows that begin 0x20 to 0x2F were written before: byte 0 and
1 as in "any other day" but for the 0x20, and of the highest three bits beside a k the lowest alone says that a base follows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import HOURS_MAX
from services.metering.domain.readings import CHANNELS, REAL

FIRST_BYTES = range(0x20, 0x80)
_CODED, _USUAL = 0x30, 0x40
_MIXED = 15
_SHORTEST_DAY, _USUAL_DAY = 23, 24
_LOW_MAX = 31
_LOW_BITS = 5
_BASE_FOLLOWS, _BASE_FOLLOWED = 7, 1
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

    based = base >= _BASE_FOLLOWS
    channels, place = _by_day(used, np.ones_like(day))
    bases, base_place = _by_day(used, based)
    low_sizes = (hours[day] * low + 7) >> 3
    low_bytes, low_place = _by_day(used, low_sizes)
    tail_bytes = (_by_day(used, steps.sum(axis=1))[0] + 7) >> 3
    usual = (hours == _USUAL_DAY) & (first_quality == REAL) & ~mixed
    header = np.where(usual, 1, 2)
    fixed = header + channels + bases + np.where(mixed, hours, 0)
    sizes = fixed + low_bytes + tail_bytes
    ends = np.cumsum(sizes)
    starts = ends - sizes

    out = np.zeros(int(ends[-1]) if count else 0, np.uint8)
    shape = (used << _CHANNEL_BITS).sum(axis=1)
    out[starts] = np.where(usual, _USUAL | shape, _CODED + np.where(mixed, _MIXED, first_quality))
    out[(starts + 1)[~usual]] = (shape | (hours - _SHORTEST_DAY) << len(CHANNELS))[~usual]
    begins = starts + header
    out[begins[day] + place] = low | np.minimum(base, _BASE_FOLLOWS) << _LOW_BITS
    out[((begins + channels)[day] + base_place)[based]] = base[based]
    for row in np.flatnonzero(mixed).tolist():
        begin = int(begins[row] + channels[row] + bases[row])
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
    first = flat[starts].astype(np.int64)
    usual, older = first >= _USUAL, first < _CODED
    header = np.where(usual, 1, 2)
    _check(blobs, sizes >= header)
    every = np.where(usual, REAL, first & 15).astype(np.uint8)
    usual_length = _USUAL_DAY - _SHORTEST_DAY << len(CHANNELS)
    shape = np.where(usual, first & (_USUAL - 1) | usual_length, flat[starts + 1])
    hours = (shape >> len(CHANNELS)) + _SHORTEST_DAY
    _check(blobs, hours <= HOURS_MAX)
    used = ((shape[:, None] >> _CHANNEL_BITS) & 1).astype(bool)
    day, channel = np.nonzero(used)
    mixed = ~usual & (every == _MIXED)
    begins = starts + header
    channels, place = _by_day(used, np.ones_like(day))
    parameter = flat[begins[day] + place].astype(np.int64)
    low, base = parameter & _LOW_MAX, parameter >> _LOW_BITS
    based = base == np.where(older[day], _BASE_FOLLOWED, _BASE_FOLLOWS)
    bases, base_place = _by_day(used, based)
    strange = _by_day(used, older[day] & (base > _BASE_FOLLOWED))[0]
    base = np.where(based, flat[(begins + channels)[day] + base_place], base)
    low_sizes = (hours[day] * low + 7) >> 3
    low_bytes, low_place = _by_day(used, low_sizes)
    fixed = header + channels + bases + np.where(mixed, hours, 0)
    tail_bytes = sizes - fixed - low_bytes
    _check(blobs, (tail_bytes >= 0) & (strange == 0))

    inside = hours[:, None] > _SLOTS
    length[:] = hours
    quality[:] = np.where(inside, every[:, None], quality)
    for row in np.flatnonzero(mixed).tolist():
        begin = int(begins[row] + channels[row] + bases[row])
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
        found = hours * (bits - above) + (streams >> bits[:, None]).sum(axis=1) + 8 * (above >= _BASE_FOLLOWS)
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
