"""Taking a backup of a data folder while its services run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from services.chassis.buildinfo import build
from services.chassis.clock import Clock
from services.chassis.errors import Refused
from services.staff.backup import archive
from services.staff.backup.cut import Cut, cut, is_database

OWN_FOLDER = "backups"
"""The one folder below the data folder where backups may go; itself never backed up."""

LEFT_OUT = ("logs", "cache", "coopctl", OWN_FOLDER)
"""Below the data folder, and made anew: not worth keeping."""

#: Of the running processes.
_LEFT_OUT_FILES = ("running.lock", "last-backup.json")
#: A SQLite database's companions; their content is in the snapshot.
_COMPANIONS = ("-wal", "-shm", "-journal")
LAST = "last-backup.json"
"""In the data folder: when the last backup was taken, for those who watch its age."""

_PREFIX, _SUFFIX = "acometida-", ".tar.gz"


@dataclass(frozen=True)
class Taken:
    """A finished backup."""

    file: Path
    manifest: archive.Manifest
    bytes: int
    pause_s: float


def create(data_dir: Path, folder: Path, clock: Clock, *, keep: int = 0) -> Taken:
    """Writes a backup of `data_dir` into `folder`; with `keep`, removes all but the newest so many of this folder.

    The file appears under its name only when it is whole and on the disk. Raises Refused for a folder without data, a
    disk without room, or a database that does not come to rest.
    """
    databases, files = _contents(data_dir)
    _require_room(folder, data_dir, databases)
    handle, draft = tempfile.mkstemp(dir=folder, prefix=".unfinished-", suffix=_SUFFIX)
    work = Path(tempfile.mkdtemp(dir=folder, prefix=".unfinished-"))
    try:
        with os.fdopen(handle, "wb") as opened:
            with cut(databases, clock) as taken:
                manifest = _write(opened, taken, data_dir, files, work)
            opened.flush()
            os.fsync(opened.fileno())
        # To the microsecond: two backups never share a name.
        name = f"{_PREFIX}{taken.instant:%Y%m%dT%H%M%S.%fZ}{_SUFFIX}"
        os.replace(draft, folder / name)
        _sync(folder)
    except OSError as wrong:
        raise Refused(f"The backup could not be written to {folder}: {wrong.strerror or wrong}.") from wrong
    finally:
        Path(draft).unlink(missing_ok=True)
        shutil.rmtree(work, ignore_errors=True)
    done = Taken(folder / name, manifest, (folder / name).stat().st_size, taken.pause_s)
    _note(data_dir, taken.instant, done)
    if keep:
        for old in sorted(folder.glob(f"{_PREFIX}*{_SUFFIX}"))[:-keep]:
            old.unlink()
    return done


def _contents(data_dir: Path) -> tuple[list[Path], list[Path]]:
    """The databases and the other files of a data folder. Raises Refused when there is no database."""
    databases: list[Path] = []
    files: list[Path] = []
    for file in _walk(data_dir):
        (databases if is_database(file) else files).append(file)
    if not databases:
        raise Refused(f"{data_dir} holds no database of Acometida: name the data folder with --data-dir.")
    return databases, files


def _walk(data_dir: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(data_dir):
        here = Path(folder)
        if here == data_dir:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
        folders.sort()
        for name in sorted(names):
            # Files that begin with a dot are drafts that are about to be renamed.
            if name not in _LEFT_OUT_FILES and not name.startswith(".") and not name.endswith(_COMPANIONS):
                yield here / name


def _write(handle: IO[bytes], taken: Cut, data_dir: Path, files: list[Path], work: Path) -> archive.Manifest:
    with archive.writing(handle) as out:
        schemas: dict[str, str] = {}
        for file in taken.snapshots:
            path = file.relative_to(data_dir).as_posix()
            copy = work / "copy.db"
            taken.copy(file, copy)
            revision = _revision(copy)
            if revision:
                schemas[file.stem] = revision
            out.add(copy, path, mode=0o600)
            copy.unlink()
        # After the snapshots: a document is stored before the row that names it is committed, so all of theirs are here.
        for file in sorted({*files, *_contents(data_dir)[1]}):
            try:
                out.add(file, file.relative_to(data_dir).as_posix())
            except FileNotFoundError:
                continue  # an upload that was being received, and is done
        marker = data_dir / "profile"
        profile = marker.read_text().strip() if marker.exists() else ""
        return out.finish(
            archive.Manifest(archive.FORMAT, taken.instant.isoformat(), build().version, profile, schemas)
        )


def _revision(database: Path) -> str:
    """The schema's revision, "" for a file that Alembic does not look after."""
    connection = sqlite3.connect(database)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return ""
    finally:
        connection.close()
    return str(row[0]) if row else ""


def _require_room(folder: Path, data_dir: Path, databases: list[Path]) -> None:
    """The largest database is copied beside the archive; the archive is at most as large as everything."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    inside = folder.resolve().is_relative_to(data_dir.resolve())
    if inside and folder.resolve().relative_to(data_dir.resolve()).parts[:1] != (OWN_FOLDER,):
        raise Refused(f"{folder} lies in the data folder, so each backup would hold the earlier ones: choose another.")
    sizes = [file.stat().st_size for file in _walk(data_dir) if file.exists()]
    needed = sum(sizes) + max(file.stat().st_size for file in databases)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refused(
            f"{folder} has {free / 1e6:.0f} MB free and the backup may need {needed / 1e6:.0f} MB: make room or name "
            "another folder."
        )


def _note(data_dir: Path, instant: datetime, done: Taken) -> None:
    said = {"instant": instant.isoformat(), "file": str(done.file.resolve()), "bytes": done.bytes}
    draft = data_dir / f".{LAST}"
    draft.write_text(json.dumps(said) + "\n")
    draft.replace(data_dir / LAST)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
