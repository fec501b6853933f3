"""Whether a backup would bring everything back: asked of the backup itself, before anybody needs it."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from services.chassis.errors import Refused
from services.staff.backup import archive
from services.staff.backup.cut import EVENT_LOG

_DATABASES = "data/"

#: Columns that name a stored file by its hash: service, table, column, folder.
_STORED = (
    ("billing", "document", "sha256", "documents"),
    ("billing", "remittance", "sha256", "documents"),
    ("metering", "self_reading", "photo_sha256", "metering/photos"),
)


@dataclass(frozen=True)
class Checked:
    """A backup whose bytes are those that were written. `problems`: sentences about what it holds, empty when all is well."""

    manifest: archive.Manifest
    problems: list[str]
    counts: dict[str, int]


def check(file: Path) -> Checked:
    """Reads a backup from end to end and looks into its databases. Raises Refused when it is damaged or no backup."""
    with tempfile.TemporaryDirectory(prefix="acometida-check-") as work:
        manifest = archive.read(file, keep_databases(Path(work)))
        return examine(Path(work), manifest)


def keep_databases(folder: Path) -> Callable[[archive.Member, IO[bytes]], None]:
    """Writes the databases of a backup into `folder` and lets the rest pass."""

    def take(member: archive.Member, content: IO[bytes]) -> None:
        if member.path.startswith(_DATABASES):
            target = folder / member.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(content, out)

    return take


def examine(folder: Path, manifest: archive.Manifest) -> Checked:
    """Looks into the databases below `folder`, which hold what the manifest says."""
    problems: list[str] = []
    counts = {"files": len(manifest.members)}
    for service in sorted(manifest.schemas):
        path = folder / _DATABASES / f"{service}.db"
        with _reading(path) as database:
            problems += [f"{service}.db: {problem}" for problem in _inside(database)]
            if service == "billing":
                problems += _books(database)
                counts["invoices"] = database.execute("SELECT count(*) FROM invoice").fetchone()[0]
            if service == "supplies":
                counts["supplies"] = database.execute("SELECT count(*) FROM supply").fetchone()[0]
            problems += _stored(database, service, {member.path for member in manifest.members})
    log = folder / _DATABASES / EVENT_LOG
    if log.exists():
        with _reading(log) as database:
            problems += [f"{EVENT_LOG}: {problem}" for problem in _inside(database)]
            problems += _ahead(database)
            counts["events"] = database.execute("SELECT count(*) FROM record").fetchone()[0]
    return Checked(manifest, problems, counts)


class _reading:
    """A database opened for looking only."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise Refused(f"The backup lacks the database {path.name}: take another.")
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _inside(database: sqlite3.Connection) -> Iterator[str]:
    for (said,) in database.execute("PRAGMA integrity_check(5)"):
        if said != "ok":
            yield str(said)
    for table, row, parent, _ in database.execute("PRAGMA foreign_key_check").fetchmany(5):
        yield f"row {row} of {table} names a row of {parent} that is not there."


def _books(database: sqlite3.Connection) -> Iterator[str]:
    uneven = database.execute(
        "SELECT entry_id, sum(amount) FROM ledger_posting GROUP BY entry_id HAVING sum(amount) <> 0 LIMIT 5"
    )
    for entry, off in uneven:
        yield f"billing.db: the ledger entry {entry} does not sum to zero but to {off} of its smallest unit."


def _stored(database: sqlite3.Connection, service: str, paths: set[str]) -> Iterator[str]:
    for owner, table, column, folder in _STORED:
        if owner != service:
            continue
        for (sha256,) in database.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} <> ''"):
            if f"{folder}/{sha256[:2]}/{sha256}" not in paths:
                yield f"{service}.db: {table} names the file {sha256}, which is not in the backup."


def _ahead(log: sqlite3.Connection) -> Iterator[str]:
    rows = log.execute(
        "SELECT g.group_name, t.name, p.number, g.next_offset, p.next_offset FROM group_offset g "
        "JOIN topic_partition p ON p.id = g.partition_id JOIN topic t ON t.id = p.topic_id "
        "WHERE g.next_offset > p.next_offset LIMIT 5"
    )
    for group, topic, number, committed, end in rows:
        yield f"{EVENT_LOG}: {group} has read {topic}[{number}] up to {committed}, past its end at {end}."
