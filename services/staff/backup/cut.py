"""One instant of several SQLite files while other processes write to them.

A service's database says what happened, its outbox what it has yet to tell, the event log what was told, and the inboxes
of the others what they heard. Files of different instants contradict each other: an event told about an invoice that
does not exist, or one that nobody will ever tell. So for a moment nobody may write anywhere; in that moment a reader's
snapshot is opened on each file, and then everybody goes on while the snapshots are copied.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from services.chassis.clock import Clock
from services.chassis.errors import Refused
from services.chassis.sqlite import BUSY_TIMEOUT_S

EVENT_LOG = "eventlog.db"
_MAGIC = b"SQLite format 3\x00"


@dataclass(frozen=True)
class Cut:
    """Snapshots of one `instant`, by file, in connections that read nothing later; `pause_s` is how long writers waited."""

    instant: datetime
    pause_s: float
    snapshots: dict[Path, sqlite3.Connection]

    def copy(self, file: Path, target: Path) -> None:
        """Writes the snapshot of `file` as a database of its own, without a write-ahead log beside it."""
        copy = sqlite3.connect(target)
        try:
            self.snapshots[file].backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()


def is_database(file: Path) -> bool:
    """Whether a file is a SQLite database, whatever its name."""
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


@contextmanager
def cut(files: Sequence[Path], clock: Clock) -> Iterator[Cut]:
    """Snapshots of all `files` at one instant. Raises Refused, naming the file, when its writer does not let go in time.

    The event log comes last: who publishes holds the service's file first and then the log, and in another order the
    two would wait for each other.
    """
    ordered = sorted(files, key=lambda file: (file.name == EVENT_LOG, file))
    with ExitStack() as readers:
        snapshots: dict[Path, sqlite3.Connection] = {}
        with ExitStack() as writers:
            began = time.monotonic()
            for file in ordered:
                writer = _open(writers, file)
                try:
                    writer.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as busy:
                    raise Refused(
                        f"{file} did not come to rest within {BUSY_TIMEOUT_S:.0f} s ({busy}): somebody writes to it "
                        "without a pause. Try again when the bill run or the import has ended."
                    ) from busy
            instant = clock.now()
            for file in ordered:
                reader = _open(readers, file)
                reader.execute("BEGIN")
                # The snapshot is taken by the first read, not by BEGIN.
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                snapshots[file] = reader
            pause_s = time.monotonic() - began
        yield Cut(instant, pause_s, snapshots)


def _open(stack: ExitStack, file: Path) -> sqlite3.Connection:
    # Not created when it is missing: a misspelt name must not become an empty database in the backup.
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S)
    connection.isolation_level = None
    stack.callback(connection.close)
    return connection
