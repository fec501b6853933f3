"""The metrics that every process has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from services.chassis.buildinfo import build
from services.chassis.telemetry.metrics import counter, gauge, histogram

BUILD = gauge("coop_build_info", "Always 1: which version runs", ["service", "version", "commit", "python"])
CALLS = counter("coop_grpc_calls_total", "gRPC calls answered", ["service", "method", "code"])
CALL_SECONDS = histogram("coop_grpc_call_seconds", "Time to answer a gRPC call", ["service", "method"])
CERTIFICATE_EXPIRY = gauge(
    "coop_certificate_expiry_timestamp_seconds",
    "When the certificate that this process uses ends (Unix time)",
    ["file"],
)
CONNECTIONS = gauge(
    "coop_database_connections", "Connections of this process to its database: in use, idle", ["service", "state"]
)
CONNECTIONS_LIMIT = gauge("coop_database_connections_limit", "Most connections this process may open", ["service"])
DISK_FREE = gauge("coop_data_disk_free_bytes", "Free on the disk of this process's data folder", ["service"])
DISK_SIZE = gauge("coop_data_disk_size_bytes", "Size of that disk", ["service"])
EVENTS_HANDLED = counter(
    "coop_events_handled_total",
    "Events read by a consumer: handled, duplicate, unknown, refused (a dead letter), failed (will be tried again)",
    ["consumer", "type", "outcome"],
)
EVENT_SECONDS = histogram(
    "coop_event_delay_seconds",
    "From the moment an event happened to its handling",
    ["consumer"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
)
OUTBOX_PUBLISHED = counter("coop_outbox_published_total", "Outbox rows appended to the event log", ["service"])
READY = gauge("coop_ready", "1 when this process has what it needs: database, schema, event log", ["service"])


def say_build(service: str) -> None:
    """Shows which version runs here."""
    here = build()
    BUILD.labels(service, here.version, here.commit, here.python).set(1)


def observe_readiness(service: str, ready: Callable[[], bool]) -> None:
    """Shows whether the process is ready, whenever somebody looks."""
    READY.labels(service).set_function(lambda: int(ready()))


def observe_pool(service: str, engine: Engine) -> None:
    """Shows the connections of an engine, as they are whenever somebody looks."""
    pool = engine.pool
    if not isinstance(pool, QueuePool):  # a database in memory has no pool to run out of
        return
    CONNECTIONS.labels(service, "in_use").set_function(pool.checkedout)
    CONNECTIONS.labels(service, "idle").set_function(pool.checkedin)
    CONNECTIONS_LIMIT.labels(service).set(pool.size() + pool._max_overflow)


def observe_disk(service: str, folder: Path) -> None:
    """Shows how full the disk of a folder is, whenever somebody looks."""
    DISK_FREE.labels(service).set_function(partial(_usage, folder, "free"))
    DISK_SIZE.labels(service).set_function(partial(_usage, folder, "total"))


def _usage(folder: Path, part: str) -> int:
    return int(getattr(shutil.disk_usage(folder), part))
