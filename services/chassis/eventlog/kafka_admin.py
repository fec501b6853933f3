"""A connection to Kafka as its administrator: topics, groups and offsets, not events."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient

from services.chassis.eventlog.kafka import as_event_log_errors
from services.chassis.eventlog.kafka_settings import KafkaSettings

ANSWER_MS = 15_000
UNKNOWN_TOPIC = 3
"""What Kafka answers of a topic that there is not."""


class KafkaAdministration:
    """Open as long as its block. Raises `EventLogUnavailable` when Kafka does not answer."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        options = settings.client()
        del options["metrics_enabled"]
        with as_event_log_errors("connection", settings):
            self._admin = KafkaAdminClient(**options, request_timeout_ms=ANSWER_MS)

    def close(self) -> None:
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
