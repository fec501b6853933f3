"""The columns of the consumer downloads, by their headings: what each one says, and in which unit."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

WH, KWH = 1, 1000
"""Wh in the unit of a column."""

_CHANNELS = ("import", "export", "r1", "r2", "r3", "r4")
_ROLES = {
    "cups": "supply",
    "fecha": "day",
    "hora": "hour",
    "fecha-hora": "stamp",
    "fecha hora": "stamp",
    "inv / ver": "season",
    "inv/ver": "season",
    "metodo obtencion": "method",
    "metodoobtencion": "method",
    "metodo obt.": "method",
    "metodo": "method",
    "real/estimado": "method",
    "num factura": "invoice",
}
_ENERGIES = {
    "consumo": ("import", KWH),
    "consumo kwh": ("import", KWH),
    "consumo (kwh)": ("import", KWH),
    "ae kwh": ("import", KWH),
    "consumo wh": ("import", WH),
    "ae wh": ("import", WH),
    "as kwh": ("export", KWH),
    "generacion kwh": ("export", KWH),
    "energiavertida kwh": ("export", KWH),
    "energia vertida kwh": ("export", KWH),
    "generacion wh": ("export", WH),
    "as wh": ("export", WH),
}
_REACTIVE = {
    f"{begin}{n}{end}": f"r{n}" for n in "1234" for begin, end in (("react q", ""), ("r", " kvarh"), ("r", ""))
}
_SEPARATORS = (";", "\t", ",", "|")
_SHORTEST_FUZZY = 5
"""Headings shorter than this must be written right: one other letter makes another word of them."""


@dataclass(frozen=True)
class Columns:
    """Where each role stands. ``energies``: (channel 0-5, position, Wh per unit). ``count``: columns of a row.

    ``closed``: the heading ends with the separator, so a row's last separator ends its last field and begins none.
    """

    separator: str
    count: int
    places: dict[str, int]
    energies: tuple[tuple[int, int, int], ...]
    closed: bool = False

    def has(self, *roles: str) -> bool:
        """Whether there are all these columns."""
        return all(role in self.places for role in roles)


def header_columns(line: str) -> Columns | None:
    """The columns that a heading line names, or None if it is none: a supply, a stamp and an import are needed."""
    for separator in _SEPARATORS:
        if separator in line:
            found = columns_of(line.rstrip(separator).split(separator), separator)
            if found is not None:
                return replace(found, closed=line.rstrip().endswith(separator))
    return None


def looks_like_heading(line: str) -> bool:
    """Whether a line has one of the words that only headings have."""
    words = line.lower()
    return "fecha" in words or "cups" in words or "consumo" in words


def columns_of(headings: Sequence[str], separator: str = ";") -> Columns | None:
    """The columns of these headings; None if they do not say whose, when and how much. Unknown ones are passed over."""
    places: dict[str, int] = {}
    energies: dict[int, tuple[int, int, int]] = {}
    reactive: list[tuple[int, int]] = []
    for position, text in enumerate(headings):
        heading = _known(_plain(text))
        if heading in _ENERGIES:
            channel, unit = _ENERGIES[heading]
            energies.setdefault(_CHANNELS.index(channel), (_CHANNELS.index(channel), position, unit))
        elif heading in _REACTIVE:
            reactive.append((_CHANNELS.index(_REACTIVE[heading]), position))
        elif heading in _ROLES:
            places.setdefault(_ROLES[heading], position)
    dated = "stamp" in places or ("day" in places and "hour" in places)
    if "supply" not in places or not dated or 0 not in energies:
        return None
    unit = energies[0][2]  # reactive energy is in the unit of the active one
    for reactive_channel, position in reactive:
        energies.setdefault(reactive_channel, (reactive_channel, position, unit))
    return Columns(separator, len(headings), places, tuple(energies[at] for at in sorted(energies)))


def _plain(text: str) -> str:
    """A heading in lower case, without quotes or accents, a blank for an underscore."""
    letters = unicodedata.normalize("NFD", text.strip().strip('"').strip().lower().replace("_", " "))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _known(heading: str) -> str:
    """The known heading it is, also with one letter damaged if only one known heading is that near."""
    known = (*_ROLES, *_ENERGIES, *_REACTIVE)
    if heading in known or len(heading) < _SHORTEST_FUZZY:
        return heading
    near = [
        one
        for one in known
        if len(one) == len(heading)
        and one not in _REACTIVE
        and sum(a != b for a, b in zip(one, heading, strict=True)) == 1
    ]
    return near[0] if len(near) == 1 else heading
