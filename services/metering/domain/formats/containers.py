"""What a file is packed in, told by content: plain, gzip, bzip2 or zip (one or several members). Bounded, whatever it says.

Nothing is unpacked to disk or held whole: members come as pieces. An archive may not unpack to more than MAX_UNPACKED
bytes in all, nor to more than MAX_RATIO times its own size once it has given MAX_FREE bytes, nor hold archives.
"""

from __future__ import annotations

import bz2
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

PIECE = 1 << 16
MAX_UNPACKED = 8 << 30
"""No month of a cooperative comes near this; a bomb does."""
MAX_FREE = 64 << 20
MAX_RATIO = 200
"""Meter files shrink to a tenth or a twentieth; a bomb to a thousandth."""
MAX_MEMBERS = 1_000

_ZIP_HEADER = struct.Struct("<26sHH")
"""Of a file in an archive: what the directory says better, and the lengths of the name and the rest before its content."""
_GZIP, _BZIP2, _ZIP, _ZIP_EMPTY = b"\x1f\x8b", b"BZh", b"PK\x03\x04", b"PK\x05\x06"


@dataclass
class Member:
    """One file inside. Reading ``pieces`` to the end sets ``problem`` when unpacking stopped early."""

    name: str
    pieces: Iterator[bytes] = field(repr=False)
    problem: str = ""


