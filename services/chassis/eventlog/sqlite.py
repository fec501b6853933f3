"""The event log in one SQLite file: for one machine, any number of processes, nothing to install.

Appends are one transaction each, flushed to the disk before `append` returns. Consumers wait without busy polling
(`sqlite_pulse`) and share partitions without a coordinator (`sqlite_consumer`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Literal

from services.chassis.eventlog import sqlite_pruning as pruning
from services.chassis.eventlog import sqlite_store as store
from services.chassis.eventlog.base import (
    DEFAULT_MAX_POLL_INTERVAL_S,
    DEFAULT_PARTITIONS,
    Consumer,
    EventLog,
    EventLogError,
    EventLogUnavailable,
    Record,
    TopicPartition,
    UnknownTopic,
    refuse_too_large,
)
from services.chassis.eventlog.sqlite_consumer import SqliteConsumer
from services.chassis.eventlog.sqlite_pulse import Pulse

DEFAULT_LEASE_S = 6.0


class SqliteEventLog(EventLog):
    """`lease_s`: how long a dead process keeps its partitions. `max_poll_interval_s`: how long a living consumer that
    is not polled any more keeps them."""

    def __init__(
        self,
        path: Path,
        *,
        lease_s: float = DEFAULT_LEASE_S,
        max_poll_interval_s: float = DEFAULT_MAX_POLL_INTERVAL_S,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lease_s = lease_s
        self._max_poll_interval_s = max_poll_interval_s
        self._lock = threading.Lock()
        self._connection = store.connect(path, synchronous="FULL")
        self._partition_ids: dict[str, list[int]] = {}
        self._pulse = Pulse(path, lease_s)
        self._consumers: weakref.WeakSet[SqliteConsumer] = weakref.WeakSet()
        self._closed = False

    def ensure_topics(self, names: Iterable[str], partitions: int = DEFAULT_PARTITIONS) -> None:
        wanted = sorted(set(names))
        with self._lock:
            self._refuse_if_closed()
            if all(self._known(name) for name in wanted):
                return
            with store.write(self._connection):
                for name in wanted:
                    created = self._connection.execute(
                        "INSERT INTO topic (name, partitions) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                        (name, partitions),
                    )
                    if created.rowcount:
                        self._connection.executemany(
                            "INSERT INTO topic_partition (topic_id, number) VALUES (?, ?)",
                            [(created.lastrowid, number) for number in range(partitions)],
                        )

    def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        refuse_too_large(records)
        now = time.time_ns() // 1000
        with self._lock:
            self._refuse_if_closed()
            by_partition: dict[int, list[Record]] = {}
            for record in records:
                ids = self._known(record.topic)
                if not ids:
                    raise UnknownTopic(
                        f"Topic {record.topic!r} does not exist in the event log; create it with ensure_topics."
                    )
                by_partition.setdefault(ids[store.partition_number(record.key, len(ids))], []).append(record)
            with store.write(self._connection):
                for partition_id, batch in by_partition.items():
                    self._insert(partition_id, batch, now)
                self._connection.execute("UPDATE pulse SET appends = appends + 1")
        self._pulse.touch()

    def consumer(
        self, group: str, topics: Iterable[str], *, start: Literal["earliest", "latest"] = "earliest"
    ) -> Consumer:
        self._refuse_if_closed()
        consumer = SqliteConsumer(
            self._path,
            self._pulse,
            group,
            topics,
            start=start,
            lease_s=self._lease_s,
            max_poll_interval_s=self._max_poll_interval_s,
        )
        self._consumers.add(consumer)
        return consumer

    def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        with self._lock:
            self._refuse_if_closed()
            return {
                TopicPartition(topic, number): next_offset - committed
                for topic in set(topics)
                for number, next_offset, committed in self._connection.execute(
                    # What was forgotten is behind a group that has not begun, too.
                    "SELECT p.number, p.next_offset, MAX(COALESCE(g.next_offset, 0), COALESCE((SELECT MIN(place) FROM record "
                    "WHERE place >= p.id << :bits AND place < (p.id + 1) << :bits) - (p.id << :bits), p.next_offset)) "
                    "FROM topic_partition p JOIN topic t ON t.id = p.topic_id "
                    "LEFT JOIN group_offset g ON g.partition_id = p.id AND g.group_name = :name WHERE t.name = :topic",
                    {"bits": store.OFFSET_BITS, "name": group, "topic": topic},
                )
            }

    def layout(self, names: Iterable[str]) -> dict[str, int]:
        with self._lock:
            self._refuse_if_closed()
            found = dict(self._connection.execute("SELECT name, partitions FROM topic").fetchall())
        return {name: found.get(name, 0) for name in names}

    def check(self) -> None:
        with self._lock:
            self._refuse_if_closed()
            try:
                self._connection.execute("SELECT appends FROM pulse").fetchone()
            except sqlite3.Error as error:
                raise EventLogUnavailable(f"The event log {self._path} cannot be read: {error}.") from error

    def count_old(self, topics: Mapping[str, bool], before: datetime) -> int:
        with closing(store.connect(self._path, synchronous="NORMAL")) as connection:
            return pruning.count_old(connection, topics, before)

    def forget_old(self, topics: Mapping[str, bool], before: datetime, limit: int) -> int:
        with closing(store.connect(self._path, synchronous="NORMAL")) as connection:
            return pruning.forget_old(connection, topics, before, limit)

    def hurry(self) -> None:
        self._pulse.hurry()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        for consumer in list(self._consumers):
            consumer.close()
        self._pulse.stop()
        self._connection.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EventLogError(f"The event log {self._path} is closed.")

    def _known(self, topic: str) -> list[int]:
        """Partition ids of a topic by number, empty when it does not exist. Kept, because they never change."""
        if topic not in self._partition_ids:
            ids = [
                row[0]
                for row in self._connection.execute(
                    "SELECT p.id FROM topic_partition p JOIN topic t ON t.id = p.topic_id WHERE t.name = ? "
                    "ORDER BY p.number",
                    (topic,),
                )
            ]
            if not ids:
                return []
            self._partition_ids[topic] = ids
        return self._partition_ids[topic]

    def _insert(self, partition_id: int, batch: list[Record], appended_at: int) -> None:
        (offset,) = self._connection.execute(
            "SELECT next_offset FROM topic_partition WHERE id = ?", (partition_id,)
        ).fetchone()
        self._connection.executemany(
            "INSERT INTO record (place, key, value, headers, appended_at) VALUES (?, ?, ?, ?, ?)",
            [
                (store.place(partition_id, offset + n), r.key, r.value, json.dumps(dict(r.headers)), appended_at)
                for n, r in enumerate(batch)
            ],
        )
        self._connection.execute(
            "UPDATE topic_partition SET next_offset = ? WHERE id = ?", (offset + len(batch), partition_id)
        )
