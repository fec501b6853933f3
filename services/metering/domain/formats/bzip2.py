"""bzip2, block by block: a damaged block loses itself alone, and nothing of a block comes out before its checksum fits.

A bzip2 stream is ``BZh`` and a digit, then blocks of at most 900 kB of content, each with a magic number and a checksum, at
any bit; then an end mark and the checksum of all. Streams may follow one another. Every block is found by its magic number
and unpacked as a stream of its own, so that it does not matter what the others are like.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Generator, Iterator

from services.metering.domain.formats.packing import CUT_SHORT, PIECE, Gap, Member, Pieces, Source

BZIP2 = b"BZh"
_BLOCK, _END = bytes.fromhex("314159265359"), bytes.fromhex("177245385090")
_MAGIC_BITS, _CRC_BITS = 48, 32
_HEADER_BITS = 32
_BETWEEN_BITS = _MAGIC_BITS + _CRC_BITS + 7 + _HEADER_BITS
"""From an end mark to the first block of the stream behind it."""
_LARGEST = 1_200_000
"""Packed bytes; a block has 900 kB and grows by a hundredth at most when it cannot be packed."""
_HELD = 4 << 20
"""Content of a block held until its checksum fits. A block of endless repetitions has up to 46 MB: it is not waited for."""
_OVERLAP = len(_BLOCK) + 1
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def unbzipped(member: Member, source: Source, data: bytes) -> Pieces:
    """A bzip2 file that begins with ``data``."""
    lost = 0
    for mark, bits, begin, end, last in _segments(source, data):
        if mark == _BLOCK:
            left_over = yield from _block(bits, source)
            whole = not left_over
            if last:
                member.problem = CUT_SHORT
                whole = True  # nothing stands behind it, and that it is cut short is said
        else:
            # Between an end mark, or the beginning, and a block nothing else stands: but a block without its magic number.
            whole = (last and mark == _END) or len(bits) <= (_BETWEEN_BITS if mark else _HEADER_BITS)
        if not whole:
            lost += 1
            yield Gap(
                f"The packed file is damaged between its bytes {begin:,} and {end:,}: the rows that stood here are lost, "
                "and the lines behind are numbered without them. Ask whoever sent the file for it again, import that, and "
                "discard this row."
            )
    if lost:
        places = "one place" if lost == 1 else f"{lost:,} places"
        told = f"The compressed file is damaged in {places}: the rows before and behind were read."
        member.problem = f"{told} {member.problem}".strip()


class _Bits:
    """Some bits, of which the first is the highest."""

    def __init__(self, data: bytes, begin: int, end: int) -> None:
        """Bits [begin, end) of the data."""
        first, last = begin // 8, (end + 7) // 8
        self._value = int.from_bytes(data[first:last]) >> (8 * last - end) & ((1 << (end - begin)) - 1)
        self._count = end - begin

    def __len__(self) -> int:
        return self._count

    def number(self, begin: int, count: int) -> int:
        """The number that ``count`` bits from ``begin`` on are."""
        return self._value >> (self._count - begin - count) & ((1 << count) - 1)

    def stream(self) -> tuple[bytes, int]:
        """The block that the bits are as a whole bzip2 stream, and its checksum."""
        crc = self.number(_MAGIC_BITS, _CRC_BITS)
        value = (self._value << _MAGIC_BITS + _CRC_BITS) | int.from_bytes(_END) << _CRC_BITS | crc
        count = self._count + _MAGIC_BITS + _CRC_BITS
        padding = -count % 8
        return b"BZh9" + (value << padding).to_bytes((count + padding) // 8), crc


def _segments(source: Source, data: bytes) -> Iterator[tuple[bytes, _Bits, int, int, bool]]:
    """What stands from each mark to the next: the mark (empty at the beginning), the bits with the mark's own, their first
    byte and the byte after the last one in the file, and whether the file ends there.
    """
    window, base = data, 0  # bytes of the file from ``base`` on
    begin, mark = 0, b""  # of the segment that is open: its first bit in the file
    searched = 0
    while more := source.read():
        window += more
        for at, found in _marks(window, searched - base, base):
            if at <= begin:
                continue  # it stood in the piece before, too
            yield mark, _Bits(window, begin - 8 * base, at - 8 * base), begin // 8, (at + 7) // 8, False
            begin, mark = at, found
        searched = base + max(len(window) - _OVERLAP, 0)
        if base + len(window) - begin // 8 > _LARGEST:
            # No block is that long: the mark behind it is damaged too. What follows is searched for the next one.
            end = searched * 8
            yield mark, _Bits(window, begin - 8 * base, end - 8 * base), begin // 8, searched, False
            begin, mark = end, _END
        window, base = window[begin // 8 - base :], begin // 8
    end = 8 * (base + len(window))
    if end > begin:
        yield mark, _Bits(window, begin - 8 * base, end - 8 * base), begin // 8, end // 8, True


def _marks(window: bytes, after: int, base: int) -> list[tuple[int, bytes]]:
    """The marks in the window from a byte on, at any bit, in order: their first bit in the file, and which they are."""
    part = window[max(after, 0) :]
    number, found = int.from_bytes(part), {}
    for shift in range(8):
        shifted = (number << shift & (1 << 8 * len(part)) - 1).to_bytes(len(part))
        for mark in (_BLOCK, _END):
            at = shifted.find(mark)
            while at >= 0:
                found[8 * (base + max(after, 0) + at) + shift] = mark
                at = shifted.find(mark, at + 1)
    return sorted(found.items())


def _block(bits: _Bits, source: Source) -> Generator[bytes, None, bool]:
    """The content of a block if it is whole; whether there is something in its bits that could not be unpacked."""
    if len(bits) < _MAGIC_BITS + _CRC_BITS:
        return True
    packed, crc = bits.stream()
    unpack, held, size, waiting = bz2.BZ2Decompressor(), list[bytes](), 0, True
    try:
        data = packed
        while not unpack.eof:
            piece = unpack.decompress(data, PIECE)
            if not piece and unpack.needs_input and not data:
                raise EOFError
            data = b""
            held.append(piece)
            size += len(piece)
            if size > _HELD:
                for one in held:
                    yield source.give(one)
                held, size, waiting = [], 0, False
    except (OSError, ValueError, EOFError):
        # The block may be whole all the same, when what is wrong is the mark of the next one.
        content = _stepwise(packed) if waiting else b""
        if content and _checksum(content) == crc:
            yield source.give(content)
        return True
    for one in held:
        yield source.give(one)
    return False


def _stepwise(packed: bytes) -> bytes:
    """What comes out before an error, with nothing of it lost."""
    unpack, content = bz2.BZ2Decompressor(), b""
    try:
        for at in range(len(packed)):
            content += unpack.decompress(packed[at : at + 1], _HELD)
            if len(content) > _HELD:
                return b""
    except (OSError, ValueError, EOFError):
        pass  # the caller has met this very error and tells of it
    return content


def _checksum(content: bytes) -> int:
    """The CRC of bzip2: that of zlib, with the bits of every byte and of the result the other way round."""
    return int(f"{zlib.crc32(content.translate(_REVERSED)):032b}"[::-1], 2)
