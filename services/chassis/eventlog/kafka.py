"""The event log on Apache Kafka, through kafka-python: for more than one machine.

The producer is idempotent and waits for all in-sync replicas; topics are made by `ensure_topics`, never on the fly.
A commit carries the member's id and the group's generation, so the broker refuses a member that was replaced; what a
member may commit after it joined again is bounded here, because the broker does not check who owns a partition.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError, RetriableError, TopicAlreadyExistsError, for_code
from kafka.structs import TopicPartition as KafkaPartition

from services.chassis.eventlog.base import (
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
from services.chassis.eventlog.kafka_consumer import KafkaGroupConsumer
from services.chassis.eventlog.kafka_reasons import explained, of_topic
from services.chassis.eventlog.kafka_settings import KafkaSettings
from services.chassis.eventlog.topics import as_declared

_DELIVERY_S = 30.0
_SETTLE_S = 10.0
_RETRY_S = 0.1
_UNKNOWN_TOPIC = 3


class KafkaEventLog(EventLog):
    """Clients are opened on first use, so that a service starts while the brokers are still coming up.

    `managed`: topics are made by `coopctl admin topics` alone; one that is missing is waited for.
    """

    def __init__(self, settings: KafkaSettings, *, managed: bool = False) -> None:
        self._settings = settings
        self._managed = managed
        self._lock = threading.Lock()
        self._admin_lock = threading.Lock()
        self._admin: KafkaAdminClient | None = None
        self._producer: KafkaProducer | None = None
        self._topics: dict[str, int] = {}
        self._consumers: weakref.WeakSet[KafkaGroupConsumer] = weakref.WeakSet()
        self._closed = threading.Event()

    def ensure_topics(self, names: Iterable[str], partitions: int = DEFAULT_PARTITIONS) -> None:
        missing = sorted(name for name in set(names) if not self._partitions(name))
        if not missing:
            return
        if self._managed:
            raise UnknownTopic(f"The topic {missing[0]} is missing: run 'coopctl admin topics apply'.")
        options = {
            name: {
                "num_partitions": partitions,
                "replication_factor": self._settings.replication,
                "configs": as_declared(name).configs,
            }
            for name in missing
        }
        with self._administration() as admin:
            answer = admin.create_topics(options, raise_errors=False)
            for topic in answer["topics"]:
                error = for_code(topic["error_code"])
                if topic["error_code"] and error is not TopicAlreadyExistsError:
                    raise EventLogError(
                        f"Kafka did not create the topic {topic['name']!r}: {error.__name__} {topic['error_message']}"
                    )
            admin.wait_for_topics(missing)

    def append(self, records: Sequence[Record]) -> None:
        if not records:
            return
        refuse_too_large(records)
        for topic in {record.topic for record in records}:
            self._require(topic)
        with self._lock, as_event_log_errors("append", self._settings):
            producer = self._open_producer()
            try:
                pending = [
                    producer.send(
                        record.topic,
                        key=record.key.encode(),
                        value=record.value,
                        headers=[(name, text.encode()) for name, text in record.headers.items()],
                    )
                    for record in records
                ]
                for acknowledgement in pending:
                    acknowledgement.get(timeout=_DELIVERY_S + 5)
            except BaseException:
                # What is still queued must not be sent after the caller appended the batch again: that would put
                # later events of a key before earlier ones. The producer goes, with its queue.
                self._producer = None
                _discard(producer)
                raise

    def consumer(
        self, group: str, topics: Iterable[str], *, start: Literal["earliest", "latest"] = "earliest"
    ) -> Consumer:
        names = sorted(set(topics))
        for name in names:
            self._require(name)
        with as_event_log_errors("join", self._settings):
            consumer = KafkaGroupConsumer(self._settings, group, names, start=start)
        self._consumers.add(consumer)
        return consumer

    def lag(self, group: str, topics: Iterable[str]) -> dict[TopicPartition, int]:
        partitions = [KafkaPartition(topic, n) for topic in set(topics) for n in range(self._partitions(topic))]
        if not partitions:
            return {}
        with self._administration() as admin:
            committed = self._patiently(lambda: admin.list_group_offsets({group: partitions}))[group]
            earliest = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            latest = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        lag = {}
        for partition in partitions:
            done = committed[partition].offset if partition in committed else -1
            lag[TopicPartition(*partition)] = latest[partition].offset - max(done, earliest[partition].offset)
        return lag

    def layout(self, names: Iterable[str]) -> dict[str, int]:
        wanted = sorted(set(names))
        if not wanted:
            return {}
        with self._administration() as admin:
            described = admin.describe_topics(wanted)
        found = dict.fromkeys(wanted, 0)
        for topic in described:
            if topic["error_code"] == _UNKNOWN_TOPIC:
                continue
            if topic["error_code"]:
                raise EventLogUnavailable(of_topic(topic["name"], topic["error_code"], self._settings))
            found[topic["name"]] = len(topic["partitions"])
        # Somebody may have added partitions since they were asked for.
        self._topics |= {name: number for name, number in found.items() if number}
        return found

    def check(self) -> None:
        with self._administration() as admin:
            admin.describe_cluster()

    def hurry(self) -> None:
        """The client's poll cannot be woken from another thread: consumers return when their time is over."""

    def close(self) -> None:
        self._closed.set()
        for consumer in list(self._consumers):
            consumer.close()
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=_DELIVERY_S)
                self._producer = None
        with self._admin_lock:
            if self._admin is not None:
                self._admin.close()
                self._admin = None

    def _open_producer(self) -> KafkaProducer:
        self._refuse_if_closed()
        if self._producer is None:
            self._producer = KafkaProducer(
                **self._settings.client(),
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=0,
                request_timeout_ms=10_000,
                delivery_timeout_ms=int(_DELIVERY_S * 1000),
                max_block_ms=10_000,
            )
        return self._producer

    @contextmanager
    def _administration(self) -> Iterator[KafkaAdminClient]:
        """The admin client, for one caller at a time."""
        with self._admin_lock, as_event_log_errors("administration", self._settings):
            self._refuse_if_closed()
            if self._admin is None:
                settings = self._settings.client()
                del settings["metrics_enabled"]
                self._admin = KafkaAdminClient(**settings, request_timeout_ms=10_000)
            yield self._admin

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """The answer, asking again while the cluster is still settling (a new group's coordinator is being elected)."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            try:
                return ask()
            except RetriableError:
                if time.monotonic() > deadline or self._closed.wait(_RETRY_S):
                    raise

    def _refuse_if_closed(self) -> None:
        if self._closed.is_set():
            raise EventLogError(f"The event log at {','.join(self._settings.servers)} is closed.")

    def _partitions(self, topic: str) -> int:
        """Number of partitions of a topic, 0 when it does not exist. Kept: it seldom changes."""
        return self._topics.get(topic) or self.layout([topic])[topic]

    def _require(self, topic: str) -> None:
        if not self._partitions(topic):
            raise UnknownTopic(f"Topic {topic!r} does not exist in the event log; create it with ensure_topics.")


@contextmanager
def as_event_log_errors(doing: str, settings: KafkaSettings) -> Iterator[None]:
    """A block of the library's calls, whose failures leave as ours, with a sentence."""
    try:
        yield
    except KafkaError as error:
        raise EventLogUnavailable(f"Kafka did not complete the {doing}: {explained(error, settings)}") from error


def _discard(producer: KafkaProducer) -> None:
    """Close a producer without waiting for its queue, whose loss the caller is about to report."""
    try:
        producer.close(timeout=0)
    except KafkaError:
        # Says that the queue was not empty, which is why we are here; the sender thread has still to be ended.
        producer._sender.force_close()
