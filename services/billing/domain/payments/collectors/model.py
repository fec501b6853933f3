"""Collectors of bills in Argentina: one interface for their files, each payment with the key it is booked by once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Literal, Protocol

from services.billing.domain.payments.movements import Finding

Instrument = Literal["cash", "cheque", "other"]


@dataclass(frozen=True, slots=True)
class Collected:
    """A payment over the counter, in cents of ARS. `barcode` is what was read from the bill, `client` what the collector
    took for the payer, `bank_reference` the idempotency key, `receipt` the collector's own name of the payment.
    """

    collector: str
    barcode: str
    paid_on: date
    cents: int
    bank_reference: str
    client: str = ""
    receipt: str = ""
    instrument: Instrument = "cash"
    line: int = 0


@dataclass(frozen=True)
class CollectorBatch:
    """A file whose counts and totals are right. Findings are what was wrong besides money."""

    collector: str
    created_on: date
    payments: tuple[Collected, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def cents(self) -> int:
        return sum(each.cents for each in self.payments)


class CollectorFile(Protocol):
    """The adapter of one collector's layout."""

    @property
    def name(self) -> str:
        """A short word that is stored with every payment."""
        ...

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins so is of this collector."""
        ...

    def read(self, source: BinaryIO) -> CollectorBatch:
        """The payments of a file. Raises Invalid, naming line and field, when its counts or totals do not fit."""
        ...


def dated(found: date | None, otherwise: date, line: int, text: str, findings: list[Finding]) -> date:
    """The day of a payment; when it is none, that of the file, which is told."""
    if found is None:
        sentence = f"Line {line}, day of payment {text!r}: This is no date; the payment is kept with {otherwise}."
        findings.append(Finding(line, "day of payment", text, sentence))
        return otherwise
    return found
