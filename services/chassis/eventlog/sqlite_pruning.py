"""What of the embedded event log may go: events that every group of readers has passed, older than an instant.

A group counts for a partition when it has ever read the topic or is a member of it now; one that never committed there has
passed nothing. Where there is no group, nobody waits. Of a compacted topic the last event of each key stays, as a broker would
keep it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from services.chassis.eventlog import sqlite_store as store

_PASSED = """
SELECT p.id, MIN(CASE WHEN readers.name IS NULL THEN p.next_offset ELSE COALESCE(o.next_offset, 0) END)
FROM topic_partition p
JOIN topic t ON t.id = p.topic_id
LEFT JOIN (
    SELECT p2.topic_id AS topic_id, g.group_name AS name FROM group_offset g
    JOIN topic_partition p2 ON p2.id = g.partition_id
    UNION
    SELECT mt.topic_id, m.group_name FROM member_topic mt JOIN member m ON m.id = mt.member_id
) readers ON readers.topic_id = t.id
LEFT JOIN group_offset o ON o.group_name = readers.name AND o.partition_id = p.id
WHERE t.name = ? GROUP BY p.id
"""
_LAST = (
    "JOIN (SELECT key, MAX(place) AS last FROM record WHERE place >= ? AND place < ? GROUP BY key) l ON l.key = r.key "
)
_OLD = "WHERE r.place >= ? AND r.place < ? AND r.appended_at < ?"


def count_old(connection: sqlite3.Connection, topics: Mapping[str, bool], before: datetime) -> int:
    """`topics` says of each whether it is compacted."""
    return sum(
        connection.execute(f"SELECT COUNT(*) {condition}", values).fetchone()[0]
        for condition, values in _conditions(connection, topics, before)
    )


def forget_old(connection: sqlite3.Connection, topics: Mapping[str, bool], before: datetime, limit: int) -> int:
    """Deletes at most `limit` records, each partition in a transaction of its own; gives how many."""
    gone = 0
    for condition, values in _conditions(connection, topics, before):
        if gone >= limit:
            break
        chosen = f"SELECT r.place {condition} ORDER BY r.place LIMIT ?"
        with store.write(connection):
            done = connection.execute(f"DELETE FROM record WHERE place IN ({chosen})", (*values, limit - gone))
            gone += done.rowcount
    return gone


def _conditions(
    connection: sqlite3.Connection, topics: Mapping[str, bool], before: datetime
) -> list[tuple[str, tuple[int, ...]]]:
    """For each partition, what of it may go, and the values of that."""
    microseconds = int(before.timestamp()) * 1_000_000
    found: list[tuple[str, tuple[int, ...]]] = []
    for topic, compacted in topics.items():
        for partition_id, passed in connection.execute(_PASSED, (topic,)).fetchall():
            first, end = store.place(partition_id, 0), store.place(partition_id + 1, 0)
            values = (first, store.place(partition_id, passed), microseconds)
            if compacted:
                found.append((f"FROM record r {_LAST}{_OLD} AND r.place < l.last", (first, end, *values)))
            else:
                found.append((f"FROM record r {_OLD}", values))
    return found
