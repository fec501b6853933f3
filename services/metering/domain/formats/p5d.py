"""P5D: provisional daily curve of type 5 points, from the distributor to the retailer, in Wh.

``CUPS;YYYY/MM/DD hh:mm;season;AE;AS;`` - stamps as in F5D. No method: validated by the reader, so taken as real.
"""

from __future__ import annotations

from services.metering.domain.formats.dialect import Dialect
from services.metering.domain.formats.distributor import ExchangeReader, energies, recogniser
from services.metering.domain.formats.fields import TYPE_5_MAX_WH
from services.metering.domain.readings import REAL

_FIELDS = 5


class _Reader(ExchangeReader):
    def row(self, text: str) -> None:
        fields = self.fields(text, _FIELDS)
        quarter = self.last_quarter(fields[1], fields[2])
        values = energies(fields[3:5], 1, TYPE_5_MAX_WH)
        self.sink.interval(self.line, self.owner(fields[0]), quarter, values, REAL)


DIALECT = Dialect("P5D", recogniser(r"[^;]{18,26};[^;]{14,19};[^;]?;[^;]*;", _FIELDS), _Reader)
