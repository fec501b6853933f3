"""The platform's own file of collected bills, for collectors without a layout of theirs (a shop, another cooperative).

Latin-1 lines of 92 characters. H: mark "COBRANZAS " 10, collector 4, day yyyymmdd 8, file number 6. D: barcode 50, day of
payment 8, cents 12, instrument 1 (E cash, C cheque, O other), receipt 20. T: count 7, total cents 15, check 2 (ISO 7064
modulo 97-10 over collector, day, number, count and total).
"""

from __future__ import annotations

from typing import BinaryIO

from stdnum.iso7064 import mod_97_10

from services.billing.domain.payments.collectors.model import Collected, CollectorBatch, Instrument, dated
from services.billing.domain.payments.fixed_width import day, lines, number, required_day
from services.billing.domain.payments.movements import Finding, Keys, refused

_WIDTH = 92
_MARK = "HCOBRANZAS "
_INSTRUMENTS: dict[str, Instrument] = {"E": "cash", "C": "cheque", "O": "other"}


class Generic:
    """Reads the layout above."""

    name = "generic"

    def recognises(self, head: bytes) -> bool:
        return head.startswith(_MARK.encode())

    def read(self, source: BinaryIO) -> CollectorBatch:
        payments: list[Collected] = []
        findings: list[Finding] = []
        keys, header, created, ended, line = Keys(), "", None, False, 0
        for line, text in lines(source, _WIDTH):
            if ended:
                raise refused(line, "record", text.strip(), "something follows the end of the file.")
            if created is None:
                if not text.startswith(_MARK):
                    raise refused(line, "record H", text[:11], f"the file must begin with {_MARK!r}.")
                created = required_day(line, "day of the file", text[15:23])
                header = f"{number(line, 'collector', text[11:15]):04d}{text[15:23]}{number(line, 'number', text[23:29]):06d}"
            elif text[0] == "D":
                cents = number(line, "cents", text[59:71])
                paid_on = dated(day(text[51:59]), created, line, text[51:59], findings)
                payments.append(
                    Collected(
                        collector=self.name,
                        barcode=text[1:51].strip(),
                        paid_on=paid_on,
                        cents=cents,
                        bank_reference=keys.key(self.name, header, text.rstrip()),
                        receipt=text[72:92].strip(),
                        instrument=_INSTRUMENTS.get(text[71], "other"),
                        line=line,
                    )
                )
            elif text[0] == "T":
                self._check(line, text, header, payments)
                ended = True
            else:
                raise refused(line, "record", text[0], "a line begins with H, D or T.")
        if not ended or created is None:
            raise refused(line, "record T", "", "the file ends without its totals: it was cut short.")
        return CollectorBatch(self.name, created, tuple(payments), tuple(findings))

    def _check(self, line: int, text: str, header: str, payments: list[Collected]) -> None:
        count, total = number(line, "count", text[1:8]), number(line, "total", text[8:23])
        asked = mod_97_10.calc_check_digits(f"{header}{text[1:23]}")
        if text[23:25] != asked:
            raise refused(line, "check digits", text[23:25], f"they must be {asked}.")
        mine = sum(each.cents for each in payments)
        if count != len(payments):
            raise refused(line, "count", text[1:8], f"the file has {len(payments)} payments.")
        if total != mine:
            raise refused(line, "total", text[8:23], f"the payments of the file make {mine} cents.")
