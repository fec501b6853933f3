"""The collectors whose files are read. A new one is a class with the members of `CollectorFile`, added to `COLLECTORS`."""

from __future__ import annotations

from typing import BinaryIO

from services.billing.domain.payments.collectors.generic import Generic
from services.billing.domain.payments.collectors.model import Collected, CollectorBatch, CollectorFile
from services.billing.domain.payments.collectors.pago_facil import PagoFacil
from services.billing.domain.payments.collectors.rapipago import Rapipago
from services.chassis.errors import Invalid

__all__ = ["COLLECTORS", "Collected", "CollectorBatch", "CollectorFile", "read_collector_file"]

COLLECTORS: tuple[CollectorFile, ...] = (Generic(), PagoFacil(), Rapipago())


def read_collector_file(source: BinaryIO) -> CollectorBatch:
    """The payments of a seekable file, whosever it is by its content. Invalid, with a sentence, when it cannot be booked."""
    head = source.read(256)
    source.seek(0)
    for collector in COLLECTORS:
        if collector.recognises(head):
            return collector.read(source)
    names = ", ".join(each.name for each in COLLECTORS)
    begin = head[:40].decode("ascii", "backslashreplace")
    raise Invalid(
        f"The file begins with {begin!r}, as no collector's does; known are {names}."
        if head
        else f"The file is empty; give one of a collector ({names}).",
        "COLLECTOR_UNKNOWN",
        field="content",
    )
