"""Files of Rapipago: lines of 73 characters, header, payments, trailer with count and total.

Source: Axoft, help of Tango Gestion, "Generación masiva de recibos", layout "archivo de imputación de pagos" of Rapipago.
Header: eight zeros, company 20, day of process 8, "Cobranzas Rapipago" 20. Payment: day 8, amount 15 (two decimals),
barcode. Trailer: 99999999, count 8, total 18 (two decimals).
"""

from __future__ import annotations

from typing import BinaryIO

from services.billing.domain.payments.collectors.model import Collected, CollectorBatch, dated
from services.billing.domain.payments.fixed_width import day, lines, number, required_day
from services.billing.domain.payments.movements import Finding, Keys, refused

_WIDTH = 73
_HEADER, _TRAILER = "0" * 8, "9" * 8
_TITLE = "Cobranzas Rapipago"


class Rapipago:
    """Reads the layout above."""

    name = "rapipago"

    def recognises(self, head: bytes) -> bool:
        return head.startswith(_HEADER.encode()) and head[36:56].strip().lower() == _TITLE.lower().encode()

    def read(self, source: BinaryIO) -> CollectorBatch:
        payments: list[Collected] = []
        findings: list[Finding] = []
        keys, created, ended, line = Keys(), None, False, 0
        for line, text in lines(source, _WIDTH):
            if ended:
                raise refused(line, "record", text.strip(), "something follows the end of the file.")
            if created is None:
                if not self.recognises(text.encode("latin-1")):
                    raise refused(line, "header", text[:56], f"the file must begin with zeros and say {_TITLE!r}.")
                created = required_day(line, "day of process", text[28:36])
            elif text.startswith(_TRAILER):
                self._check(line, text, payments)
                ended = True
            else:
                cents, barcode = number(line, "amount", text[8:23]), text[23:].strip()
                payments.append(
                    Collected(
                        collector=self.name,
                        barcode=barcode,
                        paid_on=dated(day(text[:8]), created, line, text[:8], findings),
                        cents=cents,
                        # The day of process tells a bill that was paid twice from a file that came twice.
                        bank_reference=keys.key(self.name, created, text[:8], cents, barcode),
                        line=line,
                    )
                )
        if not ended or created is None:
            raise refused(line, "trailer", "", "the file ends without its totals: it was cut short.")
        return CollectorBatch(self.name, created, tuple(payments), tuple(findings))

    def _check(self, line: int, text: str, payments: list[Collected]) -> None:
        mine = sum(each.cents for each in payments)
        if number(line, "count", text[8:16]) != len(payments):
            raise refused(line, "count", text[8:16], f"the file has {len(payments)} payments.")
        if number(line, "total", text[16:34]) != mine:
            raise refused(line, "total", text[16:34], f"the payments of the file make {mine} cents.")
