"""F1: hourly curve of the points of types 1 to 4, in **kWh**. (The XML invoicing message F1 is another thing.)

``CUPS;11;YYYY/MM/DD HH:MM:SS;season;AE;AS;R1;R2;R3;R4;reserved;reserved;method;firm;`` - stamps as in F5D.
"""

from __future__ import annotations

from services.metering.domain.formats.dialect import Dialect
from services.metering.domain.formats.distributor import ExchangeReader, energies, recogniser
from services.metering.domain.formats.fields import TYPE_1_MAX_WH, flag, method
from services.metering.domain.formats.lines import BadRow

_FIELDS = 14
_HOURLY = "11"
_WH_PER_KWH = 1000


class _Reader(ExchangeReader):
    def row(self, text: str) -> None:
        fields = self.fields(text, _FIELDS)
        if fields[1] != _HOURLY:
            raise BadRow(f'The type of measurement is "{fields[1][:20]}", not {_HOURLY} (hourly).')
        quarter = self.last_quarter(fields[2], fields[3])
        values = energies(fields[4:10], _WH_PER_KWH, TYPE_1_MAX_WH)
        quality = method(fields[12])
        if fields[13]:
            flag("The firmness", fields[13])
        self.sink.interval(self.line, self.owner(fields[0]), quarter, values, quality)


DIALECT = Dialect("F1", recogniser(r"[^;]{18,26};[^;]{1,3};[^;]{16,21};[^;]?;", _FIELDS), _Reader)
