"""Files of Pago Fácil (SEPSA): lines of 128 characters, three per payment, in batches with totals.

Source: SEPSA, "Archivo de transmisión", as the help of Axoft Tango Gestion prints it ("Generación masiva de recibos"). 1
header, 3 batch, 5 payment, 6 its barcode (80), 7 its instrument, 8 end of batch, 9 end of file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import BinaryIO

from services.billing.domain.payments.collectors.model import Collected, CollectorBatch, Instrument, dated
from services.billing.domain.payments.fixed_width import day, lines, number, required_day
from services.billing.domain.payments.movements import Finding, Keys, refused

_WIDTH = 128
_TITLE = "PAGO FACIL"
_INSTRUMENTS: dict[str, Instrument] = {"E": "cash", "C": "cheque"}
#: Which records may follow each: a payment is 5, 6 and 7.
_FOLLOWS = {"": "1", "1": "39", "3": "58", "5": "6", "6": "7", "7": "578", "8": "39", "9": ""}


@dataclass
class _File:
    created: date | None = None
    payments: list[Collected] = field(default_factory=list)
    batch: list[Collected] = field(default_factory=list)
    batches: int = 0
    findings: list[Finding] = field(default_factory=list)
    keys: Keys = field(default_factory=Keys)


class PagoFacil:
    """Reads the layout above."""

    name = "pago_facil"

    def recognises(self, head: bytes) -> bool:
        return head.startswith(b"1") and head[9:34].strip() == _TITLE.encode()

    def read(self, source: BinaryIO) -> CollectorBatch:
        file, before, line = _File(), "", 0
        for line, text in lines(source, _WIDTH):
            code = text[0]
            if code not in _FOLLOWS[before]:
                awaited = " or ".join(_FOLLOWS[before]) or "nothing"
                raise refused(
                    line, "record", code, f"after record {before or 'none'} the file must go on with {awaited}."
                )
            self._record(file, line, code, text)
            before = code
        if before != "9" or file.created is None:
            raise refused(line, "record 9", "", "the file ends without its totals: it was cut short.")
        return CollectorBatch(self.name, file.created, tuple(file.payments), tuple(file.findings))

    def _record(self, file: _File, line: int, code: str, text: str) -> None:
        if code == "1":
            if not self.recognises(text.encode("latin-1")):
                raise refused(line, "header", text[9:34].strip(), f"the file must say {_TITLE!r}.")
            file.created = required_day(line, "creation day", text[1:9])
        elif code == "3":
            file.batches += 1
            file.batch = []
        elif code == "5":
            self._payment(file, line, text)
        elif code == "6":
            file.batch[-1] = replace(file.batch[-1], barcode=text[1:81].strip())
        elif code == "7":
            file.batch[-1] = replace(file.batch[-1], instrument=_INSTRUMENTS.get(text[4], "other"))
        elif code == "8":
            self._totals(line, "batch", text, file.batch)
            file.payments += [self._keyed(file, each) for each in file.batch]
        else:
            if number(line, "count of batches", text[9:15]) != file.batches:
                raise refused(line, "count of batches", text[9:15], f"the file has {file.batches}.")
            self._totals(line, "file", text, file.payments)

    def _payment(self, file: _File, line: int, text: str) -> None:
        otherwise = file.created or required_day(line, "creation day", "")
        terminal, hour, sequence = text[58:64].strip(), text[72:76], text[76:80]
        file.batch.append(
            Collected(
                collector=self.name,
                barcode="",
                paid_on=dated(day(text[64:72]), otherwise, line, text[64:72], file.findings),
                cents=number(line, "amount", text[48:58]),
                bank_reference="",
                client=text[24:45].strip(),
                receipt=f"{terminal}-{text[64:72]}-{hour}-{sequence}",
                line=line,
            )
        )

    def _keyed(self, file: _File, each: Collected) -> Collected:
        """Terminal, day, hour and sequence are what the collector knows a payment by."""
        key = file.keys.key(self.name, each.receipt, each.client, each.barcode, each.cents)
        return replace(each, bank_reference=key)

    def _totals(self, line: int, of: str, text: str, payments: list[Collected]) -> None:
        mine = sum(each.cents for each in payments)
        if number(line, f"count of the {of}", text[15:22]) != len(payments):
            raise refused(line, f"count of the {of}", text[15:22], f"the {of} has {len(payments)} payments.")
        if number(line, f"total of the {of}", text[22:34]) != mine:
            raise refused(line, f"total of the {of}", text[22:34], f"the payments of the {of} make {mine} cents.")
