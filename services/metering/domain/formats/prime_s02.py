"""PRIME S02 reports, read with the parser of the import path (domain/prime.py), which explains the format."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from xml.sax.saxutils import quoteattr

from services.metering.domain.formats.dialect import Context, Dialect
from services.metering.domain.formats.sink import Sink
from services.metering.domain.prime import S02Reader
from services.metering.domain.readings import ReadingBatch
from services.metering.domain.rows import MAGNITUDE, METER

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ELEMENT = re.compile(rb"</?[A-Za-z_]")


class _Reader:
    def __init__(self, sink: Sink, context: Context) -> None:
        self._sink = sink
        self._reader = S02Reader(context.zone_name, context.latest, context.batch_rows)

    @property
    def problem(self) -> str:
        return self._reader.problem

    def feed(self, piece: bytes) -> None:
        for batch in self._reader.feed(piece):
            self._take(batch)

    @property
    def line(self) -> int:
        return self._reader.line

    def gap(self, reason: str) -> None:
        self._reader.gap(reason)

    def close(self) -> None:
        for batch in self._reader.close():
            self._take(batch)

    def _take(self, batch: ReadingBatch) -> None:
        self._sink.batch(batch)
        for refused in batch.refused:
            self._sink.quarantine(
                refused.line, refused.value, refused.reason, refused.raw, refused.around, refused.meter
            )
        for error in batch.errors:
            self._sink.meter_error(error)


def is_xml(head: bytes) -> bool:
    """Whether the content can only be XML: it begins as XML does and has an element, or nothing else to be told by.

    Rows of text under a stray XML declaration are not: they are still rows.
    """
    if head.startswith(_UTF16):
        head = head.decode("utf-16", "replace").encode()
    begin = head.removeprefix(codecs.BOM_UTF8).strip()
    return begin[:1] == b"<" and (_ELEMENT.search(begin) is not None or b"\n" not in begin)


def report_of_one(report: str) -> Callable[[str, Mapping[str, str]], bytes]:
    """Makes a report of one meter out of what was kept of it."""

    def alone(raw: str, around: Mapping[str, str]) -> bytes:
        magnitude = f" Magn={quoteattr(around[MAGNITUDE])}" if around.get(MAGNITUDE) else ""
        meter = f"<Cnt Id={quoteattr(around.get(METER, ''))}{magnitude}>{raw}</Cnt>"
        return f'<Report IdRpt="{report}"><Cnc Id="">{meter}</Cnc></Report>'.encode()

    return alone


DIALECT = Dialect("PRIME S02", is_xml, _Reader, report_of_one("S02"))
