"""F5D: billed hourly curve of type 5 points, from the distributor to the retailer, in Wh.

``CUPS;YYYY/MM/DD hh:mm;season;AE;AS;R1;R2;R3;R4;method;firm;invoice;`` - the stamp is the end of the hour (24:00 is written
as 00:00 of the next day), season 0 winter, 1 summer; method 1 to 6; firm 0 or 1.
"""

from __future__ import annotations

from services.metering.domain.formats.dialect import Dialect
from services.metering.domain.formats.distributor import ExchangeReader, energies, recogniser
from services.metering.domain.formats.fields import TYPE_5_MAX_WH, flag, method

_FIELDS = 12


class _Reader(ExchangeReader):
    def row(self, text: str) -> None:
        fields = self.fields(text, _FIELDS)
        quarter = self.last_quarter(fields[1], fields[2])
        values = energies(fields[3:9], 1, TYPE_5_MAX_WH)
        quality = method(fields[9])
        if fields[10]:
            flag("The firmness", fields[10])
        owner = self.owner(fields[0])
        self.sink.interval(self.line, owner, quarter, values, quality, self.sink.invoice(fields[11][:64]))


DIALECT = Dialect("F5D", recogniser(r"[^;]{18,26};[^;]{14,19};[^;]?;[^;]*;[^;]*;", _FIELDS), _Reader)
