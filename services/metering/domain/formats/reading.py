"""The one entry: a file of any known dialect, in any known packing, as curves and quarantined rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from services.metering.domain.formats import (
    cnmc,
    datadis,
    edistribucion,
    f1,
    f5d,
    ide,
    p5d,
    prime_s02,
    prime_s04,
    prime_s05,
    register_csv,
)
from services.metering.domain.formats.containers import Container
from services.metering.domain.formats.dialect import HEAD_BYTES, Context, Dialect
from services.metering.domain.formats.gathering import GatheringSink
from services.metering.domain.formats.model import CurveFile, SupplyCurve
from services.metering.domain.formats.packing import Gap, Pieces
from services.metering.domain.formats.sink import Sink

DIALECTS: tuple[Dialect, ...] = (
    prime_s04.DIALECT,
    prime_s05.DIALECT,
    prime_s02.DIALECT,
    ide.DIALECT,
    edistribucion.DIALECT,
    datadis.DIALECT,
    cnmc.DIALECT,
    f5d.DIALECT,
    p5d.DIALECT,
    f1.DIALECT,
    register_csv.DIALECT,
)
"""In the order in which they are asked: of those that share headings, the more particular one first."""
ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"BZh")
"""How what is packed with zip, gzip and bzip2 begins."""


def read_curve_file(
    source: str | Path | BinaryIO,
    name: str = "",
    *,
    zone_name: str = "Europe/Madrid",
    received_at: datetime | None = None,
    each: Callable[[SupplyCurve], None] | None = None,
) -> CurveFile:
    """Read a path or a binary stream to its end, as pieces. The dialect and the packing are told by content.

    ``zone_name`` is the zone whose local time the stamps are; hours more than a day after ``received_at`` are
    quarantined. Only a path that cannot be opened or read raises (OSError); whatever the content is, the answer is a
    CurveFile that says it.

    With ``each``, a curve is given to it instead of being kept in ``supplies``: memory does not grow with the file.
    """
    context = Context(zone_name, received_at)
    if isinstance(source, (str, Path)):
        with open(source, "rb") as stream:
            return _read(stream, name or Path(source).name, context, each)
    return _read(source, name, context, each)


def _read(stream: BinaryIO, name: str, context: Context, each: Callable[[SupplyCurve], None] | None) -> CurveFile:
    file, sink, outcome = CurveFile(name), GatheringSink(), Outcome()
    for _ in read_into(sink, stream, context, outcome):
        pass
    file.format, file.problem = outcome.format, outcome.problem
    for curve in sink.curves():
        (each or file.supplies.append)(curve)
    return sink.finish(file)


@dataclass
class Outcome:
    """What a file turned out to be, known when it has been read."""

    formats: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def format(self) -> str:
        """The dialects found, joined by " + "; empty if none."""
        return " + ".join(self.formats)

    @property
    def problem(self) -> str:
        """Empty, or why nothing, or only a part, could be read."""
        return " ".join(self.problems)


def read_into(sink: Sink, stream: BinaryIO, context: Context, outcome: Outcome) -> Iterator[None]:
    """Read a file piece by piece into a sink; the caller gets to work after each piece."""
    container = Container(stream)
    for member in container.members():
        before = sink.seen
        head, pieces = _head(member.pieces)
        dialect = next((one for one in DIALECTS if one.recognises(head[:HEAD_BYTES])), None) if head else None
        if dialect is not None:
            sink.member, sink.dialect = member.name, dialect.name
            reader = dialect.open(sink, context)
            for piece in pieces:
                if isinstance(piece, Gap):
                    reader.gap(piece.reason)
                else:
                    reader.feed(piece)
                yield
                if reader.problem:
                    break
            reader.close()
            problem = reader.problem
            if member.remark:
                sink.quarantine(max(reader.line, 1), member.name, member.remark)
        elif head.startswith(ARCHIVES):
            problem = "It is an archive inside an archive, which is not opened: unpack the outer one first."
        elif head:
            begin = head[:60].decode("utf-8", "backslashreplace")
            names = ", ".join(one.name for one in DIALECTS)
            problem = f"The file is none of the known formats ({names}): it begins with {begin!r}."
        else:
            problem = "The file is empty."
        problem = member.problem or member.remark or problem
        read = dialect is not None and not (problem and sink.seen == before)
        if dialect is not None and read and dialect.name not in outcome.formats:
            outcome.formats.append(dialect.name)
        if problem:
            outcome.problems.append(f"{member.name}: {problem}" if member.name else problem)
    if container.problem:
        outcome.problems.append(container.problem)


def read_alone(dialect_name: str, raw: str, around: Mapping[str, str], sink: Sink, context: Context) -> str:
    """Read one row again that was quarantined; the sentence that says why it could not even be read, or empty."""
    dialect = {one.name: one for one in DIALECTS}.get(dialect_name)
    if dialect is None:
        return f"There is no dialect {dialect_name!r} any more: import the file again, as one of those there are."
    sink.dialect = dialect.name
    reader = dialect.open(sink, replace(context, around=around))
    reader.feed(dialect.alone(raw, around))
    reader.close()
    return reader.problem


def _head(pieces: Pieces) -> tuple[bytes, Pieces]:
    """At least HEAD_BYTES of the beginning (less if there is no more, or if some is lost behind it), and everything."""
    head, first = b"", list[bytes | Gap]()
    for piece in pieces:
        first.append(piece)
        if isinstance(piece, Gap) and head:
            break
        head += b"" if isinstance(piece, Gap) else piece
        if len(head) >= HEAD_BYTES:
            break
    return head, chain(first, pieces)
