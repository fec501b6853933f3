"""A file with money of many payers, from a bank or a collector: told apart by its content, read into movements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Literal

from services.billing.domain.payments.collectors import COLLECTORS, Collected
from services.billing.domain.payments.movements import BankMovement, StatementFile
from services.billing.domain.payments.statements import read_bank_file
from services.chassis.errors import Invalid

Source = Literal["statement", "collector"]
#: Collectors of Argentina take pesos; their files do not say it.
_COLLECTED_CURRENCY = "ARS"


@dataclass(frozen=True)
class MoneyFile:
    """`findings` are sentences about what was wrong besides money."""

    source: Source
    format: str
    movements: tuple[BankMovement, ...]
    findings: tuple[str, ...]
    statements: StatementFile | None = None


def read_money_file(source: BinaryIO) -> MoneyFile:
    """The movements of a seekable file. Raises Invalid, with a sentence, for one that cannot be booked whole."""
    head = source.read(256)
    source.seek(0)
    collector = next((each for each in COLLECTORS if each.recognises(head)), None)
    if collector is not None:
        batch = collector.read(source)
        movements = tuple(_movement(each) for each in batch.payments)
        return MoneyFile("collector", collector.name, movements, tuple(each.sentence for each in batch.findings))
    try:
        found = read_bank_file(source)
    except Invalid as wrong:
        if any(each.field == "content" for each in wrong.violations):
            names = ", ".join(each.name for each in COLLECTORS)
            raise Invalid(f"{wrong.message} Files of collectors are known, too: {names}.", wrong.reason) from wrong
        raise
    sentences = tuple(each.sentence for each in found.findings)
    return MoneyFile("statement", found.format, found.movements, sentences, found)


def _movement(each: Collected) -> BankMovement:
    """The barcode is the reference by which the payer is found."""
    return BankMovement(
        account=each.collector,
        booked_on=each.paid_on,
        valued_on=each.paid_on,
        cents=each.cents,
        currency=_COLLECTED_CURRENCY,
        bank_reference=each.bank_reference,
        references=(each.barcode,) if each.barcode else (),
        kind=each.instrument,
        texts=tuple(text for text in (each.client, each.receipt) if text),
        line=each.line,
    )
