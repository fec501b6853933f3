"""The documents' typeface: registered once per process, measured and wrapped without layout engine.

Breaking is on ordinary blanks only, so an amount and its unit, joined by Babel with a no-break space, never part.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "AcometidaSans-Regular"
SEMIBOLD = "AcometidaSans-SemiBold"
DISPLAY = "AcometidaSans-Display"
_FOLDER = Path(__file__).parent / "fonts"

Run = tuple[str, str]  # (font, text)


#: reportlab reads a face through one cursor: two threads that cut it at once would read each other's place.
_CURSOR = threading.Lock()


def register() -> None:
    """Register the three faces with reportlab; later calls cost nothing."""
    with _CURSOR:
        _register()


@lru_cache(maxsize=1)
def _register() -> None:
    for name in (REGULAR, SEMIBOLD, DISPLAY):
        pdfmetrics.registerFont(TTFont(name, str(_FOLDER / f"{name}.ttf")))


@contextmanager
def subsetting() -> Iterator[None]:
    """Hold the faces while a document takes its subsets of them."""
    with _CURSOR:
        yield


@lru_cache(maxsize=20_000)
def width(text: str, font: str, size: float) -> float:
    """Advance width of `text` in points."""
    return float(pdfmetrics.getFont(font).stringWidth(text, size))


def clean(text: str) -> str:
    """Compose accents (NFC) and turn control characters, which no font can print, into blanks."""
    if text.isascii() and text.isprintable():
        return text
    composed = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(character) == "Cc" else character for character in composed)


def runs(template: str, values: Mapping[str, str]) -> list[Run]:
    """Runs of a message: text between ** is semibold. Values are inserted after the marks are read, never parsed."""
    parts = template.split("**")
    fonts = (REGULAR, SEMIBOLD)
    return [(fonts[index % 2], clean(part.format_map(values))) for index, part in enumerate(parts) if part]


def _pieces(word: str, font: str, size: float, limit: float) -> list[str]:
    """A word too long for a line, cut where it must be."""
    pieces, current = [], ""
    for character in word:
        if current and width(current + character, font, size) > limit:
            pieces.append(current)
            current = character
        else:
            current += character
    pieces.append(current)
    return pieces


def wrap_runs(parts: list[Run], size: float, limit: float) -> list[list[Run]]:
    """Lines of runs no wider than `limit` points; always at least one line."""
    lines: list[list[Run]] = [[]]
    used = 0.0
    for font, text in parts:
        for index, word in enumerate(text.split(" ")):
            gap = " " if index and used else ""
            for piece in [word] if width(word, font, size) <= limit else _pieces(word, font, size, limit):
                needed = width(gap + piece, font, size)
                if used and used + needed > limit:
                    lines.append([])
                    used, gap = 0.0, ""
                    needed = width(piece, font, size)
                lines[-1].append((font, gap + piece))
                used += needed
                gap = ""
    return [_joined(line) for line in lines]


def _joined(line: list[Run]) -> list[Run]:
    """Neighbouring runs of one font as one, so that each line is few drawing operations and extracts as whole words."""
    joined: list[Run] = []
    for font, text in line:
        if joined and joined[-1][0] == font:
            joined[-1] = (font, joined[-1][1] + text)
        elif text:
            joined.append((font, text))
    return joined


def shorten(text: str, font: str, size: float, limit: float) -> str:
    """`text` on one line, cut with an ellipsis when it is wider than `limit` points."""
    if width(text, font, size) <= limit:
        return text
    while text and width(text + "…", font, size) > limit:
        text = text[:-1]
    return text.rstrip(" ,") + "…"


@lru_cache(maxsize=5_000)
def wrap(text: str, font: str, size: float, limit: float) -> tuple[str, ...]:
    """Lines of `text` no wider than `limit` points."""
    lines = wrap_runs([(font, clean(text))], size, limit)
    return tuple("".join(part for _, part in line) for line in lines)
