"""The download of i-DE: ``CUPS;FECHA-HORA;INV / VER;CONSUMO Wh;GENERACION Wh``, now and then with PERIODO TARIFARIO,
REACT Q1 to Q4, METODO OBT., FIRMEZA and NUM FACTURA.

Stamp ``YYYY/MM/DD hh:mm`` of the end of an hour or of a quarter of one; midnight is 24:00 of the day or 00:00 of the next.
INV / VER: 0 winter, 1 summer. Four quarters make an hour.
"""

from __future__ import annotations

from services.metering.domain.formats.columns import Columns
from services.metering.domain.formats.consumer import consumer_dialect
from services.metering.domain.formats.distributor import recogniser


def _by_header(columns: Columns, first_row: str) -> bool:
    return columns.has("stamp")


DIALECT = consumer_dialect(
    "i-DE CSV",
    (
        "CUPS;FECHA-HORA;INV / VER;CONSUMO Wh;GENERACION Wh",
        "CUPS;FECHA-HORA;INV / VER;PERIODO TARIFARIO;CONSUMO Wh;GENERACION Wh",
    ),
    _by_header,
    recogniser(r"[^;]{18,26};[^;]{14,19};[^;]?;[^;]*;[^;]*;[0-9]", 6),
)
