"""The event log that services share, behind one small interface with two adapters.

`open_event_log(url)` is the only place that knows which adapters there are.
"""

from services.chassis.eventlog.base import (
    DEFAULT_PARTITIONS,
    MAX_RECORD_BYTES,
    ConsumedRecord,
    Consumer,
    EventLog,
    EventLogError,
    EventLogUnavailable,
    Record,
    RecordTooLarge,
    StaleMember,
    TopicPartition,
    UnknownTopic,
)
from services.chassis.eventlog.factory import open_event_log

__all__ = [
    "DEFAULT_PARTITIONS",
    "MAX_RECORD_BYTES",
    "ConsumedRecord",
    "Consumer",
    "EventLog",
    "EventLogError",
    "EventLogUnavailable",
    "Record",
    "RecordTooLarge",
    "StaleMember",
    "TopicPartition",
    "UnknownTopic",
    "open_event_log",
]
