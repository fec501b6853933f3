"""A member of a consumer group on the SQLite event log.

Sharing needs no coordinator: every member applies the same rule in a write transaction whenever the membership
changes. Per topic, with P partitions and M members, a member gives up what it owns beyond ceil(P/M), gives up one more
when somebody lacks even floor(P/M) and nothing is free, and takes free partitions up to ceil(P/M). The table's primary
key makes two owners impossible.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from services.chassis.eventlog import sqlite_store as store
from services.chassis.eventlog.base import (
    ConsumedRecord,
    Consumer,
    EventLogError,
    EventLogUnavailable,
    StaleMember,
    TopicPartition,
    UnknownTopic,
)
from services.chassis.eventlog.sqlite_pulse import SLOWEST_LOOK_S, Pulse

_POLL_BYTES = 16_000_000
_SHORTEST_WAIT_S = 2 * SLOWEST_LOOK_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Owned:
    """A partition this member owns: where it began, where it reads on, and between which offsets it may commit."""

    partition_id: int
    begin: int
    position: int
    lowest: int
    highest: int
    paused: bool = False


class SqliteConsumer(Consumer):
    def __init__(
        self,
        path: Path,
        pulse: Pulse,
        group: str,
        topics: Iterable[str],
        *,
        start: Literal["earliest", "latest"],
        lease_s: float,
        max_poll_interval_s: float,
    ) -> None:
        self.member_id = str(uuid.uuid4())
        self._pulse = pulse
        self._group = group
        self._start = start
        self._lease_s = lease_s
        self._max_poll_interval_s = max_poll_interval_s
        self._last_used = time.monotonic()
        self._owned: dict[TopicPartition, _Owned] = {}
        self._membership_seen: int | None = None
        self._turn = 0
        self._empty_at: int | None = None
        self._closed = False
        self._closing = threading.Lock()
        self._connection = store.connect(path, synchronous="NORMAL")
        try:
            self._partitions = self._find_partitions(sorted(set(topics)))
            self._join()
        except BaseException:
            self._connection.close()
            raise
        pulse.watch(self)

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._owned)

    def deserves_lease(self) -> bool:
        """Called by the pulse thread: a consumer that nobody polls any more must not hold its partitions for ever."""
        return not self._closed and time.monotonic() - self._last_used < self._max_poll_interval_s

    def poll(self, timeout_s: float, max_records: int = 500) -> list[ConsumedRecord]:
        self._refuse_if_closed()
        deadline = time.monotonic() + timeout_s
        while True:
            beat = self._pulse.beat
            self._last_used = time.monotonic()
            records: list[ConsumedRecord] = []
            # Where nothing was found nothing is until the pulse says so, which it does for those who wait.
            if beat != self._empty_at or timeout_s < _SHORTEST_WAIT_S:
                records = self._look(max_records)
                self._empty_at = None if records else beat
            remaining_s = deadline - time.monotonic()
            if records or remaining_s <= 0 or self._closed or self._pulse.over:
                return records
            self._pulse.wait(beat, remaining_s)

    def _look(self, max_records: int) -> list[ConsumedRecord]:
        try:
            self._share_partitions()
            return self._fetch(max_records)
        except sqlite3.OperationalError as error:
            raise EventLogUnavailable(f"The event log's file cannot be read: {error}.") from error

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._refuse_if_closed()
        self._last_used = time.monotonic()
        for partition, offset in offsets.items():
            owned = self._owned.get(partition)
            if owned is None or not owned.lowest <= offset <= owned.highest:
                raise StaleMember(
                    f"Offset {offset} of {partition} was not committed for group {self._group!r}: "
                    "it was not read in this ownership of the partition."
                )
        with store.write(self._connection):
            for partition, offset in offsets.items():
                owner = self._connection.execute(
                    "SELECT member_id FROM ownership WHERE group_name = ? AND partition_id = ?",
                    (self._group, self._owned[partition].partition_id),
                ).fetchone()
                if owner != (self.member_id,):
                    raise StaleMember(
                        f"Offset {offset} of {partition} was not committed for group {self._group!r}: "
                        "the lease of this member ran out and the partition moved on."
                    )
            self._connection.executemany(
                "INSERT INTO group_offset (group_name, partition_id, next_offset) VALUES (?, ?, ?) "
                "ON CONFLICT (group_name, partition_id) DO UPDATE SET next_offset = excluded.next_offset",
                [(self._group, self._owned[partition].partition_id, offset) for partition, offset in offsets.items()],
            )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        owned = self._own(partition)
        self._empty_at = None
        owned.position = offset
        owned.lowest = min(owned.lowest, offset)
        owned.highest = max(owned.highest, offset)

    def rewind(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        self._empty_at = None
        for partition in self.assignment if partitions is None else partitions:
            owned = self._own(partition)
            committed = self._committed(owned.partition_id)
            owned.position = owned.begin if committed is None else committed
            owned.lowest = min(owned.lowest, owned.position)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._own(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._empty_at = None
        for partition in partitions:
            self._own(partition).paused = False

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._pulse.forget(self)
        self._owned.clear()
        with store.write(self._connection):
            self._connection.execute("DELETE FROM member WHERE id = ?", (self.member_id,))
            self._announce()
        self._connection.close()
        self._pulse.touch()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EventLogError(f"The consumer of group {self._group!r} is closed.")

    def _own(self, partition: TopicPartition) -> _Owned:
        owned = self._owned.get(partition)
        if owned is None:
            raise StaleMember(f"{partition} is not assigned to this member of group {self._group!r}.")
        return owned

    def _find_partitions(self, topics: list[str]) -> dict[int, TopicPartition]:
        """Partition id → partition, of all subscribed topics."""
        found: dict[int, TopicPartition] = {}
        for topic in topics:
            rows = self._connection.execute(
                "SELECT p.id, p.number FROM topic_partition p JOIN topic t ON t.id = p.topic_id WHERE t.name = ?",
                (topic,),
            ).fetchall()
            if not rows:
                raise UnknownTopic(f"Topic {topic!r} does not exist in the event log; create it with ensure_topics.")
            found |= {row[0]: TopicPartition(topic, row[1]) for row in rows}
        return found

    def _join(self) -> None:
        """Become a member. Whatever this consumer owned before is forgotten, positions included."""
        self._owned.clear()
        topics = {partition.topic for partition in self._partitions.values()}
        with store.write(self._connection):
            self._connection.execute(
                "INSERT INTO member (id, group_name, lease_ends_at) VALUES (?, ?, ?)",
                (self.member_id, self._group, time.time() + self._lease_s),
            )
            self._connection.executemany(
                "INSERT INTO member_topic (member_id, topic_id) SELECT ?, id FROM topic WHERE name = ?",
                [(self.member_id, topic) for topic in topics],
            )
            self._announce()

    def _announce(self) -> None:
        self._connection.execute("UPDATE pulse SET memberships = memberships + 1")

    def _share_partitions(self) -> None:
        """Give up and take partitions when the membership changed since the last look."""
        (membership,) = self._connection.execute("SELECT memberships FROM pulse").fetchone()
        if membership == self._membership_seen:
            return
        if not self._connection.execute("SELECT 1 FROM member WHERE id = ?", (self.member_id,)).fetchone():
            # The lease ran out (the process was suspended, or nobody polled for too long): start afresh.
            self._join()
        with store.write(self._connection):
            mine = self._apply_share_rule()
            (self._membership_seen,) = self._connection.execute("SELECT memberships FROM pulse").fetchone()
        gained = mine - {owned.partition_id for owned in self._owned.values()}
        self._owned = {partition: owned for partition, owned in self._owned.items() if owned.partition_id in mine}
        for partition_id in gained:
            begin = self._first_offset(partition_id)
            self._owned[self._partitions[partition_id]] = _Owned(partition_id, begin, begin, begin, begin)

    def _apply_share_rule(self) -> set[int]:
        """Run the rule of this module for each topic, inside a write transaction; ids of the partitions now owned."""
        mine: set[int] = set()
        released = False
        for topic in {partition.topic for partition in self._partitions.values()}:
            partitions = {number for number, partition in self._partitions.items() if partition.topic == topic}
            counts = dict(
                self._connection.execute(
                    "SELECT m.id, COUNT(o.partition_id) FROM member m "
                    "JOIN member_topic mt ON mt.member_id = m.id JOIN topic t ON t.id = mt.topic_id AND t.name = ? "
                    "LEFT JOIN topic_partition p ON p.topic_id = t.id "
                    "LEFT JOIN ownership o ON o.member_id = m.id AND o.partition_id = p.id AND o.group_name = ? "
                    "WHERE m.group_name = ? GROUP BY m.id",
                    (topic, self._group, self._group),
                )
            )
            owners = dict(
                self._connection.execute(
                    "SELECT o.partition_id, o.member_id FROM ownership o "
                    "JOIN topic_partition p ON p.id = o.partition_id JOIN topic t ON t.id = p.topic_id "
                    "WHERE o.group_name = ? AND t.name = ?",
                    (self._group, topic),
                )
            )
            held = sorted(number for number, owner in owners.items() if owner == self.member_id)
            free = sorted(partitions - owners.keys())
            least, rest = divmod(len(partitions), len(counts))
            most = least + (1 if rest else 0)
            target = min(most, len(held) + len(free))
            if len(held) > least and not free and min(counts.values()) < least:
                target = min(target, len(held) - 1)
            for number in held[target:]:
                self._connection.execute(
                    "DELETE FROM ownership WHERE group_name = ? AND partition_id = ?", (self._group, number)
                )
                released = True
            for number in free[: max(target - len(held), 0)]:
                self._connection.execute(
                    "INSERT INTO ownership (group_name, partition_id, member_id) VALUES (?, ?, ?)",
                    (self._group, number, self.member_id),
                )
                held.append(number)
            mine.update(held[:target])
        if released:
            self._announce()
        return mine

    def _committed(self, partition_id: int) -> int | None:
        row = self._connection.execute(
            "SELECT next_offset FROM group_offset WHERE group_name = ? AND partition_id = ?",
            (self._group, partition_id),
        ).fetchone()
        return None if row is None else int(row[0])

    def _first_offset(self, partition_id: int) -> int:
        """Where a partition just gained begins."""
        committed = self._committed(partition_id)
        if committed is not None:
            return committed
        if self._start == "earliest":
            return 0
        row = self._connection.execute("SELECT next_offset FROM topic_partition WHERE id = ?", (partition_id,))
        return int(row.fetchone()[0])

    def _fetch(self, max_records: int) -> list[ConsumedRecord]:
        """Records of the owned partitions, beginning with another partition each time so that none starves."""
        readable = [(partition, owned) for partition, owned in self._owned.items() if not owned.paused]
        if not readable:
            return []
        ids = ",".join(str(owned.partition_id) for _, owned in readable)
        heads = dict(self._connection.execute(f"SELECT id, next_offset FROM topic_partition WHERE id IN ({ids})"))
        self._turn += 1
        turn = self._turn % len(readable)
        records: list[ConsumedRecord] = []
        budget = _POLL_BYTES
        for partition, owned in readable[turn:] + readable[:turn]:
            if owned.position >= heads[owned.partition_id] or len(records) >= max_records or budget <= 0:
                continue
            rows = self._connection.execute(
                "SELECT place, key, value, headers, appended_at FROM record "
                "WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
                (
                    store.place(owned.partition_id, owned.position),
                    store.place(owned.partition_id + 1, 0),
                    max_records - len(records),
                ),
            )
            first = store.place(owned.partition_id, 0)
            for place, key, value, headers, appended_at in rows:
                at = _EPOCH + timedelta(microseconds=appended_at)
                records.append(
                    ConsumedRecord(
                        partition.topic, key, value, json.loads(headers), partition.partition, place - first, at
                    )
                )
                owned.position = place - first + 1
                owned.highest = max(owned.highest, owned.position)
                budget -= len(value)
                if budget <= 0:
                    rows.close()
                    break
        return records
