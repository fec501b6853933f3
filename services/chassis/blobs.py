"""Documents by the hash of their content, in a folder: what was stored once is given back byte for byte, or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from services.chassis.errors import NotFound

_SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedBlob(Exception):
    """The stored bytes are no longer those that were put in: restore the file from a backup."""


class BlobStore:
    """``folder/ab/abcdef…``; writing is atomic and durable, and putting the same bytes twice keeps one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> str:
        """Stores ``content`` and gives its SHA-256 in hexadecimal; on return it survives a power cut."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path(sha256)
        if path.exists():
            return sha256
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes stored under a hash. Raises NotFound when there are none and DamagedBlob when they changed."""
        if not _SHA256.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is not the hash of a stored document.", "NO_DOCUMENT")
        try:
            content = self._path(sha256).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"No document is stored under {sha256}.", "NO_DOCUMENT") from None
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedBlob(f"The document {sha256} changed on disk: restore {self._path(sha256)} from a backup.")
        return content

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256