class Container:
    """The files in a stream, one after the other: each must be read to its end before the next is asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._taken = 0
        self._given = 0
        self.problem = ""

    def members(self) -> Iterator[Member]:
        """A plain or single compressed file is one member without a name."""
        head = self._stream.read(4)
        if head in (_ZIP, _ZIP_EMPTY):
            yield from self._zip()
            return
        member = Member("", iter(()))
        self._taken = len(head)
        if head.startswith(_GZIP):
            member.pieces = self._unpacked(member, head, _GZIP)
        elif head.startswith(_BZIP2):
            member.pieces = self._unpacked(member, head, _BZIP2)
        else:
            member.pieces = self._plain(head)
        yield member

    def _plain(self, head: bytes) -> Iterator[bytes]:
        while head:
            yield head
            head = self._stream.read(PIECE)

    def _unpacked(self, member: Member, data: bytes, magic: bytes) -> Iterator[bytes]:
        """Members written one after the other are one content, as gzip and bzip2 do. Padding after the last is no damage."""
        unpack = _unpacker(magic)
        while True:
            if unpack.eof:
                data = unpack.unused_data or data
                if len(data) < len(magic):
                    data += self._read()
                if not data.startswith(magic):
                    return
                unpack = _unpacker(magic)
            before = None if isinstance(unpack, bz2.BZ2Decompressor) else unpack.copy()
            try:
                piece, data = _step(unpack, data)
            except (zlib.error, OSError, EOFError, ValueError) as error:
                for piece in salvaged(before, data) if before else ():
                    self._given += len(piece)
                    yield piece
                member.problem = f"The compressed file is damaged ({error}); what came before was read."
                return
            if piece:
                self._given += len(piece)
                member.problem = self._too_much()
                if member.problem:
                    return
                yield piece
            if not data and not unpack.eof and _hungry(unpack):
                data = self._read()
                if not data:
                    member.problem = "The compressed file ends in the middle: it was cut short."
                    return

    def _read(self) -> bytes:
        data = self._stream.read(PIECE)
        self._taken += len(data)
        return data

    def _too_much(self) -> str:
        if self._given > MAX_UNPACKED:
            return f"The compressed file unpacks to more than {MAX_UNPACKED:,} bytes; the rest was refused."
        if self._given > MAX_FREE and self._given > MAX_RATIO * max(self._taken, 1):
            return (
                f"The compressed file unpacks to more than {MAX_RATIO} times its size, as no meter file does; "
                "the rest was refused."
            )
        return ""

    def _zip(self) -> Iterator[Member]:
        if not self._stream.seekable():
            self.problem = "A zip archive can only be read from a file, not from a pipe: save it first."
            return
        self._stream.seek(0)
        try:
            archive = zipfile.ZipFile(self._stream)
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            self.problem = f"The zip archive is damaged ({error}): nothing in it could be read."
            return
        if len(entries) > MAX_MEMBERS:
            self.problem = f"The zip archive holds {len(entries):,} files, more than {MAX_MEMBERS:,}; it was refused."
            return
        if not entries:
            self.problem = "The zip archive is empty."
            return
        for entry in entries:
            member = Member(entry.filename if len(entries) > 1 else "", iter(()))
            member.pieces = self._entry(member, archive, entry)
            yield member

    def _entry(self, member: Member, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        self._taken += entry.compress_size
        if entry.flag_bits & 1:
            member.problem = f"{entry.filename!r} in the zip archive is encrypted: unpack it first."
            return
        given = 0
        try:
            with archive.open(entry) as content:
                while piece := content.read(PIECE):
                    given += len(piece)
                    self._given += len(piece)
                    member.problem = self._too_much()
                    if member.problem:
                        return
                    yield piece
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            for piece in self._salvaged_entry(entry, given):
                self._given += len(piece)
                yield piece
            member.problem = (
                f"{entry.filename!r} in the zip archive is damaged ({error or 'cut short'}); what came before was read."
            )

    def _salvaged_entry(self, entry: zipfile.ZipInfo, given: int) -> Iterator[bytes]:
        """What a damaged deflated file of an archive has beyond the first ``given`` bytes, up to its first wrong byte.

        zipfile gives nothing of the piece in which it finds an error, nor the last one when the checksum does not fit.
        """
        if entry.header_offset < 0:
            return  # the directory is damaged too
        self._stream.seek(entry.header_offset)
        header = self._stream.read(_ZIP_HEADER.size)
        if entry.compress_type != zipfile.ZIP_DEFLATED or len(header) < _ZIP_HEADER.size:
            return
        self._stream.seek(sum(_ZIP_HEADER.unpack(header)[1:]), 1)
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        most = given + PIECE
        for piece in _inflated(unpack, self._stream, entry.compress_size):
            fresh = piece[max(given, 0) : most]
            given, most = given - len(piece), most - len(piece)
            if fresh:
                yield fresh
            if most <= 0:
                return


def salvaged(before: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What damaged input gives up to its first wrong byte. ``before``: the state in which the input was met.

    zlib gives nothing of an input in which it finds an error, so the input is fed byte by byte; pieces stay small.
    """
    piece = b""
    try:
        for at in range(len(data)):
            piece += before.decompress(data[at : at + 1])
            if len(piece) >= PIECE:
                yield piece
                piece = b""
    except zlib.error:
        pass  # the caller has met this very error and tells of it
    if piece:
        yield piece


def _inflated(unpack: zlib._Decompress, stream: BinaryIO, left: int) -> Iterator[bytes]:
    """Pieces of ``left`` bytes of a deflated stream, as far as it goes."""
    while left > 0 and not unpack.eof and (data := stream.read(min(PIECE, left))):
        left -= len(data)
        while data:
            before = unpack.copy()
            try:
                piece = unpack.decompress(data, PIECE)
            except zlib.error:
                yield from salvaged(before, data)
                return
            data = unpack.unconsumed_tail
            yield piece


def _unpacker(magic: bytes) -> bz2.BZ2Decompressor | zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16) if magic == _GZIP else bz2.BZ2Decompressor()


def _step(unpack: bz2.BZ2Decompressor | zlib._Decompress, data: bytes) -> tuple[bytes, bytes]:
    """At most PIECE bytes of content, and the input not yet used."""
    if isinstance(unpack, bz2.BZ2Decompressor):
        return unpack.decompress(data, PIECE), b""
    piece = unpack.decompress(data, PIECE)
    return piece, unpack.unconsumed_tail


def _hungry(unpack: bz2.BZ2Decompressor | zlib._Decompress) -> bool:
    return unpack.needs_input if isinstance(unpack, bz2.BZ2Decompressor) else True
