"""The download of Datadis: ``cups;fecha;hora;consumo_kWh;metodoObtencion``, and more columns for self-consumption.

Date YYYY/MM/DD (DD/MM/YYYY is read too), hour ``hh:mm`` 01:00 to 24:00, kWh, ``Real`` or ``Estimada``.
"""

from __future__ import annotations

from services.metering.domain.formats.columns import Columns
from services.metering.domain.formats.consumer import consumer_dialect
from services.metering.domain.formats.distributor import recogniser


def _by_header(columns: Columns, first_row: str) -> bool:
    cells = first_row.split(columns.separator)
    return columns.has("day", "hour") and len(cells) > columns.places["hour"] and ":" in cells[columns.places["hour"]]


DIALECT = consumer_dialect(
    "Datadis CSV",
    ("cups;fecha;hora;consumo_kWh;metodoObtencion",),
    _by_header,
    recogniser(r"[^;]{18,26};[^;]{8,10};[0-9]{1,2}:[0-9]{2};", 5),
)
