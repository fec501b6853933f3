"""Topics put back into Kafka as `kafka_export` took them out, and the groups where they were.

Records get new offsets, counted from 0, because Kafka gives them out itself; where a group goes on is therefore the number of
records that were put back of those that it had read.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaProducer
from kafka.errors import NoError, UnknownTopicOrPartitionError, for_code
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from services.chassis.eventlog.base import EventLogError, EventLogUnavailable, TopicPartition
from services.chassis.eventlog.kafka import as_event_log_errors
from services.chassis.eventlog.kafka_admin import ANSWER_MS, KafkaAdministration
from services.chassis.eventlog.kafka_export import KafkaExport, Progress, StoredRecord
from services.chassis.eventlog.kafka_settings import KafkaSettings
from services.chassis.eventlog.kafka_topics import KafkaTopics
from services.chassis.eventlog.topic_changes import Change
from services.chassis.eventlog.topics import Topic

_DELIVERY_S = 60.0
_SETTLE_S = 60.0
_LOOK_S = 0.2
#: Sent and not yet acknowledged: the client itself sets no bound, and the log may be larger than the memory.
_UNDER_WAY_BYTES = 16_000_000
_UNDER_WAY_RECORDS = 5000
_NO_SUCH_TOPIC = for_code(3)


class KafkaImport(KafkaAdministration):
    """Opened for one restore. Raises `EventLogUnavailable` when Kafka does not answer."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        self._export = KafkaExport(settings)

    def close(self) -> None:
        super().close()
        self._export.close()

    def occupied(self, names: Iterable[str]) -> dict[str, int]:
        """Of the topics that exist, how many records were ever appended."""
        found = dict.fromkeys(self._export.layout(names), 0)
        for partition, end in self._export.ends(self._export.layout(found)).items():
            found[partition.topic] += end
        return found

    def readers(self, names: Iterable[str], groups: Iterable[str]) -> dict[str, int]:
        """Of the groups in which somebody reads right now, how many that are: those named, and those that read the topics."""
        reading = self._export.progress(self._export.layout(names))
        return self._export.members(reading.keys() | set(groups))

    def remove(self, names: Iterable[str]) -> None:
        """Deletes the topics and waits until they are gone."""
        left = sorted(self._export.layout(names))
        if not left:
            return
        with as_event_log_errors("removal of topics", self._settings):
            answer = self._admin.delete_topics(left, raise_errors=False)
        for topic in answer["topics"]:
            error = for_code(topic["error_code"])
            if topic["error_code"] and error is not _NO_SUCH_TOPIC:
                raise EventLogError(
                    f"Kafka did not remove the topic {topic['name']!r} ({error.__name__}): remove it with the broker's "
                    "own tools, then restore again."
                )
        deadline = time.monotonic() + _SETTLE_S
        while left := sorted(self._export.layout(left)):
            if time.monotonic() > deadline:
                raise EventLogUnavailable(f"Kafka still has {left[0]} a minute after it was told to remove it.")
            threading.Event().wait(_LOOK_S)

    def make(self, topics: Iterable[Topic]) -> None:
        """Makes topics that are not there, with the settings that were declared for them."""
        with KafkaTopics(self._settings) as cluster:
            for topic in topics:
                cluster.apply(Change(topic.name, "create", f"{topic.name} is restored."), topic)

    def write(self, records: Iterable[StoredRecord], groups: Progress) -> tuple[int, Progress]:
        """Appends the records to the partitions where they were, in their order and with their time.

        Gives how many and where each group goes on. Raises `EventLogError` when a topic turns out not to be empty.
        """
        goes_on: Progress = {group: dict.fromkeys(read, 0) for group, read in groups.items()}
        readers: dict[TopicPartition, list[tuple[str, int]]] = {}
        for group, read in groups.items():
            for place, offset in read.items():
                readers.setdefault(place, []).append((group, offset))
        count: Counter[TopicPartition] = Counter()
        under_way: deque[_Sent] = deque()
        waiting_bytes = 0
        with as_event_log_errors("append", self._settings):
            producer = KafkaProducer(
                **self._settings.client(),
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=20,
                batch_size=262_144,
                request_timeout_ms=ANSWER_MS,
                delivery_timeout_ms=int(_DELIVERY_S * 1000),
                max_block_ms=int(_DELIVERY_S * 1000),
            )
            try:
                for record in records:
                    sent = producer.send(
                        record.topic,
                        key=record.key,
                        value=record.value,
                        headers=list(record.headers),
                        partition=record.partition,
                        timestamp_ms=record.timestamp_ms,
                    )
                    size = len(record.key or b"") + len(record.value or b"")
                    under_way.append(_Sent(record.source, count[record.source], size, sent))
                    waiting_bytes += size
                    count[record.source] += 1
                    for group, offset in readers.get(record.source, ()):
                        goes_on[group][record.source] += record.offset < offset
                    while waiting_bytes > _UNDER_WAY_BYTES or len(under_way) > _UNDER_WAY_RECORDS:
                        waiting_bytes -= _acknowledged(under_way.popleft())
                producer.flush(timeout=_DELIVERY_S)
                while under_way:
                    _acknowledged(under_way.popleft())
            finally:
                producer.close(timeout=0 if under_way else _DELIVERY_S)
        return count.total(), goes_on

    def commit(self, layout: Mapping[str, int], groups: Progress) -> None:
        """Sets how far each group is, and takes away what Kafka still remembers of others that read topics of these names."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            found = self._export.progress(layout)
            wrong = [group for group in sorted(found.keys() | groups) if found.get(group) != groups.get(group)]
            if not wrong:
                return
            if time.monotonic() > deadline:
                raise EventLogUnavailable(
                    f"Kafka does not keep how far {wrong[0]} is: {found.get(wrong[0])} instead of {groups.get(wrong[0])}."
                )
            for group in wrong:
                self._set(group, groups.get(group, {}), found.get(group, {}))
            threading.Event().wait(_LOOK_S)

    def _set(self, group: str, wanted: Mapping[TopicPartition, int], found: Mapping[TopicPartition, int]) -> None:
        offsets = {KafkaPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in wanted.items()}
        stale = [KafkaPartition(*place) for place in found.keys() - wanted.keys()]
        with as_event_log_errors(f"setting of where {group} goes on", self._settings):
            answers = self._admin.alter_group_offsets(group, offsets)
            answers |= self._admin.delete_group_offsets(group, stale)
        for place, error in answers.items():
            # A topic that was made a moment ago may not have come to the group's coordinator yet.
            if error not in (NoError, UnknownTopicOrPartitionError):
                raise EventLogError(
                    f"Kafka did not set where {group} goes on in {TopicPartition(*place)} ({error.__name__}): is every "
                    "'work' process stopped?"
                )


@dataclass(frozen=True, slots=True)
class _Sent:
    place: TopicPartition
    expected: int
    bytes: int
    acknowledgement: Any


def _acknowledged(sent: _Sent) -> int:
    """Bytes of a record that Kafka has. Raises `EventLogError` when it did not get the offset that it must have in a topic
    that nobody else writes."""
    stored = sent.acknowledgement.get(timeout=_DELIVERY_S + 5)
    if stored.offset != sent.expected:
        raise EventLogError(
            f"{sent.place} was not empty or somebody else wrote to it: a record became number {stored.offset} instead of "
            f"{sent.expected}. Stop every service, then restore again."
        )
    return sent.bytes
