"""The one entry: a file of any known dialect, in any known packing, as curves and quarantined rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
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
from services.metering.domain.formats.containers import Container, Member
from services.metering.domain.formats.dialect import HEAD_BYTES, Context, Dialect
from services.metering.domain.formats.gathering import GatheringSink
from services.metering.domain.formats.model import CurveFile
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


def read_curve_file(
    source: str | Path | BinaryIO,
    name: str = "",
    *,
    zone_name: str = "Europe/Madrid",
    received_at: datetime | None = None,
) -> CurveFile:
    """Read a path or a binary stream to its end, as pieces. The dialect and the packing are told by content.

    ``zone_name`` is the zone whose local time the stamps are; hours more than a day after ``received_at`` are
    quarantined. Only a path that cannot be opened or read raises (OSError); whatever the content is, the answer is a
    CurveFile that says it.
    """
    context = Context(zone_name, received_at)
    if isinstance(source, (str, Path)):
        with open(source, "rb") as stream:
            return _read(stream, name or Path(source).name, context)
    return _read(source, name, context)


def _read(stream: BinaryIO, name: str, context: Context) -> CurveFile:
    file, sink, container = CurveFile(name), GatheringSink(), Container(stream)
    formats: list[str] = []
    problems: list[str] = []
    for member in container.members():
        format_name, problem = _read_member(member, sink, context)
        if format_name and format_name not in formats:
            formats.append(format_name)
        if problem:
            problems.append(f"{member.name}: {problem}" if member.name else problem)
    if container.problem:
        problems.append(container.problem)
    file.format, file.problem = " + ".join(formats), " ".join(problems)
    return sink.finish(file)


def _read_member(member: Member, sink: Sink, context: Context) -> tuple[str, str]:
    """The dialect's name ("" if unknown or nothing was read) and the problem ("" if none)."""
    sink.member = member.name
    before = sink.seen
    head, pieces = _head(member.pieces)
    if not head:
        return "", member.problem or "The file is empty."
    dialect = next((one for one in DIALECTS if one.recognises(head[:HEAD_BYTES])), None)
    if dialect is None:
        begin = head[:60].decode("utf-8", "backslashreplace")
        names = ", ".join(one.name for one in DIALECTS)
        return "", member.problem or f"The file is none of the known formats ({names}): it begins with {begin!r}."
    reader = dialect.open(sink, context)
    reader.feed(head)
    for piece in pieces:
        if reader.problem:
            break
        reader.feed(piece)
    reader.close()
    problem = member.problem or reader.problem
    return ("" if problem and sink.seen == before else dialect.name), problem


def _head(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """At least HEAD_BYTES of the beginning (less if there is no more), and the rest."""
    head = b""
    while len(head) < HEAD_BYTES:
        piece = next(pieces, b"")
        if not piece:
            break
        head += piece
    return head, pieces
