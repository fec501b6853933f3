"""A plain table of register readings: water meters, and meters that somebody reads by hand.

    contador;fecha;P1;P2;P3;unidad;origen          meter,date,reading,unit,origin
    LGZ0012345678;31/10/2026;5120,4;3010;7755,25;kWh;visual     W-10231,2026-10-31,1204.318,m3,portable

* Headings in Spanish or English, in any order; separator ``;``, ``,`` or tab; decimal comma or point.
* Whose: the meter's serial, or the CUPS, or the account number (or several of them).
* When: the day the meter was read, with or without a time. A reading says what was used up to the **end** of that day,
  which is the midnight at which the next one begins; only one of 00:00 is that day's own midnight.
* What: one absolute register, or one per tariff period (P1 to P6), perhaps with a total. kWh or Wh, m3 or litres: in a
  column of its own, or after the names of the registers.
* How: the origin in words, or by its number in table 44 of the CNMC; without the column, somebody read the meter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.formats.dialect import HEADING, Context, Dialect
from services.metering.domain.formats.fields import supply_code, whole
from services.metering.domain.formats.lines import BadRow, LineReader, first_lines, text_of
from services.metering.domain.formats.sink import Sink
from services.metering.domain.formats.stamps import parse_day
from services.metering.domain.formats.table_rows import cells_of
from services.metering.domain.hours import day_of_number, local_days
from services.metering.domain.readings import CHANNELS, IMPORT
from services.metering.domain.registers import LITRE, WATER, WH, RegisterRow

_NAMES = {
    "meter": (
        *("contador", "medidor", "n contador", "numero de contador", "numero contador", "numero de medidor"),
        *("meter", "meter serial", "meter number", "serial"),
    ),
    "supply": ("cups", "cuenta", "numero de cuenta", "n cuenta", "suministro", "account", "account number", "supply"),
    "day": ("fecha", "fecha lectura", "fecha de lectura", "dia", "date", "reading date", "day"),
    "time": ("hora", "hora lectura", "hora de lectura", "time", "reading time"),
    "unit": ("unidad", "unidades", "unit", "units"),
    "origin": ("origen", "origen lectura", "origen de la lectura", "procedencia", "origin", "source"),
    "reading": ("lectura", "valor", "registro", "lectura actual", "reading", "value", "register"),
    "total": ("total", "lectura total", "total reading"),
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names} | {f"p{n}": f"p{n}" for n in range(1, 7)}
_PERIODS = tuple(f"p{n}" for n in range(1, 7))
_UNITS = {
    "kwh": (WH, 1000),
    "wh": (WH, 1),
    "m3": (LITRE, 1000),
    "m\u00b3": (LITRE, 1000),
    "l": (LITRE, 1),
    "litros": (LITRE, 1),
    "litres": (LITRE, 1),
}
_ORIGINS = {
    Origin.REMOTE: ("remota", "telelectura", "telemedida", "remote"),
    Origin.PORTABLE: ("portatil", "tpl", "terminal portatil", "portable", "handheld"),
    Origin.VISUAL: ("visual", "manual", "real", "lectura visual", "lectura manual", "by hand"),
    Origin.ESTIMATED: ("estimada", "estimado", "estimacion", "estimated", "estimate"),
    Origin.SELF_READING: ("autolectura", "titular", "cliente", "socio", "self-reading", "self reading", "member"),
    Origin.REMOTE_MANAGEMENT: ("telegestion", "telegestionada", "remote management", "smart meter"),
    Origin.CALCULATED: ("calculada", "calculado", "calculated"),
}
_WORDS = {word: origin for origin, words in _ORIGINS.items() for word in words}
_NUMBERS = {str(int(origin)): origin for origin in Origin if origin is not Origin.NONE}
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?")
_SEPARATORS = (";", "\t", ",")
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Heading:
    """Where each role stands, and the unit that a heading names behind a register (role "" if none does)."""

    separator: str
    count: int
    places: Mapping[str, int]
    unit: str


def heading_of(line: str) -> Heading | None:
    """The columns that a heading line names, or None if it is not that of a table of readings."""
    for separator in _SEPARATORS:
        names = [_plain(name) for name in line.split(separator)]
        while names and not names[-1]:
            names.pop()
        places: dict[str, int] = {}
        units: set[str] = set()
        for at, name in enumerate(names):
            role, unit = _role(name)
            if role:
                places.setdefault(role, at)
            if role and unit:
                units.add(unit)
        whose = "meter" in places or "supply" in places
        if whose and "day" in places and ("reading" in places or "p1" in places or "total" in places):
            if "unit" not in places and len(units) != 1:
                continue
            return Heading(separator, len(names), places, "" if "unit" in places else units.pop())
    return None


def _role(name: str) -> tuple[str, str]:
    """What a heading means, and the unit written behind it: "P1 (kWh)" is ("p1", "kwh")."""
    if name in _ROLES:
        return _ROLES[name], ""
    begin, _, unit = name.replace("(", " ").replace(")", "").strip().rpartition(" ")
    return (_ROLES.get(begin.strip(), ""), unit) if unit in _UNITS else ("", "")


def _plain(text: str) -> str:
    """In lower case, without quotes or accents, a blank for an underscore, and "n" for the sign of number."""
    text = text.strip().strip('"').strip().lower().replace("_", " ").replace("\u00ba", "").replace("\u00b0", "")
    letters = unicodedata.normalize("NFD", text.replace(".", ""))
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split())


class _Reader(LineReader):
    stamped = False

    def __init__(self, sink: Sink, context: Context) -> None:
        super().__init__(sink, context)
        self._days = local_days(context.zone_name)
        self._first, self._end = context.known_hours()
        self._heading: tuple[Heading, str] | None = None

    def around(self) -> Mapping[str, str]:
        """The heading in force."""
        return {HEADING: self._heading[1]} if self._heading else {}

    def point(self, text: str) -> str:
        """The meter or supply that a row names, as far as it can be told."""
        if self._heading is not None:
            heading = self._heading[0]
            cells = text.split(heading.separator)
            for role in ("meter", "supply"):
                at = heading.places.get(role, len(cells))
                if at < len(cells) and cells[at].strip():
                    return cells[at].strip().strip('"')[:_LONGEST_NAME]
        return super().point(text)

    def row(self, text: str) -> None:
        found = heading_of(text)
        if found is not None:
            self._heading = found, text
            return
        if self._heading is None:
            raise BadRow("The row stands before any heading that says what its columns are.")
        heading = self._heading[0]
        row = self._register(cells_of(text, heading.separator, heading.count), heading)
        if row.meter:
            self.sink.register(row)
        else:
            self.sink.register(row, text, self.around())

    def _register(self, cells: list[str], heading: Heading) -> RegisterRow:
        texts = {role: cells[at].strip() for role, at in heading.places.items()}
        meter, supply = texts.get("meter", ""), texts.get("supply", "")
        if not meter and not supply:
            raise BadRow("The row names neither a meter nor a supply.")
        if max(len(meter), len(supply)) > _LONGEST_NAME or not (meter + supply).isprintable():
            raise BadRow(
                f"The meter or supply is no name: it has signs that cannot be printed, or more than {_LONGEST_NAME}."
            )
        if supply[:2].upper() == "ES":
            supply = supply_code(supply)
        unit_text = texts.get("unit", heading.unit)
        unit, scale = _UNITS.get(_plain(unit_text), ("", 0))
        if not unit:
            raise BadRow(f'The unit is "{unit_text[:20]}": it must be kWh, Wh, m3 or litres.')
        channel = CHANNELS[IMPORT] if unit == WH else WATER
        registers, total = _registers(texts, scale)
        if unit == LITRE and len(registers) > 1:
            raise BadRow("A water meter has one register, not one per tariff period.")
        return RegisterRow(
            meter,
            supply,
            day_of_number(self._day(texts)),
            _origin(texts.get("origin", "")),
            unit,
            {channel: registers},
            {} if total is None else {channel: total},
            line=self.line,
        )

    def _day(self, texts: Mapping[str, str]) -> int:
        """The day at whose first midnight the registers stood so."""
        text, _, time = texts["day"].replace("T", " ").partition(" ")
        read = parse_day(text)
        time = texts.get("time", "") or time.strip()
        day = read + 1
        if time:
            match = _TIME.fullmatch(time)
            if match is None or int(match[1]) > 24 or int(match[2]) > 59:
                raise BadRow(f'"{time[:20]}" is not a time of day: hh:mm.')
            if match[1].lstrip("0") == "" and match[2] == "00":
                day = read
        if not self._first <= self._days.start_of(read) or self._days.start_of(day) > self._end:
            raise BadRow(f"The reading of {day_of_number(read)} lies in the future.")
        return day


def _registers(texts: Mapping[str, str], scale: int) -> tuple[tuple[int, ...], int | None]:
    """Absolute values per tariff period (one for a meter with one register), and the total register if there is one too."""
    never = "a register is never negative"
    given = [number for number, role in enumerate(_PERIODS, 1) if texts.get(role)]
    single = texts.get("reading", "") or texts.get("total", "")
    if not given:
        return (whole("The reading", single, scale, never),), None
    if given[-1] != len(given):
        missing = next(number for number in range(1, given[-1]) if number not in given)
        raise BadRow(f"The register of P{missing} is missing.")
    values = tuple(whole(f"P{number}", texts[f"p{number}"], scale, never) for number in given)
    return values, whole("The total", single, scale, never) if single else None


def _origin(text: str) -> Origin:
    """Origin in words or by number; without any, somebody read the meter."""
    if not text:
        return Origin.VISUAL
    found = _NUMBERS.get(text) or _WORDS.get(_plain(text))
    if found is None:
        raise BadRow(f'The origin is "{text[:40]}": visual, portable, remote, self-reading, estimated, or its number.')
    return found


def _recognises(head: bytes) -> bool:
    # first_lines reads everything as Latin-1; the headings here have letters beyond ASCII.
    return any(heading_of(text_of(line.encode("latin-1", "replace"))) is not None for line in first_lines(head))


DIALECT = Dialect("Register CSV", _recognises, _Reader)
