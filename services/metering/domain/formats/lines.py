"""Files of one row a line: from bytes to rows of text, each taken or quarantined by itself."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from itertools import islice

from services.metering.domain.formats.dialect import HOUR, INTERVAL, QUARTER, Context
from services.metering.domain.formats.sink import Sink

MAX_LINE = 4096
"""Bytes. The longest row of any dialect has about 200."""

_CUPS = re.compile(r"ES[0-9A-Z]{18}", re.IGNORECASE)
_TIME = re.compile(r"[0-9]:([0-5][0-9])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Utf16Lines:
    """UTF-16 as UTF-8, each line decoded by itself: where a byte was lost or came in between, the line's end tells which
    bytes are pairs again, and the lines behind are read. ``mark``: the byte order mark that the file begins with.
    """

    def __init__(self, mark: bytes) -> None:
        self._codec, self._end = ("utf-16-le", b"\n\0") if mark == codecs.BOM_UTF16_LE else ("utf-16-be", b"\0\n")
        self.rest = b""
        """What the last piece had behind its last line."""

    def feed(self, piece: bytes) -> bytes:
        """Whole lines, with their ends; and what is too long for a line, which is not waited for."""
        *lines, self.rest = (self.rest + piece).split(self._end)
        text = b"".join(self._decoded(line) + b"\n" for line in lines)
        if len(self.rest) > 2 * MAX_LINE:
            even = len(self.rest) & ~1
            text, self.rest = text + self._decoded(self.rest[:even]), self.rest[even:]
        return text

    def close(self) -> bytes:
        """The last line, which may lack its end."""
        rest, self.rest = self.rest, b""
        return self._decoded(rest)

    def _decoded(self, data: bytes) -> bytes:
        return data.decode(self._codec, "replace").encode("utf-8", "replace")


class BadRow(Exception):
    """The row cannot be taken; the message is the reason, as a sentence."""


class LineReader:
    """Feeds the lines of a file to ``row``, which raises BadRow for one it cannot take. Blank lines say nothing.

    UTF-8 with or without a byte order mark, UTF-16 with one; a line that is not UTF-8 is read as Latin-1, as old
    programs wrote it. Lines end with LF, CR LF or CR. ``stamped``: whether the rows are intervals of time.
    """

    stamped = True

    def __init__(self, sink: Sink, context: Context) -> None:
        self.sink, self.context = sink, context
        self.problem = ""
        self.line = 0
        self._rest = b""
        self._begun = False
        self._skipping = False
        self._utf16: Utf16Lines | None = None

    def row(self, text: str) -> None:
        """One line that is not blank, without its end. ``self.line`` is its number."""
        raise NotImplementedError

    def around(self) -> Mapping[str, str]:
        """What a row is read with besides itself: the heading, where there is one."""
        return {}

    def point(self, text: str) -> str:
        """The CUPS that a row names, as far as it can be told."""
        named = _CUPS.search(text)
        return named[0].upper() if named else ""

    def refused(self, text: str, reason: str) -> None:
        """A row could not be taken: quarantine it with what reading it again needs."""
        self.sink.quarantine(self.line, text, reason, text, self.said_of(text), self.point(text))

    def said_of(self, text: str) -> dict[str, str]:
        """What a refused row is read with, and whether its time alone would be that of an hour or of a quarter of one."""
        time = _TIME.search(text) if self.stamped else None
        interval = {INTERVAL: HOUR if time[1] == "00" else QUARTER} if time else {}
        return {**self.around(), **interval}

    def feed(self, piece: bytes) -> None:
        """Some more bytes."""
        if not self._begun:
            self._begun = True
            if piece.startswith(_UTF16):
                self._utf16 = Utf16Lines(piece[:2])
                piece = piece[2:]
            piece = piece.removeprefix(codecs.BOM_UTF8)
        self._feed(piece if self._utf16 is None else self._utf16.feed(piece))

    def _feed(self, piece: bytes) -> None:
        data = self._rest + piece
        held = b""
        if data.endswith(b"\r"):  # perhaps the first half of CR LF
            data, held = data[:-1], b"\r"
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + held
        for line in lines:
            self._line(line)
        if len(self._rest) > MAX_LINE:
            self._too_long(self._rest)
            self._rest = held

    def gap(self, reason: str) -> None:
        """Bytes are lost here: the line before is cut, and so is the one behind."""
        if self._utf16 is not None:
            self._feed(self._utf16.close())
        rest, self._rest = self._rest, b""
        self.sink.quarantine(self.line + 1, text_of(rest[:200]), reason)
        self._skipping = True

    def close(self) -> None:
        """The file has ended: the last line may lack its end."""
        if self._utf16 is not None:
            self._feed(self._utf16.close())
        rest, self._rest = self._rest.rstrip(b"\r"), b""
        if rest or self._skipping:
            self._line(rest)

    def _line(self, data: bytes) -> None:
        self.line += 1
        if self._skipping:
            self._skipping = False
            return
        if len(data) > MAX_LINE:
            self._quarantine(data, f"The line is longer than {MAX_LINE:,} bytes: it is no row.")
            return
        text = text_of(data).strip()
        if not text:
            return
        self.sink.text, self.sink.around = text, self.around()
        try:
            self.row(text)
        except BadRow as bad:
            self.refused(text, str(bad))

    def _too_long(self, data: bytes) -> None:
        if not self._skipping:
            self.line += 1
            self._quarantine(data, f"The line is longer than {MAX_LINE:,} bytes: it is no row.")
            self.line -= 1
        self._skipping = True

    def _quarantine(self, data: bytes, reason: str) -> None:
        self.sink.quarantine(self.line, text_of(data[:200]), reason)


def text_of(data: bytes) -> str:
    """Bytes as UTF-8, or as Latin-1 when they are not that."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def first_lines(head: bytes, count: int = 40) -> list[str]:
    """The first lines that could be rows, by which a dialect is told. The last one may be cut: not if it lacks its end.

    Lines with control characters are no text: what a file has in another encoding must not outvote its rows.
    """
    if head.startswith(_UTF16):
        text = head.decode("utf-16", "replace")
    else:
        text = head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > 1:
        lines.pop()
    rows = (line.strip() for line in lines if not _CONTROL.search(line))
    return list(islice((line for line in rows if line and len(line) <= MAX_LINE), count))
