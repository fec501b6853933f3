"""The fields of a row: supply codes, energy, obtaining methods. Each function gives the value or raises BadRow."""

from __future__ import annotations

import re
from functools import lru_cache

from services.metering.domain.formats.lines import BadRow
from services.metering.domain.formats.model import ESTIMATED
from services.metering.domain.readings import ABSURD_WH, DOUBTFUL, REAL

TYPE_5_MAX_WH = ABSURD_WH
"""Most energy of one hour behind a type 5 meter (P.O. 10.5)."""
TYPE_2_MAX_WH = 10_000_000
"""Points of type 2 to 5 contract less than 10 MW; consumer downloads do not say which type a point is of."""
TYPE_1_MAX_WH = 1_000_000_000
"""The largest consumers of the country are below 1 GW."""

_SUPPLY = re.compile(r"ES[0-9A-Z*]{18}(?:[0-9][FPRCXYZ])?")
_NUMBER = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{0,12}))?")
_METHODS = {"1": REAL, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6}
_LETTERS = {
    "R": REAL,
    "REAL": REAL,
    "E": ESTIMATED,
    "ESTIMADA": ESTIMATED,
    "ESTIMADO": ESTIMATED,
    "EST": ESTIMATED,
}


@lru_cache(maxsize=4096)
def supply_code(text: str) -> str:
    """A CUPS in capitals without blanks, 20 characters, or 22 with the border point. Its check letters are not judged."""
    code = "".join(text.upper().split())
    if not code.isascii() or _SUPPLY.fullmatch(code) is None:
        raise BadRow(f'"{text[:40]}" is not a CUPS: ES, 18 more characters and, at most, the border point (0F).')
    return code


def energy(name: str, text: str, scale: int, most: int, default: int | None = None) -> int:
    """Whole Wh, half up. ``scale``: 1 when the text is in Wh, 1000 when in kWh; decimal comma or point. ``most``: Wh."""
    text = text.strip()
    if not text and default is not None:
        return default
    value = whole(name, text, scale, "an hour cannot measure a negative energy")
    if value > most:
        raise BadRow(f"{name} is {value:,} Wh in one hour, more than {most:,} Wh: not credible.")
    return value


def whole(name: str, text: str, scale: int, never_negative: str) -> int:
    """A number with decimal comma or point, times ``scale``, half up. ``never_negative`` says why it cannot be below zero."""
    text = text.strip()
    if not text:
        raise BadRow(f"{name} is missing.")
    if text.isdigit() and text.isascii() and len(text) <= 12:
        return int(text) * scale
    match = _NUMBER.fullmatch(text)
    if match is None:
        if text[0] == "-" and _NUMBER.fullmatch(text[1:]):
            raise BadRow(f'{name} is "{text[:40]}": {never_negative}.')
        raise BadRow(f'{name} is "{text[:40]}": not a number.')
    decimals = match[2] or ""
    unit = 10 ** len(decimals)
    return (2 * int(match[1] + decimals) * scale + unit) // (2 * unit)


def method(text: str) -> int:
    """Quality of an obtaining method 1-6, or of R and E in letters; DOUBTFUL where nothing is said."""
    text = text.strip()
    if not text:
        return DOUBTFUL
    quality = _METHODS.get(text) or _LETTERS.get(text.upper())
    if quality is None:
        raise BadRow(f'The obtaining method is "{text[:40]}": it must be 1 to 6, or R or E.')
    return quality


def flag(name: str, text: str) -> int:
    """0 or 1."""
    if text not in ("0", "1"):
        raise BadRow(f'{name} is "{text[:40]}": it must be 0 or 1.')
    return int(text)
