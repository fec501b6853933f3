"""Opening SQLite files that several processes share."""

from __future__ import annotations

import sqlite3
import time

BUSY_TIMEOUT_S = 30.0
"""How long a connection waits for another one's write lock."""


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switches the file of a connection in autocommit mode to the write-ahead log.

    The switch ignores the busy timeout, so those who open a new file together try again. Raises
    ``sqlite3.OperationalError`` when the file stays locked or its folder does not support the log.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            # Beginning to write does respect the timeout: it waits for whoever is switching.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            continue
        if mode != "wal":
            raise sqlite3.OperationalError("its folder does not support the write-ahead log; put it on a local disk")
        return
