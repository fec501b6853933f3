"""From a URL to an event log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from services.chassis.eventlog.base import DEFAULT_MAX_POLL_INTERVAL_S, EventLog


def open_event_log(
    url: str,
    *,
    lease_s: float | None = None,
    max_poll_interval_s: float = DEFAULT_MAX_POLL_INTERVAL_S,
    managed: bool = False,
    url_now: Callable[[], str | None] | None = None,
) -> EventLog:
    """Open the event log that `url` names.

    `sqlite:////var/lib/coop/eventlog.db` (three slashes and a path; an absolute path makes four) or
    `kafka://broker-1:9092,broker-2:9092?option=value` (options: `services.chassis.eventlog.kafka_settings`).
    `lease_s` is how long a dead member keeps its partitions, the adapter's own default when absent;
    `max_poll_interval_s` how long a living member that does not poll keeps them; with `managed` nobody but the operator
    makes topics on Kafka (the embedded log has nothing to manage). `url_now` gives the URL of the moment, from which new
    clients take the address and new connections to Kafka user and password; None where they never change.
    Raises `ValueError` for a URL of another kind.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1:
        from services.chassis.eventlog.sqlite import DEFAULT_LEASE_S, SqliteEventLog

        return SqliteEventLog(
            Path(unquote(parts.path[1:])), lease_s=lease_s or DEFAULT_LEASE_S, max_poll_interval_s=max_poll_interval_s
        )
    if parts.scheme == "kafka" and parts.netloc:
        # Imported here because the one-machine installation does without the Kafka client's 40 ms and 10 MB.
        from services.chassis.eventlog.kafka import KafkaEventLog
        from services.chassis.eventlog.kafka_settings import KafkaSettings

        settings = KafkaSettings.parse(url, lease_s=lease_s, max_poll_interval_s=max_poll_interval_s, url_now=url_now)
        return KafkaEventLog(settings, managed=managed)
    raise ValueError(
        f"{url!r} does not name an event log; write sqlite:////path/to/eventlog.db or kafka://host:port[,host:port]."
    )
