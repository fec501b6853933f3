"""Gzip or plain, told by content: the compressed form is unpacked a piece at a time, never more than it is asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 16
MAX_UNPACKED = 8 << 30
"""No month of a cooperative comes near this; a bomb does."""


class Unpacker:
    """Turns the bytes of a file into the bytes of its content. ``problem`` says why unpacking stopped early."""

    def __init__(self) -> None:
        self._head = b""
        self._known = False
        self._gzip: zlib._Decompress | None = None
        self._unpacked = 0
        self.problem = ""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Content pieces of at most 64 KiB. The iterator must be read to its end before the next call."""
        if not self._known:
            data = self._head + data
            if len(data) < len(_GZIP_MAGIC):
                self._head = data
                return
            self._known = True
            if data.startswith(_GZIP_MAGIC):
                self._gzip = _gzip()
        if self._gzip is None:
            yield data
        else:
            yield from self._inflate(data)

    def close(self) -> Iterator[bytes]:
        """The rest, when the file was too short to be recognised."""
        if not self._known and self._head:
            yield self._head
        if self._gzip is not None and not self._gzip.eof and not self.problem:
            self.problem = "The compressed file ends in the middle: it was cut short."

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        while data and not self.problem:
            assert self._gzip is not None
            if self._gzip.eof:
                if not data.startswith(_GZIP_MAGIC):
                    return  # zero padding after the last member, as tapes and some loggers leave it
                self._gzip = _gzip()
            before = self._gzip.copy()
            try:
                piece = self._gzip.decompress(data, _PIECE)
            except zlib.error as error:
                yield from salvaged(before, data)
                self.problem = f"The compressed file is damaged ({error}); what came before was read."
                return
            self._unpacked += len(piece)
            if self._unpacked > MAX_UNPACKED:
                self.problem = f"The compressed file unpacks to more than {MAX_UNPACKED:,} bytes; it was refused."
                return
            data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
            if piece:
                yield piece
            elif not data:
                return


def salvaged(before: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What damaged input gives up to its first wrong byte. ``before``: the state in which the input was met.

    zlib gives nothing of an input in which it finds an error, so the input is fed byte by byte; pieces stay small.
    """
    piece = b""
    try:
        for at in range(len(data)):
            piece += before.decompress(data[at : at + 1])
            if len(piece) >= _PIECE:
                yield piece
                piece = b""
    except zlib.error:
        pass  # the caller has met this very error and tells of it
    if piece:
        yield piece


def _gzip() -> zlib._Decompress:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)
