"""The consumer's CSV of hourly consumption, as Spanish distributors write it.

`CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion`: semicolons, DD/MM/YYYY, hour 1…23, 24 or 25 (1 + whole hours since
local midnight), kWh with decimal comma and three decimals, R (real) or E (estimated). Lines end in CR LF (RFC 4180).
Absent hours have no row. Text cells that a spreadsheet would take for a formula are neutralised with an apostrophe.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from services.gateway.compose.curves import CurveView

HEADER = "CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(curve: CurveView, identifier: str) -> Iterator[str]:
    """The lines of the file, ends included. `identifier` is the CUPS, or the account number where there is none."""
    name = cell(identifier)
    yield f"{HEADER}\r\n"
    for day in curve.days:
        written = f"{day.day:%d/%m/%Y}"
        for hour in day.hours:
            if hour.wh is not None:
                method = "E" if hour.estimated else "R"
                yield f"{name};{written};{hour.number};{_kwh(hour.wh)};{method}\r\n"


def cell(text: str) -> str:
    """A text cell: quoted where the format asks, and never a formula."""
    if text.startswith(_FORMULA):
        text = "'" + text
    if any(mark in text for mark in ';"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _kwh(wh: int) -> str:
    return f"{Decimal(wh) / 1000:.3f}".replace(".", ",")
