"""Small steps that the contract tests have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from services.chassis.eventlog import ConsumedRecord, Consumer, Record, TopicPartition

PATIENCE_S = 60.0
"""Seconds, and under the time after which a member that nobody polls loses its partitions."""


def numbered(topic: str, numbers: Iterable[int], key: str = "k") -> list[Record]:
    """Records whose value is their number."""
    return [Record(topic, key, str(number).encode()) for number in numbers]


def values(records: Iterable[ConsumedRecord]) -> list[int]:
    return [int(record.value) for record in records]


def read(consumer: Consumer, count: int, timeout_s: float = PATIENCE_S) -> list[ConsumedRecord]:
    """Poll until `count` records have come; fails when they do not within `timeout_s`."""
    records: list[ConsumedRecord] = []
    deadline = time.monotonic() + timeout_s
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count} records came within {timeout_s} s"
        records += consumer.poll(0.2, max_records=count - len(records))
    return records


def nothing_comes(consumer: Consumer, for_s: float = 0.5) -> bool:
    """Whether polling for `for_s` seconds, once the member has its partitions, gives no record."""
    settle([consumer], 1)
    deadline = time.monotonic() + for_s
    while time.monotonic() < deadline:
        if consumer.poll(0.1):
            return False
    return True


def settle(consumers: list[Consumer], partitions: int) -> list[ConsumedRecord]:
    """Poll the members in turn until each owns something, none what another owns, and all at least `partitions`.

    A member says what it owned after its last poll: it may have lost some of it since to one that was polled later.
    Gives the records that came meanwhile.
    """
    return poll_until(consumers, lambda: _settled(consumers, partitions))


def poll_until(consumers: list[Consumer], holds: Callable[[], bool]) -> list[ConsumedRecord]:
    """Poll the members in turn until something holds; fails when it does not in time. Gives the records that came."""
    records: list[ConsumedRecord] = []
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        shares = [sorted(map(str, consumer.assignment)) for consumer in consumers]
        assert time.monotonic() < deadline, f"the members own {shares} after {PATIENCE_S} s"
        for consumer in consumers:
            records += consumer.poll(0.1)
    return records


def _settled(consumers: list[Consumer], partitions: int) -> bool:
    owned = [consumer.assignment for consumer in consumers]
    together = frozenset().union(*owned)
    return all(owned) and sum(map(len, owned)) == len(together) >= partitions


def ends(records: Iterable[ConsumedRecord]) -> dict[TopicPartition, int]:
    """What to commit after having handled these records."""
    offsets: dict[TopicPartition, int] = {}
    for record in records:
        offsets[record.source] = max(offsets.get(record.source, 0), record.offset + 1)
    return offsets
