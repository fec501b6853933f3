"""Putting a backup back where the data folder is."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.chassis.clock import Clock
from services.chassis.errors import Refused
from services.staff.backup import archive
from services.staff.backup.check import examine

_VERSIONS = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Restored:
    """`aside`: where the data went that were there before; None when there were none."""

    manifest: archive.Manifest
    aside: Path | None


def restore(file: Path, data_dir: Path, clock: Clock, *, replace: bool = False) -> Restored:
    """Makes `data_dir` what it was when the backup was taken.

    Everything is written beside it first and checked; then it takes the folder's place at once, so that a restore that is
    killed has changed nothing. Data that are there already are put aside, and only with `replace`. Raises Refused for a
    damaged backup, one of a newer version, a folder in use or not empty, or a disk without room.
    """
    data_dir = data_dir.resolve()
    _require_at_rest(data_dir)
    occupied = data_dir.exists() and any(data_dir.iterdir())
    if occupied and not replace:
        raise Refused(f"{data_dir} holds data: name an empty folder with --data-dir, or put them aside with --replace.")
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=data_dir.parent, prefix=f".{data_dir.name}-restoring-"))
    try:
        manifest = archive.read(file, lambda member, content: _write(draft / member.path, member, content))
        _require_known(file, manifest)
        problems = examine(draft, manifest).problems
        if problems:
            raise Refused(f"{file} is whole, but what it holds is not sound: {problems[0]} Take another backup.")
        # As it was made: a folder of mkdtemp is for its owner alone, which is right for keys and people's data.
        aside = None
        if occupied:
            aside = data_dir.with_name(f"{data_dir.name}.before-restore-{clock.now():%Y%m%dT%H%M%S.%fZ}")
            data_dir.rename(aside)
        elif data_dir.exists():
            data_dir.rmdir()
        draft.rename(data_dir)
        _sync(data_dir.parent)
    except OSError as wrong:
        raise Refused(f"{file} could not be restored to {data_dir}: {wrong.strerror or wrong}.") from wrong
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Restored(manifest, aside)


def _require_at_rest(data_dir: Path) -> None:
    lock = data_dir / "running.lock"
    if not lock.exists():
        return
    with lock.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Acometida runs on {data_dir}: stop it before restoring.") from None


def _write(target: Path, member: archive.Member, content: IO[bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode)
    with os.fdopen(handle, "wb") as out:
        shutil.copyfileobj(content, out)
        out.flush()
        os.fsync(out.fileno())


def _require_known(file: Path, manifest: archive.Manifest) -> None:
    """Raises Refused when a schema is newer than this version; an older one is migrated at the next start."""
    for service, revision in manifest.schemas.items():
        known = (_VERSIONS / service / "migrations" / "versions").glob(f"{revision}_*.py")
        if not any(known):
            raise Refused(
                f"{file} was taken by version {manifest.version}, whose schema {revision} of {service} this version does "
                "not know: restore with that version or a later one."
            )


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
