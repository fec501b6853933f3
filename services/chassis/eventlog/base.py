"""The event log: what services may rely on, whichever adapter carries it.

A log holds *topics*; a topic has a fixed number of *partitions*; a partition is a sequence of records numbered from
0 by their *offset*. The records of one key always go to the same partition, in the order in which they were appended,
so whoever reads the partition sees each aggregate's events in order. Nothing is promised about the order between
partitions.

Readers form *groups*. Each group reads every record on its own, at its own pace, and its progress is one committed
offset per partition. Within a group each partition has at most one owner at a time; the members of a group share the
partitions, and the partitions of a member that closes, or dies and lets its lease run out, move to the others.

Delivery is at least once: a record is delivered again until its group has committed an offset beyond it. Doing the
effect once is the reader's business (`services.chassis.consumer` keeps an inbox for that).

`tests/contract/eventlog/` states each of these promises as a test and runs it on every adapter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, NamedTuple, Self

DEFAULT_PARTITIONS = 4
DEFAULT_MAX_POLL_INTERVAL_S = 300.0
"""How long a living consumer that is not polled keeps its partitions: longer than any handler may take."""
MAX_RECORD_BYTES = 1_000_000
"""Largest key + value + headers of one record, in bytes: what fits a Kafka broker with its default settings. The same
on every adapter, so that a record accepted in development is accepted in production."""


class EventLogError(Exception):
    """The event log could not do what was asked; the message says what and why."""


class UnknownTopic(EventLogError):
    """The topic does not exist. Topics are created by `EventLog.ensure_topics`, never as a side effect."""


class RecordTooLarge(EventLogError):
    """A record exceeds `MAX_RECORD_BYTES`. Nothing of its batch was appended."""


class StaleMember(EventLogError):
    """This member no longer owns the partition it tried to commit, so the commit was refused and nothing changed.

    Whoever owns the partition now gets the records again. The member stays usable: its next `poll` joins again.
    """


class EventLogUnavailable(EventLogError):
    """The log did not answer in time. Trying again later may succeed; an `append` may or may not have been stored."""


class TopicPartition(NamedTuple):
    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Record:
    """One event on its way into the log. `key` decides the partition; `headers` are short text."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def size(self) -> int:
        """Bytes of key, value and headers together."""
        headers = sum(len(name.encode()) + len(text.encode()) for name, text in self.headers.items())
        return len(self.key.encode()) + len(self.value) + headers


@dataclass(frozen=True, slots=True)
class ConsumedRecord:
    """One event as read from the log. `timestamp` is when it was appended, aware UTC."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str]
    partition: int
    offset: int
    timestamp: datetime

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class Consumer(ABC):
    """One member of a group. Not thread-safe: one thread polls, commits and closes.

    Partitions are gained and given up inside `poll` and given up in `close`; between two polls they are lost only if
    the member's lease ran out, which a living process prevents by itself for up to `max_poll_interval_s`.
    """

    @abstractmethod
    def poll(self, timeout_s: float, max_records: int = 500) -> list[ConsumedRecord]:
        """The next records of the partitions this member owns; an empty list after `timeout_s` without any.

        Within a partition the records are in offset order and continue where the last poll, seek or rewind left off;
        a partition just gained starts at the group's committed offset, or where `start` says when there is none.
        """

    @abstractmethod
    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Store the group's progress, all partitions or none. An offset names the NEXT record to read.

        What was committed survives the death of this process. The sudden death of the machine may undo the last
        commits, never the appends: readers then get those records again.

        Raises `StaleMember` when a partition is no longer this member's, or when the offset lies outside what this
        member was given since it last gained the partition (a commit left over from an earlier ownership).
        """

    @abstractmethod
    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Continue reading `partition` at `offset`. The committed offset stays until the next `commit`."""

    @abstractmethod
    def rewind(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        """Go back to the committed offset, for these partitions or all: the uncommitted is delivered again."""

    @abstractmethod
    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Deliver nothing from these partitions until `resume`. They stay this member's own.

        A pause lasts while the member owns the partition without interruption; it is not passed on to others.
        """

    @abstractmethod
    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`; delivery continues at the position where the partition was paused."""

    @property
    @abstractmethod
    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member owned after its last poll."""

    @abstractmethod
    def close(self) -> None:
        """Leave the group and hand the partitions over at once. Commits nothing. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class EventLog(ABC):
    """A connection to the log. Thread-safe; one per process."""

    @abstractmethod
    def ensure_topics(self, names: Iterable[str], partitions: int = DEFAULT_PARTITIONS) -> None:
        """Create the topics that do not exist. An existing topic keeps its number of partitions, because changing it
        would send the later records of a key elsewhere than the earlier ones."""

    @abstractmethod
    def append(self, records: Sequence[Record]) -> None:
        """Append the records; when this returns they survive the death of this process and of the machine.

        Records of one topic and key keep the order of the sequence. When it raises `EventLogUnavailable`, none, some
        or all of them may have been appended; appending the whole batch again is safe for readers that recognise an
        event by its identifier. Raises `UnknownTopic` and `RecordTooLarge` before anything is appended.
        """

    @abstractmethod
    def consumer(
        self, group: str, topics: Iterable[str], *, start: Literal["earliest", "latest"] = "earliest"
    ) -> Consumer:
        """A new member of `group`. `start` says where a partition without a committed offset begins."""

    @abstractmethod
    def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        """Records appended and not yet committed by the group, per partition. Needs no membership."""

    @abstractmethod
    def layout(self, names: Iterable[str]) -> dict[str, int]:
        """Number of partitions of each topic as it is now; 0 for one that does not exist."""

    @abstractmethod
    def check(self) -> None:
        """Raises `EventLogUnavailable`, saying where it looked and why, when the log does not answer now."""

    def count_old(self, topics: Mapping[str, bool], before: datetime) -> int:
        """Records of topics (whether each is compacted) that `forget_old` would delete; 0 where a broker does that itself."""
        return 0

    def forget_old(self, topics: Mapping[str, bool], before: datetime, limit: int) -> int:
        """Delete at most `limit` records that were appended before an instant and that every group has committed; of a
        compacted topic, those that a later one of their key replaces. Gives how many."""
        return 0

    @abstractmethod
    def hurry(self) -> None:
        """From now on a consumer that finds nothing returns at once instead of waiting: the process is about to stop.

        Where an adapter cannot, its consumers return when their time is over.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections and threads. Consumers still open are closed first."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def refuse_too_large(records: Sequence[Record]) -> None:
    """Raise `RecordTooLarge` for the first record beyond `MAX_RECORD_BYTES`."""
    for record in records:
        size = record.size()
        if size > MAX_RECORD_BYTES:
            raise RecordTooLarge(
                f"The event {record.key!r} for {record.topic} has {size} bytes; the log takes {MAX_RECORD_BYTES}. "
                "Store the content elsewhere and send a reference to it."
            )
