"""The file of a backup: a compressed tar whose last member, `manifest.json`, names every other with its SHA-256.

The manifest comes last because the hashes are taken while the members are written: a backup that was cut short has none,
and is no backup.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from services.chassis.errors import Refused

MANIFEST = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file: `path` below the data folder, with slashes; `mode` is its permissions."""

    path: str
    bytes: int
    sha256: str
    mode: int


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `schemas`: the revision of each service's schema; `instant`: ISO 8601, UTC."""

    format: int
    instant: str
    version: str
    profile: str
    schemas: dict[str, str]
    members: list[Member] = field(default_factory=list)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes, archive: Path) -> Manifest:
        """Raises Refused when it is not the manifest of a backup that this version reads."""
        try:
            said: dict[str, Any] = json.loads(content)
            number = said["format"]
            if number != FORMAT:
                raise Refused(
                    f"{archive} has format {number!r}; this version reads format {FORMAT}: use its own version."
                )
            return cls(**{**said, "members": [Member(**member) for member in said["members"]]})
        except (ValueError, TypeError, KeyError) as wrong:
            raise Refused(f"{archive} has a manifest that cannot be read ({wrong}): it is not a backup.") from wrong


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what passes."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.digest.update(chunk)
        return chunk


class ArchiveWriter:
    """Members one after the other; `finish` ends it with the manifest."""

    def __init__(self, opened: tarfile.TarFile) -> None:
        self._tar = opened
        self._members: list[Member] = []

    def add(self, file: Path, path: str, *, mode: int | None = None) -> Member:
        """Writes `file` as the member `path`. Raises FileNotFoundError when it is gone, before anything is written."""
        with file.open("rb") as source:
            info = self._tar.gettarinfo(arcname=path, fileobj=source)
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mode = info.mode & 0o777 if mode is None else mode
            hashing = _Hashing(source)
            self._tar.addfile(info, hashing)  # type: ignore[arg-type]  # what it needs of a file is read()
        member = Member(path, info.size, hashing.digest.hexdigest(), info.mode)
        self._members.append(member)
        return member

    def finish(self, manifest: Manifest) -> Manifest:
        """Writes the manifest, now with its members, and gives it."""
        whole = Manifest(**{**manifest.__dict__, "members": self._members})
        content = whole.to_json()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        info.mode = 0o600
        self._tar.addfile(info, io.BytesIO(content))
        return whole


@contextmanager
def writing(handle: IO[bytes]) -> Iterator[ArchiveWriter]:
    """An archive written to an open file, quickly compressed: most of it is documents, which are compressed already."""
    with tarfile.open(fileobj=handle, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as opened:
        yield ArchiveWriter(opened)


def read(archive: Path, take: Callable[[Member, IO[bytes]], None]) -> Manifest:
    """Reads an archive from end to end, hands each member with its content to `take`, and compares it with the manifest.

    Raises Refused, saying what is wrong, for a file that is no backup, cut short, altered, or that would write outside.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            for info in opened:
                if manifest is not None:
                    raise Refused(f"{archive} goes on after its manifest: it was altered.")
                content = opened.extractfile(info) if info.isreg() else None
                if content is None or not _harmless(info.name):
                    raise Refused(f"{archive} holds {info.name!r}, which no backup of ours holds: it was altered.")
                if info.name == MANIFEST:
                    manifest = Manifest.from_json(content.read(), archive)
                    continue
                hashing = _Hashing(content)
                member = Member(info.name, info.size, "", info.mode)
                take(member, hashing)  # type: ignore[arg-type]
                while hashing.read(_CHUNK):
                    pass
                found[info.name] = Member(info.name, info.size, hashing.digest.hexdigest(), info.mode)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as broken:
        raise Refused(f"{archive} cannot be read to its end ({broken}): take another backup.") from broken
    if manifest is None:
        raise Refused(f"{archive} has no manifest: it was cut short. Take another backup.")
    _compare(archive, manifest, found)
    return manifest


def _compare(archive: Path, manifest: Manifest, found: dict[str, Member]) -> None:
    named = {member.path: member for member in manifest.members}
    for path in sorted(named.keys() | found.keys()):
        if path not in found:
            raise Refused(f"{archive} lacks {path}, which its manifest names: take another backup.")
        if path not in named or named[path] != found[path]:
            raise Refused(f"{path} in {archive} is not what was backed up: take another backup.")


def _harmless(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)
