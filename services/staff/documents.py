"""Saving a document that a service streams."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from services.chassis.errors import Refused


class Piece(Protocol):
    file_name: str
    chunk: bytes


def save(path: Path, pieces: Iterable[Piece]) -> None:
    """Writes the pieces to `path`, or into it under the document's own name when it is a folder."""
    name = ""
    content = bytearray()
    for piece in pieces:
        name = name or Path(piece.file_name).name
        content += piece.chunk
    target = path / (name or "document.pdf") if path.is_dir() else path
    try:
        target.write_bytes(content)
    except OSError as wrong:
        raise Refused(f"{target} cannot be written: {wrong.strerror}.") from wrong
