"""Incremental XML that survives what real files and hostile ones contain.

Expat with three additions: entity declarations are refused before they can expand, one element may not grow beyond
MAX_TOKEN (so memory stays flat whatever the file's size), and a damaged spot does not end the file: reading resumes at
the next known tag, with true line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers import expat

MAX_TOKEN = 1 << 20
MAX_DEPTH = 64
MAX_DAMAGES = 1000
"""A file with more damaged spots than this is not a damaged report but something else."""

_PIECE = 1 << 16
_CUT_SHORT = {
    3,
    4,
    5,
    6,
    20,
}  # XML_ERROR_NO_ELEMENTS, INVALID_TOKEN at the end, UNCLOSED_TOKEN, PARTIAL_CHAR, UNCLOSED_CDATA


def lost(reason: str, what: str, after: str, ask_for: str) -> str:
    """What damage took, as a sentence for the office: nothing of it can be read again, so it says what to ask for.

    ``after``: the stamp read last before the damage, or empty.
    """
    since = f" after the stamp {after}" if after else ""
    return (
        f"{reason} What stood from here to the next whole element is lost: {what}{since}. It cannot be read again: ask "
        f"whoever sent the file for {ask_for}, import that, and discard this row."
    )


class FileRefused(Exception):
    """The file as a whole cannot be read; the message is the sentence for the operator. Raised by handlers, kept inside."""


class XmlFeed:
    """Feeds bytes to ``start(name, ordered_attributes)`` and ``end(name)``.

    ``resume_tags``: names at whose start or end tag reading resumes after damage. ``context()`` gives the opening tags
    (as bytes) of the elements that are open, or None before there are any. ``damaged(line, value, reason)`` is told of
    each spot; ``where()`` names what is being read, for people. ``problem`` is empty, or the sentence that says what
    ended the file early.
    """

    def __init__(
        self,
        start: Callable[[str, list[str]], None],
        end: Callable[[str], None],
        resume_tags: tuple[str, ...],
        context: Callable[[], bytes | None],
        damaged: Callable[[int, str, str], None],
        where: Callable[[], str],
    ) -> None:
        self._start, self._end, self._context, self._damaged, self._where = start, end, context, damaged, where
        names = "|".join(re.escape(tag) for tag in resume_tags)
        self._resume_tag = re.compile(rf"</?(?:{names})[\s/>]".encode())
        self._encoding: str | None = None
        self._window = b""
        self._searching_from_line: int | None = None
        self._muted = False
        self._resumed_at = -1
        self._damages = 0
        self._anything = False
        self._closed = False
        self.problem = ""
        self.parser = self._new_parser()
        self._window_pos = 0

    @property
    def line(self) -> int:
        """Line of the element being handled, from 1."""
        return self.parser.CurrentLineNumber

    def feed(self, data: bytes) -> None:
        """Parse some bytes. After a problem the rest is ignored."""
        for begin in range(0, len(data), _PIECE):
            if self.problem:
                return
            self._anything = True
            piece = data[begin : begin + _PIECE]
            self._window += piece
            if self._searching_from_line is not None:
                self._resume(0, self._searching_from_line)
            else:
                self._parse(piece)
            self._trim()

    def gap(self, reason: str) -> None:
        """Some bytes are lost here, and ``reason`` says why. What stands before and behind never makes one element; reading
        resumes at the next known tag.
        """
        if self.problem:
            return
        searching = self._searching_from_line
        line = (self.line if searching is None else searching) + self._window.count(b"\n")
        if self._context() is None:
            self.problem = f"The beginning of the file is lost. {reason}"
            return
        self._damaged(line, "", reason)
        self._drop(len(self._window))
        self._searching_from_line = line

    def close(self) -> None:
        """The file has ended: sets ``problem`` when it ended too early."""
        if self._closed or self.problem:
            return
        self._closed = True
        if not self._anything:
            self.problem = "The file is empty."
            return
        if self._searching_from_line is not None:
            return
        error = self._try(b"", final=True)
        if error is not None:
            if self._context() is None:
                self.problem = self._not_a_report(error)
            elif error.code in _CUT_SHORT:
                self.problem = (
                    f"The file ends in the middle of {self._where()}, at line {error.lineno}: it was cut short."
                )
            else:
                self._damage(error)

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(self._encoding)
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._refuse_entity
        parser.XmlDeclHandler = self._note_encoding
        return parser

    def _note_encoding(self, version: str, encoding: str | None, standalone: int) -> None:
        self._encoding = encoding

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise FileRefused(
            f"The file declares the XML entity {name[:40]!r} at line {self.line}; meter reports never do, so it was refused."
        )

    def _parse(self, piece: bytes) -> None:
        error = self._try(piece)
        if error is None:
            return
        if self._context() is None:
            self.problem = self._not_a_report(error)
            return
        position = self._damage(error)
        if not self.problem:
            self._resume(position, error.lineno)

    def _try(self, piece: bytes, final: bool = False) -> expat.ExpatError | None:
        """Parse; the error of a damaged spot. What refuses the whole file becomes the problem."""
        try:
            self.parser.Parse(piece, final)
        except expat.ExpatError as error:
            return error
        except FileRefused as refusal:
            self.problem = str(refusal)
        except (LookupError, ValueError) as unknown:  # expat asks Python for encodings it does not know itself
            self.problem = f"The file cannot be read: it declares an encoding that is not supported ({unknown})."
        return None

    def _damage(self, error: expat.ExpatError) -> int:
        """Report a damaged spot; its index in the window."""
        position = max(self.parser.ErrorByteIndex - self._window_pos, 0)
        around = self._window[max(position - 40, 0) : position + 40].decode("ascii", "backslashreplace")
        self._damages += 1
        if self._damages > MAX_DAMAGES:
            self.problem = (
                f"The file is damaged in more than {MAX_DAMAGES} places; reading stopped at line {error.lineno}."
            )
        else:
            self._damaged(error.lineno, around, f"The XML is damaged here ({expat.ErrorString(error.code)}).")
        return position

    def _resume(self, position: int, line: int) -> None:
        """Go on at the next known tag at or after ``position`` of the window, which stands on ``line``."""
        while True:
            # Never twice at the same tag: a tag that is itself damaged is passed over.
            search_from = max(position, self._resumed_at + 1)
            found = self._resume_tag.search(self._window, search_from)
            if found is None:
                keep = max(len(self._window) - 8, search_from if search_from <= len(self._window) else 0, position)
                self._searching_from_line = line + self._window.count(b"\n", position, keep)
                self._drop(keep)
                return
            line += self._window.count(b"\n", position, found.start())
            self._searching_from_line = None
            self._drop(found.start())
            self._resumed_at = 0
            prefix = (self._context() or b"<Report>") + b"\n" * (line - 1)
            self.parser = self._new_parser()
            self.parser.StartElementHandler = self.parser.EndElementHandler = None
            self.parser.Parse(prefix, False)
            self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end
            self._window_pos = len(prefix)
            error = self._try(self._window)
            if error is None:
                return
            position, line = self._damage(error), error.lineno
            if self.problem:
                return

    def _trim(self) -> None:
        if self._searching_from_line is not None or self.problem:
            return
        self._drop(max(self.parser.CurrentByteIndex - self._window_pos, 0))
        if len(self._window) > MAX_TOKEN:
            self.problem = f"One element is longer than {MAX_TOKEN:,} bytes at line {self.line}; reading stopped there."

    def _drop(self, count: int) -> None:
        self._window = self._window[count:]
        self._window_pos += count
        self._resumed_at -= count

    def _not_a_report(self, error: expat.ExpatError) -> str:
        begin = self._window[:40].decode("utf-8", "backslashreplace")
        if self._window.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"<" and not self._window.startswith(
            (b"\xff\xfe", b"\xfe\xff")
        ):
            return f"The file is not XML: it begins with {begin!r}."
        return f"The file cannot be read as XML at line {error.lineno} ({expat.ErrorString(error.code)}); it begins with {begin!r}."
