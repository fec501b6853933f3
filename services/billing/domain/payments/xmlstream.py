"""XML files of banks, read piece by piece: no document type, no entities, no endless depth or text, one error ends it.

A bank's file is taken whole or not at all, so unlike with meter reports nothing goes on behind a damaged spot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO
from xml.parsers import expat

from services.billing.domain.payments.movements import refused

MAX_DEPTH = 64
MAX_TEXT = 1 << 16
MAX_ELEMENT = 1 << 20
_PIECE = 1 << 16


class XmlStream:
    """Calls ``start(namespace, name, attributes)`` and ``end(name, text)``; the text is that before the end tag."""

    def __init__(self, start: Callable[[str, str, dict[str, str]], None], end: Callable[[str, str], None]) -> None:
        self._start, self._end = start, end
        self._depth, self._length = 0, 0
        self._text: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._no_document_type
        self._parser.EntityDeclHandler = self._no_document_type

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def read(self, source: BinaryIO) -> None:
        """The whole file. Raises Invalid for what is no well-formed XML, and for what tries to be a trap."""
        try:
            fed = 0
            while piece := source.read(_PIECE):
                self._parser.Parse(piece, False)
                fed += len(piece)
                if self._parser.CurrentByteIndex + MAX_ELEMENT < fed:
                    raise refused(self.line, "XML", "", f"one element is longer than {MAX_ELEMENT:,} bytes.")
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            raise refused(error.lineno, "XML", "", f"it is damaged or was cut short here ({said}).") from error
        except (LookupError, ValueError) as unknown:  # expat asks Python for encodings that it does not know itself
            raise refused(self.line, "XML", "", f"its encoding is not supported ({unknown}).") from unknown

    def _no_document_type(self, name: str, *_: object) -> None:
        raise refused(self.line, "XML", name, "it declares a document type or an entity, which no bank does.")

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise refused(self.line, "XML", "", f"elements stand in each other more than {MAX_DEPTH} deep.")
        self._text, self._length = [], 0
        namespace, _, local = name.rpartition(" ")
        self._start(namespace, local, attributes)

    def _close(self, name: str) -> None:
        self._depth -= 1
        text = "".join(self._text).strip()
        self._text, self._length = [], 0
        self._end(name.rpartition(" ")[2], text)

    def _characters(self, text: str) -> None:
        self._length += len(text)
        if self._length > MAX_TEXT:
            raise refused(self.line, "XML", text, f"a text is longer than {MAX_TEXT:,} characters.")
        self._text.append(text)
