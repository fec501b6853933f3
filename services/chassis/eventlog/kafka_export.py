"""Kafka's topics taken out as they lie there, with how far each group has read: what a backup keeps of the event log.

Whoever reads here joins no group and commits nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer
from kafka.admin import OffsetSpec
from kafka.errors import RetriableError, for_code
from kafka.structs import TopicPartition as KafkaPartition

from services.chassis.eventlog.base import EventLogUnavailable, TopicPartition
from services.chassis.eventlog.kafka import as_event_log_errors
from services.chassis.eventlog.kafka_admin import ANSWER_MS, UNKNOWN_TOPIC, KafkaAdministration

_SETTLE_S = 10.0
_RETRY_S = 0.1
_POLL_MS = 500
_SILENCE_S = 60.0
_FETCH_BYTES = 8_000_000

Progress = dict[str, dict[TopicPartition, int]]
"""Of each group the next offset that it reads of each partition."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record byte for byte. `timestamp_ms` is since 1970, as Kafka keeps it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def source(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class KafkaExport(KafkaAdministration):
    """Opened for one backup or one restore. Raises `EventLogUnavailable` when Kafka does not answer."""

    def layout(self, names: Iterable[str]) -> dict[str, int]:
        """Number of partitions of those of the topics that exist."""
        found = {}
        with as_event_log_errors("look at the topics", self._settings):
            for topic in self._admin.describe_topics(sorted(names)):
                if topic["error_code"] == UNKNOWN_TOPIC:
                    continue
                if topic["error_code"]:
                    reason = for_code(topic["error_code"]).__name__
                    raise EventLogUnavailable(f"Kafka does not tell how {topic['name']!r} is: {reason}.")
                found[str(topic["name"])] = len(topic["partitions"])
        return found

    def ends(self, layout: Mapping[str, int]) -> dict[TopicPartition, int]:
        """Of each partition the offset that its next record will have."""
        wanted = {KafkaPartition(*partition): OffsetSpec.LATEST for partition in partitions_of(layout)}
        with as_event_log_errors("look at the topics' ends", self._settings):
            found = _patiently(lambda: self._admin.list_partition_offsets(wanted)) if wanted else {}
        return {TopicPartition(*partition): found[partition].offset for partition in wanted}

    def progress(self, layout: Mapping[str, int]) -> Progress:
        """How far every group is that has read of these topics."""
        ours = set(partitions_of(layout))
        with as_event_log_errors("look at the groups", self._settings):
            groups = sorted(str(group["group_id"]) for group in _patiently(self._admin.list_groups))
            found = _patiently(lambda: self._admin.list_group_offsets(groups)) if groups else {}
        progress: Progress = {}
        for group in groups:
            read = {TopicPartition(*place): committed.offset for place, committed in found.get(group, {}).items()}
            known = {place: offset for place, offset in read.items() if place in ours and offset >= 0}
            if known:
                progress[group] = known
        return progress

    def members(self, groups: Iterable[str]) -> dict[str, int]:
        """Of the groups that somebody reads in right now, how many that are."""
        wanted = sorted(groups)
        if not wanted:
            return {}
        with as_event_log_errors("look at the groups", self._settings):
            described = _patiently(lambda: self._admin.describe_groups(wanted))
        counts = {str(group): len(found.get("members") or ()) for group, found in described.items()}
        return {group: count for group, count in counts.items() if count}

    def read(self, ends: Mapping[TopicPartition, int]) -> Iterator[StoredRecord]:
        """Every record before the ends, of each partition in its order. What Kafka has forgotten meanwhile is not there."""
        open_ends = {KafkaPartition(*partition): end for partition, end in ends.items() if end > 0}
        with as_event_log_errors("reading", self._settings):
            consumer = KafkaConsumer(
                **self._settings.client(),
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                request_timeout_ms=ANSWER_MS,
                fetch_max_bytes=_FETCH_BYTES,
            )
            try:
                consumer.assign(list(open_ends))
                if open_ends:
                    consumer.seek_to_beginning()
                yield from _drained(consumer, open_ends)
            finally:
                consumer.close()


def partitions_of(layout: Mapping[str, int]) -> list[TopicPartition]:
    """Every partition of topics with so many of them."""
    return [TopicPartition(topic, number) for topic, count in sorted(layout.items()) for number in range(count)]


def _drained(consumer: KafkaConsumer, ends: dict[KafkaPartition, int]) -> Iterator[StoredRecord]:
    left = set(ends)
    heard = time.monotonic()
    while left:
        batches: dict[KafkaPartition, list[Any]] = consumer.poll(timeout_ms=_POLL_MS, max_records=2000)
        for place, batch in batches.items():
            for record in batch:
                if record.offset < ends[place]:
                    yield StoredRecord(
                        record.topic,
                        record.partition,
                        record.offset,
                        record.timestamp,
                        record.key,
                        record.value,
                        tuple(record.headers or ()),
                    )
        # The position, and not the last record: compaction may have taken away the records before the end.
        done = {place for place in left if consumer.position(place) >= ends[place]}
        if done:
            left -= done
            consumer.pause(*done)
        if batches or done:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_S:
            place = TopicPartition(*min(left))
            raise EventLogUnavailable(
                f"Kafka gave nothing more of {place} for {_SILENCE_S:.0f} s, though it ends at {ends[min(left)]} and was "
                f"read up to {consumer.position(min(left))}: look whether its broker is there, then try again."
            )


def _patiently(ask: Callable[[], Any]) -> Any:
    """The answer, asking again while the cluster is settling (a coordinator or a leader is being elected)."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        try:
            return ask()
        except RetriableError:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(_RETRY_S)
