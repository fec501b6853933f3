"""What a file is packed in, told by content: plain, gzip, bzip2 or zip (one or several members). Bounded, whatever it says.

Archives inside archives are not opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from services.metering.domain.formats.bzip2 import BZIP2, unbzipped
from services.metering.domain.formats.deflate import GZIP, gunzipped
from services.metering.domain.formats.packing import Exhausted, Member, Pieces, Source
from services.metering.domain.formats.unzip import ZIP, ZIP_EMPTY, Archive


class Container:
    """The files in a stream, one after the other: each must be read to its end before the next is asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._source = Source(stream)
        self.problem = ""

    def members(self) -> Iterator[Member]:
        """A plain or single compressed file is one member without a name."""
        head = self._source.read(4)
        if head in (ZIP, ZIP_EMPTY):
            archive = Archive(self._source)
            for member in archive.members():
                member.pieces = _bounded(member, member.pieces)
                yield member
            self.problem = archive.problem
            return
        member = Member("", iter(()))
        if head.startswith(GZIP):
            member.pieces = _bounded(member, gunzipped(member, self._source, head))
        elif head.startswith(BZIP2):
            member.pieces = _bounded(member, unbzipped(member, self._source, head))
        else:
            member.pieces = self._plain(head)
        yield member

    def _plain(self, head: bytes) -> Pieces:
        while head:
            yield head
            head = self._source.read()


def _bounded(member: Member, pieces: Pieces) -> Pieces:
    """The pieces, up to where there are too many of them."""
    try:
        yield from pieces
    except Exhausted as too_much:
        member.problem = str(too_much)
