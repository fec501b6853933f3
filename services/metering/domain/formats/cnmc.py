"""The consumer download with the headings of the CNMC: ``CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion``.

Date DD/MM/YYYY (YYYY/MM/DD is read too), hour by number 1 to 23, 24 or 25, kWh with decimal comma or point, R or E.
"""

from __future__ import annotations

from services.metering.domain.formats.columns import Columns
from services.metering.domain.formats.consumer import consumer_dialect
from services.metering.domain.formats.distributor import recogniser


def _by_header(columns: Columns, first_row: str) -> bool:
    return columns.has("day", "hour")


DIALECT = consumer_dialect(
    "CNMC CSV",
    ("CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion",),
    _by_header,
    recogniser(r"[^;]{18,26};[^;]{8,10};[0-9]{1,2};", 5),
)
