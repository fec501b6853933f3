"""The download of e-distribución: ``CUPS;Fecha;Hora;AE_kWh;AS_KWh;AE_AUTOCONS_kWh;REAL/ESTIMADO``.

Date DD/MM/YYYY, hour by number, kWh with decimal comma. AS is the energy given to the grid. AE_AUTOCONS, the energy
self-consumed behind the meter, is no flow of the border point and is not kept.
"""

from __future__ import annotations

from services.metering.domain.formats.columns import Columns
from services.metering.domain.formats.consumer import consumer_dialect
from services.metering.domain.formats.distributor import recogniser

_USUAL = ("CUPS;Fecha;Hora;AE_kWh;AS_KWh;AE_AUTOCONS_kWh;REAL/ESTIMADO",)
_EXPORT = 1


def _by_header(columns: Columns, first_row: str) -> bool:
    exports = any(channel == _EXPORT for channel, _, _ in columns.energies)
    return columns.has("day", "hour", "method") and exports and _hour_is_a_number(columns, first_row)


def _hour_is_a_number(columns: Columns, first_row: str) -> bool:
    cells = first_row.split(columns.separator)
    return len(cells) > columns.places["hour"] and ":" not in cells[columns.places["hour"]]


DIALECT = consumer_dialect(
    "e-distribución CSV", _USUAL, _by_header, recogniser(r"[^;]{18,26};[^;]{8,10};[0-9]{1,2};", 7)
)
