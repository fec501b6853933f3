"""PRIME S02 reports, read with the parser of the import path (domain/prime.py), which explains the format."""

from __future__ import annotations

import codecs

from services.metering.domain.formats.dialect import Context, Dialect
from services.metering.domain.formats.sink import Sink
from services.metering.domain.prime import S02Reader
from services.metering.domain.readings import ReadingBatch

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Reader:
    def __init__(self, sink: Sink, context: Context) -> None:
        self._sink = sink
        self._reader = S02Reader(context.zone_name, context.latest)

    @property
    def problem(self) -> str:
        return self._reader.problem

    def feed(self, piece: bytes) -> None:
        for batch in self._reader.feed(piece):
            self._take(batch)

    def close(self) -> None:
        for batch in self._reader.close():
            self._take(batch)

    def _take(self, batch: ReadingBatch) -> None:
        self._sink.batch(batch)
        for refused in batch.refused:
            self._sink.quarantine(refused.line, f"{refused.meter} {refused.value}".strip(), refused.reason)
        for error in batch.errors:
            text = f"{error.meter} ErrCode={error.code} ErrCat={error.category}"
            self._sink.quarantine(error.line, text, "The concentrator could not read this meter.")


def is_xml(head: bytes) -> bool:
    """Whether the content can only be XML."""
    if head.startswith(_UTF16):
        return head.decode("utf-16", "replace").lstrip()[:1] == "<"
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<"


DIALECT = Dialect("PRIME S02", is_xml, _Reader)
