"""What every packing has in common: pieces of content, places where some of it is lost, and how much may come out.

Nothing is unpacked to disk or held whole: members come as pieces. A file may not unpack to more than MAX_UNPACKED bytes in
all, nor to more than MAX_RATIO times its own size once it has given MAX_FREE bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

PIECE = 1 << 16
MAX_UNPACKED = 8 << 30
"""No month of a cooperative comes near this; a bomb does."""
MAX_FREE = 64 << 20
MAX_RATIO = 200
"""Meter files shrink to a tenth or a twentieth; a bomb to a thousandth."""
CUT_SHORT = "The compressed file ends in the middle: it was cut short."
WRONG_CHECKSUM = (
    "the checksum does not fit: all of its rows were read, but one or more may be wrong. Ask whoever sent it for the file "
    "again and import that, whose values then stand"
)


@dataclass(frozen=True)
class Gap:
    """Between two pieces some content is lost; ``reason`` says so, as a sentence."""

    reason: str


Pieces = Iterator[bytes | Gap]


@dataclass
class Member:
    """One file inside. Reading ``pieces`` to the end sets ``problem`` when unpacking stopped early or something is lost,
    and ``remark`` when everything came out but not all of it may be right.
    """

    name: str
    pieces: Pieces = field(repr=False)
    problem: str = ""
    remark: str = ""


class Exhausted(Exception):
    """More came out than any meter file holds; the message is the sentence that says so."""


class Source:
    """The packed bytes, and the count of what went in and came out."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.taken = 0
        self._given = 0

    def read(self, size: int = PIECE) -> bytes:
        """Some more packed bytes; none at the end."""
        data = self.stream.read(size)
        self.taken += len(data)
        return data

    def give(self, piece: bytes) -> bytes:
        """A piece that came out. Raises Exhausted when it is too much."""
        self._given += len(piece)
        if self._given > MAX_UNPACKED:
            raise Exhausted(f"The compressed file unpacks to more than {MAX_UNPACKED:,} bytes; the rest was refused.")
        if self._given > MAX_FREE and self._given > MAX_RATIO * max(self.taken, 1):
            raise Exhausted(
                f"The compressed file unpacks to more than {MAX_RATIO} times its size, as no meter file does; "
                "the rest was refused."
            )
        return piece
