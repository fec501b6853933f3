"""Deflated content, of gzip files and of zip archives: everything that stands before the first wrong byte comes out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from services.metering.domain.formats.packing import CUT_SHORT, PIECE, Member, Pieces, Source

GZIP = b"\x1f\x8b"
_DAMAGED = "The compressed file is damaged ({}); what came before was read."


class Inflated:
    """The content of one deflated stream. Reading ``pieces`` to the end sets the rest.

    ``error``: empty, or what zlib found wrong; ``ended``: whether the stream came to its end; ``unused``: bytes behind it.
    """

    def __init__(self, read: Callable[[], bytes], data: bytes = b"", window: int = -zlib.MAX_WBITS) -> None:
        self._read, self._data, self._window = read, data, window
        self.error = ""
        self.ended = False
        self.unused = b""

    def pieces(self) -> Iterator[bytes]:
        """At most about PIECE bytes each."""
        unpack, data = zlib.decompressobj(self._window), self._data
        while data or (data := self._read()):
            before = unpack.copy()
            try:
                piece = unpack.decompress(data, PIECE)
            except zlib.error as error:
                self.error = str(error)
                yield from salvaged(before, data)
                return
            data = unpack.unconsumed_tail
            if piece:
                yield piece
            if unpack.eof:
                self.ended, self.unused = True, unpack.unused_data
                return


def gunzipped(member: Member, source: Source, data: bytes) -> Pieces:
    """A gzip file that begins with ``data``. Members written one after the other are one content; padding behind the last
    is no damage.
    """
    while True:
        stream = Inflated(source.read, data, zlib.MAX_WBITS | 16)
        for piece in stream.pieces():
            yield source.give(piece)
        if not stream.ended:
            member.problem = _DAMAGED.format(stream.error) if stream.error else CUT_SHORT
            return
        data = stream.unused
        while len(data) < len(GZIP) and (more := source.read()):
            data += more
        if not data.startswith(GZIP):
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
