"""The file behind the SQLite event log: its tables, its connections, and how a record finds its place.

A record's primary key is its place: `partition id * 2**40 + offset`. One B-tree then serves both as table and as index,
and "the records of this partition from this offset on" is a range of it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from services.chassis.eventlog.base import EventLogUnavailable
from services.chassis.sqlite import BUSY_TIMEOUT_S, use_write_ahead_log

OFFSET_BITS = 40

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE topic (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    partitions INTEGER NOT NULL CHECK (partitions > 0)
);
CREATE TABLE topic_partition (
    id INTEGER PRIMARY KEY,
    topic_id INTEGER NOT NULL REFERENCES topic (id),
    number INTEGER NOT NULL,
    next_offset INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic_id, number)
);
CREATE TABLE record (
    place INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    headers TEXT NOT NULL,
    appended_at INTEGER NOT NULL -- microseconds since 1970, UTC
);
CREATE TABLE group_offset (
    group_name TEXT NOT NULL,
    partition_id INTEGER NOT NULL REFERENCES topic_partition (id),
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (group_name, partition_id)
) WITHOUT ROWID;
CREATE TABLE member (
    id TEXT PRIMARY KEY,
    group_name TEXT NOT NULL,
    lease_ends_at REAL NOT NULL -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE member_topic (
    member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    topic_id INTEGER NOT NULL REFERENCES topic (id),
    PRIMARY KEY (member_id, topic_id)
) WITHOUT ROWID;
CREATE TABLE ownership (
    group_name TEXT NOT NULL,
    partition_id INTEGER NOT NULL REFERENCES topic_partition (id),
    member_id TEXT NOT NULL REFERENCES member (id) ON DELETE CASCADE,
    PRIMARY KEY (group_name, partition_id)
) WITHOUT ROWID;
CREATE INDEX ownership_member ON ownership (member_id);
-- One row that changes with every append and every change of membership: what a waiting process looks at.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    appends INTEGER NOT NULL,
    memberships INTEGER NOT NULL
);
INSERT INTO pulse VALUES (1, 0, 0);
"""


def place(partition_id: int, offset: int) -> int:
    """Primary key of a record."""
    return (partition_id << OFFSET_BITS) | offset


def partition_number(key: str, partitions: int) -> int:
    """Partition of a key: CRC-32 of its UTF-8 bytes, the same in every process and Python version."""
    return zlib.crc32(key.encode()) % partitions


def connect(path: Path, *, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """A connection in autocommit mode whose user writes BEGIN and COMMIT, creating the tables in a new file.

    `synchronous=FULL` flushes every commit to the disk; with `NORMAL` a commit survives the death of the process, and
    the sudden death of the machine may undo the last ones without damage to the file.
    """
    try:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise EventLogUnavailable(f"The event log {path} cannot be opened: {error}.") from error
    try:
        use_write_ahead_log(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_size_limit=67108864")
        _create_tables(connection)
    except sqlite3.OperationalError as error:
        connection.close()
        raise EventLogUnavailable(f"The event log {path} cannot be opened: {error}.") from error
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def write(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction. It takes the write lock at once, so that it cannot fail half-way for want of it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise EventLogUnavailable(f"The event log's file did not take the change: {error}.") from error


def _create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables once, whichever process comes first."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        with write(connection):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _statements(_SCHEMA):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
                version = _SCHEMA_VERSION
    if version != _SCHEMA_VERSION:
        raise EventLogUnavailable(
            f"The event log's file has format {version} and this program reads format {_SCHEMA_VERSION}; "
            "start the program version that wrote it."
        )


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: `executescript` would commit the surrounding transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
