"""A member of a consumer group on Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from services.chassis.eventlog.base import (
    ConsumedRecord,
    Consumer,
    EventLogError,
    EventLogUnavailable,
    StaleMember,
    TopicPartition,
)
from services.chassis.eventlog.kafka_settings import KafkaSettings

_ANSWER_MS = 10_000
# Leaving waits behind a join that is still held up by a slow member. After this the lease ends the membership instead.
_LEAVE_MS = 3_000
_METADATA_MS = 30_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REPLACED = (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


@dataclass
class _Given:
    """What this member was given of a partition since it last gained it: where that began, and the offsets it may
    commit."""

    begin: int
    lowest: int
    highest: int


class KafkaGroupConsumer(Consumer):
    def __init__(
        self, settings: KafkaSettings, group: str, topics: list[str], *, start: Literal["earliest", "latest"]
    ) -> None:
        self._group = group
        self._given: dict[TopicPartition, _Given] = {}
        self._paused: set[TopicPartition] = set()
        self._closed = False
        self._kafka = KafkaConsumer(
            **settings.client(),
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset=start,
            allow_auto_create_topics=False,
            metadata_max_age_ms=_METADATA_MS,
            # The library's first choice, "range", gives every topic's first partitions to the same member.
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            session_timeout_ms=int(settings.lease_s * 1000),
            heartbeat_interval_ms=int(settings.lease_s * 1000 / 3),
            max_poll_interval_ms=int(settings.max_poll_interval_s * 1000),
            request_timeout_ms=_ANSWER_MS,
        )
        _keep_finished_joins(self._kafka)
        self._kafka.subscribe(topics, listener=_Rebalance(self))
        try:
            self._learn_partitions(topics)
        except BaseException:
            self.close()
            raise

    @property
    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(*partition) for partition in self._kafka.assignment() or ())

    def poll(self, timeout_s: float, max_records: int = 500) -> list[ConsumedRecord]:
        self._refuse_if_closed()
        with self._errors("poll"):
            found = self._kafka.poll(timeout_ms=timeout_s * 1000, max_records=max_records)
        records: list[ConsumedRecord] = []
        for source, batch in found.items():
            partition = TopicPartition(*source)
            first, end = batch[0].offset, batch[-1].offset + 1
            given = self._given.setdefault(partition, _Given(first, first, end))
            given.highest = max(given.highest, end)
            records += [
                ConsumedRecord(
                    topic=record.topic,
                    key=record.key.decode(),
                    value=record.value,
                    headers={name: text.decode() for name, text in record.headers},
                    partition=record.partition,
                    offset=record.offset,
                    timestamp=_EPOCH + timedelta(milliseconds=record.timestamp),
                )
                for record in batch
            ]
        return records

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._refuse_if_closed()
        for partition, offset in offsets.items():
            given = self._look_up(partition)
            if not given.lowest <= offset <= given.highest:
                raise StaleMember(
                    f"Offset {offset} of {partition} was not committed for group {self._group!r}: "
                    "it was not read in this ownership of the partition."
                )
        with self._errors("commit"):
            self._kafka.commit(
                {KafkaPartition(*source): OffsetAndMetadata(offset, "", -1) for source, offset in offsets.items()},
                timeout_ms=_ANSWER_MS,
            )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        given = self._look_up(partition)
        given.lowest = min(given.lowest, offset)
        given.highest = max(given.highest, offset)
        self._kafka.seek(KafkaPartition(*partition), offset)

    def rewind(self, partitions: Iterable[TopicPartition] | None = None) -> None:
        for partition in self.assignment if partitions is None else partitions:
            given = self._look_up(partition)
            with self._errors("look-up of the committed offset"):
                committed = self._kafka.committed(KafkaPartition(*partition), timeout_ms=_ANSWER_MS)
            self.seek(partition, given.begin if committed is None else committed)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._require(partition)
            self._paused.add(partition)
            self._kafka.pause(KafkaPartition(*partition))

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        for partition in partitions:
            self._require(partition)
            self._paused.discard(partition)
            self._kafka.resume(KafkaPartition(*partition))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with self._errors("close"):
            self._kafka.close(autocommit=False, timeout_ms=_LEAVE_MS)

    def revoked(self) -> None:
        """Everything was taken away; a rebalance is under way."""
        self._given.clear()

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """These, and no others, are this member's now. Kafka forgets pauses in every rebalance; we do not."""
        self._paused &= partitions
        self._kafka.pause(*(KafkaPartition(*partition) for partition in self._paused))

    def _learn_partitions(self, topics: list[str]) -> None:
        """Ask for the topics' partitions before joining. The member that shares them out may be this one; a topic it
        had not heard of yet would be left to nobody until the metadata are next refreshed."""
        deadline = time.monotonic() + _ANSWER_MS / 1000
        for topic in topics:
            while not self._kafka.partitions_for_topic(topic):
                if time.monotonic() > deadline:
                    raise EventLogUnavailable(f"Kafka does not say which partitions {topic!r} has.")

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise EventLogError(f"The consumer of group {self._group!r} is closed.")

    def _require(self, partition: TopicPartition) -> None:
        if partition not in self.assignment:
            raise StaleMember(f"{partition} is not assigned to this member of group {self._group!r}.")

    def _look_up(self, partition: TopicPartition) -> _Given:
        self._require(partition)
        if partition not in self._given:
            with self._errors("look-up of the position"):
                position = self._kafka.position(KafkaPartition(*partition), timeout_ms=_ANSWER_MS)
            if position is None:
                raise EventLogUnavailable(f"Kafka did not say where group {self._group!r} stands in {partition}.")
            self._given[partition] = _Given(position, position, position)
        return self._given[partition]

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except _REPLACED as error:
            raise StaleMember(f"The {doing} of group {self._group!r} was refused by Kafka: {error}") from error
        except KafkaError as error:
            raise EventLogUnavailable(f"Kafka did not complete the {doing}: {type(error).__name__} {error}") from error


def _keep_finished_joins(client: KafkaConsumer) -> None:
    """Let a join count that ended while nobody polled.

    The library makes a join that outlasts a poll the business of the next one, but forgets it when it has ended by then and
    begins another, which sends all members of the group round again: with a busy broker and short polls, for ever.
    """
    coordinator = client._coordinator
    join, complete = coordinator._do_join_and_sync_async, coordinator._on_join_complete_async
    given: list[bytes] = []

    async def join_once() -> bytes:
        # Should the group have moved on since, the next heartbeat says so, and the broker refuses commits until then.
        if not given:
            given.append(await join())
        return given[0]

    async def take(*about: Any) -> None:
        given.clear()
        await complete(*about)

    coordinator._do_join_and_sync_async, coordinator._on_join_complete_async = join_once, take


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called by the client's own thread while `poll` waits for it."""

    def __init__(self, consumer: KafkaGroupConsumer) -> None:
        self._consumer = consumer

    def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        self._consumer.revoked()

    def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        self._consumer.assigned({TopicPartition(*partition) for partition in assigned})
