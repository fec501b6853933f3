"""Kafka's topics as they are, and making them as declared. `coopctl admin topics` is the only one that uses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidPartitionsError, TopicAlreadyExistsError, for_code
from kafka.structs import TopicPartition

from services.chassis.eventlog.base import EventLogError, EventLogUnavailable
from services.chassis.eventlog.kafka import as_event_log_errors
from services.chassis.eventlog.kafka_admin import UNKNOWN_TOPIC, KafkaAdministration
from services.chassis.eventlog.kafka_reasons import of_topic
from services.chassis.eventlog.topic_changes import Change, Found, new_replicas
from services.chassis.eventlog.topics import Topic

_SETTLE_MS = 30_000
_COPY_S = 60.0
_LOOK_S = 0.2


class KafkaTopics(KafkaAdministration):
    """Opened for one plan or one application. Raises `EventLogUnavailable` when Kafka does not answer."""

    def found(self, names: Iterable[str]) -> dict[str, Found]:
        """Those of the topics that exist."""
        with as_event_log_errors("look at the topics", self._settings):
            described = self._described(names)
            if not described:
                return {}
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
            configs = self._admin.describe_configs(resources, config_filter="all")["topic"]
        return {
            name: Found(
                partitions=len(partitions),
                replication=min(len(partition["replica_nodes"]) for partition in partitions),
                configs={key: str(entry["value"]) for key, entry in configs[name].items()},
            )
            for name, partitions in described.items()
        }

    def strangers(self, wanted: Iterable[str]) -> list[str]:
        """Topics with names like ours that nobody declared."""
        with as_event_log_errors("look at the topics", self._settings):
            return sorted({name for name in self._admin.list_topics() if name.startswith("coop.")} - set(wanted))

    def apply(self, change: Change, topic: Topic) -> None:
        """Makes one change. Somebody else who makes it at the same time is no reason to fail."""
        with as_event_log_errors(f"change of {change.topic}", self._settings):
            match change.kind:
                case "create":
                    self._create(topic)
                case "partitions":
                    self._grow(topic)
                case "config":
                    self._configure(change)
                case "replication":
                    self._replicate(topic)

    def _described(self, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for topic in self._admin.describe_topics(list(names)):
            if topic["error_code"] == UNKNOWN_TOPIC:
                continue
            if topic["error_code"]:
                raise EventLogUnavailable(of_topic(topic["name"], topic["error_code"], self._settings))
            found[topic["name"]] = topic["partitions"]
        return found

    def _create(self, topic: Topic) -> None:
        options = {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication,
            "configs": topic.configs,
        }
        (answer,) = self._admin.create_topics({topic.name: options}, raise_errors=False)["topics"]
        error = for_code(answer["error_code"])
        if answer["error_code"] and error is not TopicAlreadyExistsError:
            raise EventLogError(
                f"Kafka did not create the topic {topic.name!r}: {error.__name__} {answer['error_message'] or ''}".rstrip()
            )
        self._admin.wait_for_topics([topic.name], timeout_ms=_SETTLE_MS)
        replicas = min(len(partition["replica_nodes"]) for partition in self._described([topic.name])[topic.name])
        if replicas < topic.min_insync_replicas:
            raise EventLogError(
                f"{topic.name} got {replicas} replicas and waits for {topic.min_insync_replicas}: nothing can be appended "
                "to it. Say how many replicas there shall be, or lower min_insync_replicas."
            )

    def _grow(self, topic: Topic) -> None:
        try:
            self._admin.create_partitions({topic.name: topic.partitions})
        except InvalidPartitionsError:
            # Whoever was at it too has made them.
            if len(self._described([topic.name])[topic.name]) != topic.partitions:
                raise
        self._admin.wait_for_topics([topic.name], timeout_ms=_SETTLE_MS)

    def _configure(self, change: Change) -> None:
        if change.name == "min.insync.replicas":
            self._await_replicas(change.topic, int(change.value))
        resource = ConfigResource(ConfigResourceType.TOPIC, change.topic, {change.name: change.value})
        answer = self._admin.alter_configs([resource])["topic"][change.topic]
        if answer != "OK":
            raise EventLogError(f"Kafka did not set {change.name} of {change.topic!r}: {answer}")

    def _await_replicas(self, name: str, wanted: int) -> None:
        """Copies that were just asked for take their time; before they are there nothing could be appended."""
        deadline = time.monotonic() + _COPY_S
        while any(len(partition["isr_nodes"]) < wanted for partition in self._described([name])[name]):
            if time.monotonic() > deadline:
                raise EventLogUnavailable(
                    f"{name} does not have {wanted} replicas in sync yet: apply again when its copies are made."
                )
            threading.Event().wait(_LOOK_S)

    def _replicate(self, topic: Topic) -> None:
        brokers = [broker["broker_id"] for broker in self._admin.describe_cluster()["brokers"]]
        partitions = self._described([topic.name])[topic.name]
        replicas = {one["partition_index"]: list(one["replica_nodes"]) for one in partitions}
        try:
            moves = new_replicas(replicas, brokers, topic.replication)
        except ValueError as wrong:
            raise EventLogError(f"{topic.name}: {wrong}") from wrong
        self._admin.alter_partition_reassignments(
            {TopicPartition(topic.name, number): wanted for number, wanted in moves.items()}
        )
