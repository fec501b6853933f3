"""Zip archives: each file by the directory at the end, or by the headers before them where there is no directory to be read.

Stored and deflated files are read here, because a damaged one still has its rows: zipfile gives nothing of the piece in
which it finds an error, nor the last one when the checksum does not fit.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace

from services.metering.domain.formats.bzip2 import unbzipped
from services.metering.domain.formats.deflate import Inflated
from services.metering.domain.formats.packing import PIECE, WRONG_CHECKSUM, Member, Pieces, Source

ZIP, ZIP_EMPTY = b"PK\x03\x04", b"PK\x05\x06"
MAX_MEMBERS = 1_000

_HEADER = struct.Struct("<4sHHHHHIIIHH")
_DIRECTORY, _DESCRIPTOR = b"PK\x01\x02", b"PK\x07\x08"
_ENCRYPTED, _SIZES_BEHIND = 1, 8
_LONGEST_NAME = 255
_UNKNOWN = (0, 0xFFFFFFFF)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


@dataclass
class _Entry:
    """A file in the archive. ``size``: packed bytes, None where only its end tells; ``crc`` likewise. ``mark``: with which
    its own header begins.

    ``end``: where reading it ended, known when it has been read.
    """

    name: str
    method: int
    flags: int
    begin: int
    size: int | None
    crc: int | None
    mark: bytes = ZIP
    end: int = 0


class Archive:
    """The files of a zip archive. ``problem`` is empty, or why not all of them were found."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problem = ""

    def members(self) -> Iterator[Member]:
        """Each must be read to its end before the next is asked for. A single file has no name."""
        stream = self._source.stream
        if not stream.seekable():
            self.problem = "A zip archive can only be read from a file, not from a pipe: save it first."
            return
        stream.seek(0)
        try:
            everything = zipfile.ZipFile(stream).infolist()
            entries = [entry for entry in everything if not entry.is_dir()]
        except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
            yield from self._found(str(error))
            return
        if len(entries) > MAX_MEMBERS:
            self.problem = f"The zip archive holds {len(entries):,} files, more than {MAX_MEMBERS:,}; it was refused."
            return
        if not entries:
            self.problem = "The zip archive is empty."
            return
        listed = [found for info in entries if (found := self._listed(info)) is not None]
        offsets = {entry.header_offset for entry in everything}
        if len(listed) < len(entries) or any(self._unlisted_behind(entry, offsets) for entry in listed):
            yield from self._found("it does not fit the files")
            return
        for entry in listed:
            yield self._member(entry, entry.name if len(listed) > 1 else "")

    def _listed(self, info: zipfile.ZipInfo) -> _Entry | None:
        """A file of the directory, or None if it is not there. Its size and method stand in its own header, too: of two
        sizes the larger one loses nothing, of two methods that one counts which can be read.
        """
        own = self._at(info.header_offset) if info.header_offset >= 0 else None
        if own is None:
            return None
        if own.mark != ZIP and own.name != info.orig_filename:
            return None
        entry = _Entry(info.filename, info.compress_type, info.flag_bits, own.begin, info.compress_size, info.CRC)
        if own.mark == ZIP and own.name == info.orig_filename:
            entry.size = max(info.compress_size, own.size or 0)
            entry.method = info.compress_type if info.compress_type in _METHODS else own.method
        # Its own header says wrongly how much stands before its content, when no file ends there that begins there:
        # as a rule nothing but the name does.
        bare = replace(entry, begin=info.header_offset + _HEADER.size + len(info.orig_filename.encode()))
        return bare if not self._ends_well(entry) and self._ends_well(bare) else entry

    def _ends_well(self, entry: _Entry) -> bool:
        """Whether behind a file stands what may stand there in an archive."""
        self._source.stream.seek(entry.begin + (entry.size or 0))
        return self._source.stream.read(len(ZIP)) in (ZIP, _DIRECTORY, _DESCRIPTOR)

    def _unlisted_behind(self, entry: _Entry, offsets: Container[int]) -> bool:
        """Whether a file stands behind this one that the directory does not name."""
        end = entry.begin + (entry.size or 0)
        self._source.stream.seek(end)
        return end not in offsets and self._source.stream.read(len(ZIP)) == ZIP

    def _found(self, error: str) -> Iterator[Member]:
        """The files whose headers can be found: all that are before a cut."""
        self.problem = (
            f"The directory of the zip archive is damaged ({error}): the files that could be found were read."
        )
        at, count = 0, 0
        while (at := self._search(at)) >= 0:
            entry = self._whole(self._at(at))
            if entry is None:
                at += len(ZIP)
                continue
            count += 1
            if count > MAX_MEMBERS:
                self.problem = f"The zip archive holds more than {MAX_MEMBERS:,} files; the rest was refused."
                return
            if not entry.name.endswith("/"):
                yield self._member(entry, entry.name)
            at = max(entry.end, entry.begin)
        if not count:
            self.problem = f"The zip archive is damaged ({error}): nothing in it could be read."

    def _at(self, offset: int) -> _Entry | None:
        """The file whose header stands there; None where it is cut."""
        self._source.stream.seek(offset)
        header = self._source.stream.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        # Of a file without a name there is no way to tell that it is one.
        mark, _, flags, method, _, _, crc, size, _, name_length, extra_length = _HEADER.unpack(header)
        if not name_length:
            return None
        name = self._source.stream.read(name_length).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        told = not flags & _SIZES_BEHIND and size not in _UNKNOWN
        begin = offset + _HEADER.size + name_length + extra_length
        return _Entry(name[:_LONGEST_NAME], method, flags, begin, size if told else None, crc if told else None, mark)

    def _whole(self, entry: _Entry | None) -> _Entry | None:
        """The same, without a size behind which nothing of an archive stands: bytes were added or lost."""
        if entry is not None and not self._ends_well(entry):
            entry.size = None
        return entry

    def _search(self, offset: int, mark: bytes = ZIP) -> int:
        """Where the next header of a file stands; -1 when there is none."""
        stream = self._source.stream
        stream.seek(offset)
        data = b""
        while more := stream.read(PIECE):
            data += more
            found = data.find(mark)
            if found >= 0:
                return offset + found
            drop = max(len(data) - len(mark) + 1, 0)
            data, offset = data[drop:], offset + drop
        return -1

    def _member(self, entry: _Entry, name: str) -> Member:
        member = Member(name, iter(()))
        member.pieces = self._content(member, entry)
        return member

    def _content(self, member: Member, entry: _Entry) -> Pieces:
        told = f"{entry.name!r} in the zip archive"
        entry.end = entry.begin + (entry.size or 0)
        if entry.flags & _ENCRYPTED:
            member.problem = f"{told} is encrypted: unpack it first."
            return
        if entry.method == zipfile.ZIP_STORED:
            yield from self._stored(member, entry, told)
        elif entry.method == zipfile.ZIP_DEFLATED:
            yield from self._deflated(member, entry, told)
        elif entry.method == zipfile.ZIP_BZIP2:
            self._measure(entry)
            yield from unbzipped(member, _Part(self._source, self._reader(entry)), b"")
            member.problem = member.problem and f"{told}: {member.problem}"
        else:
            member.problem = f"{told} is packed by a method (number {entry.method}) that is not read: pack it as usual."

    def _stored(self, member: Member, entry: _Entry, told: str) -> Pieces:
        crc, left, read = 0, self._measure(entry), self._reader(entry)
        while piece := read():
            crc, left = zlib.crc32(piece, crc), left - len(piece)
            yield self._source.give(piece)
        if left:
            member.problem = f"{told} is damaged (cut short); what came before was read."
        elif entry.crc not in (None, crc):
            member.remark = f"{told} is damaged: {WRONG_CHECKSUM}."

    def _measure(self, entry: _Entry) -> int:
        """The size of a file whose end does not tell itself: up to what comes next in the archive, or all that is left."""
        if entry.size is None:
            marks = [self._search(entry.begin, mark) for mark in (_DIRECTORY, ZIP)]
            end = min((at for at in marks if at >= 0), default=self._source.stream.seek(0, 2))
            entry.size, entry.end = max(end - entry.begin, 0), max(end, entry.begin)
        return entry.size

    def _deflated(self, member: Member, entry: _Entry, told: str) -> Pieces:
        stream, crc, begin = Inflated(self._reader(entry)), 0, self._source.taken
        for piece in stream.pieces():
            crc = zlib.crc32(piece, crc)
            yield self._source.give(piece)
        if entry.size is None and stream.ended:
            entry.end = entry.begin + self._source.taken - begin - len(stream.unused)
        if not stream.ended:
            member.problem = f"{told} is damaged ({stream.error or 'cut short'}); what came before was read."
        elif entry.crc not in (None, crc):
            member.remark = f"{told} is damaged: {WRONG_CHECKSUM}."

    def _reader(self, entry: _Entry) -> Callable[[], bytes]:
        """Reads the packed bytes of a file, a piece at a time."""
        at, left = entry.begin, (1 << 62) if entry.size is None else entry.size

        def read() -> bytes:
            nonlocal at, left
            self._source.stream.seek(at)
            data = self._source.read(min(PIECE, left))
            at, left = at + len(data), left - len(data)
            return data

        return read


class _Part(Source):
    """The packed bytes of one file of an archive, counted with all of them."""

    def __init__(self, whole: Source, read: Callable[[], bytes]) -> None:
        super().__init__(whole.stream)
        self._whole, self._next = whole, read

    def read(self, size: int = PIECE) -> bytes:
        return self._next()

    def give(self, piece: bytes) -> bytes:
        return self._whole.give(piece)
