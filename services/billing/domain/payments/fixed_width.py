"""Fields of files in lines of a fixed width: a number is digits alone, a date is eight of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO

from services.billing.domain.payments.movements import refused

_LONGEST_LINE = 1 << 16


def lines(source: BinaryIO, width: int) -> Iterator[tuple[int, str]]:
    """Line number and `width` characters (Latin-1) of each line that is not empty; cut blanks are put back."""
    number_ = 0
    while raw := source.readline(_LONGEST_LINE):
        number_ += 1
        text = raw.decode("latin-1").rstrip("\r\n\x1a\0 ")
        if len(text) > width:
            raise refused(number_, "record", text, f"it has {len(text)} characters and this format {width}.")
        if text:
            yield number_, text.ljust(width)


def number(line: int, name: str, text: str) -> int:
    """Digits as a number. Raises Invalid, naming line and field, for anything else: blanks, signs, letters."""
    if not (text.isascii() and text.isdigit()):
        raise refused(line, name, text, "this is not a number.")
    return int(text)


def day(text: str) -> date | None:
    """yyyymmdd; None for what is no day."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def required_day(line: int, name: str, text: str) -> date:
    """A day without which the file is not what it should be."""
    found = day(text)
    if found is None:
        raise refused(line, name, text, "this is no day written yyyymmdd.")
    return found
