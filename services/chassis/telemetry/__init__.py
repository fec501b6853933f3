"""What operators see of a process: log lines, metrics and the address that shows them.

Log lines and labels carry ids of things, never names, documents, addresses or amounts.
"""

from services.chassis.telemetry.common import (
    BUILD,
    CALL_SECONDS,
    CALLS,
    CERTIFICATE_EXPIRY,
    DISK_FREE,
    DISK_SIZE,
    EVENT_SECONDS,
    EVENTS_HANDLED,
    OUTBOX_PUBLISHED,
    observe_disk,
    observe_pool,
    observe_readiness,
    say_build,
)
from services.chassis.telemetry.endpoint import MetricsServer
from services.chassis.telemetry.logs import configure_logging, logger, report_faults
from services.chassis.telemetry.metrics import counter, gauge, histogram

__all__ = [
    "BUILD",
    "CALLS",
    "CALL_SECONDS",
    "CERTIFICATE_EXPIRY",
    "DISK_FREE",
    "DISK_SIZE",
    "EVENTS_HANDLED",
    "EVENT_SECONDS",
    "OUTBOX_PUBLISHED",
    "MetricsServer",
    "configure_logging",
    "counter",
    "gauge",
    "histogram",
    "logger",
    "observe_disk",
    "observe_pool",
    "observe_readiness",
    "report_faults",
    "say_build",
]
