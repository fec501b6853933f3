"""The outbox relay: what a command committed reaches the event log, in order, whatever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from sqlalchemy import func, select, update

from services.chassis.db import TABLES, Database
from services.chassis.eventlog import EventLog, EventLogUnavailable, Record
from services.chassis.outbox import OutboxRelay, pending
from tests.integration.chassis.ledger import TOPIC, emit, log_records, running
from tests.support.service_under_test import eventually

PROJECT = Path(__file__).resolve().parents[3]


def numbers(records: Sequence[Record]) -> list[int]:
    return [Int64Value.FromString(record.value).value for record in records]


def test_committed_events_arrive_in_order_with_their_headers(database: Database, event_log: EventLog) -> None:
    ids = emit(database, 1, 2, 3) + emit(database, 4)
    with pytest.raises(ZeroDivisionError), database.write() as transaction:
        transaction.emit(TOPIC, "k", Int64Value(value=99))
        1 / 0  # noqa: B018
    relay = OutboxRelay(database, event_log)
    assert (relay.publish(), relay.publish()) == (4, 0)
    records = log_records(event_log, 4)
    assert numbers(records) == [1, 2, 3, 4]
    assert [record.headers["ce_id"] for record in records] == ids
    first = records[0].headers
    assert (first["ce_type"], first["ce_source"]) == ("google.protobuf.Int64Value", "ledger")
    assert first.keys() == {"ce_id", "ce_type", "ce_source", "ce_time", "traceparent", "actor"}
    assert pending(database) == 0


def test_a_commit_wakes_the_relay_and_another_process_s_commit_is_found(
    database: Database, database_url: str, event_log: EventLog
) -> None:
    relay = OutboxRelay(database, event_log, look_every_s=30)
    with running(relay.run) as stop:
        emit(database, 1)
        eventually(lambda: pending(database) == 0)
        stop.set()
        relay.wake()
    elsewhere = Database(database_url, service="ledger")
    with running(OutboxRelay(database, event_log, look_every_s=0.05).run):
        emit(elsewhere, 2)
        eventually(lambda: pending(database) == 0)
    elsewhere.close()
    assert numbers(log_records(event_log, 2)) == [1, 2]


def test_what_is_left_is_published_while_stopping(database: Database, event_log: EventLog) -> None:
    relay = OutboxRelay(database, event_log)
    emit(database, *range(10))
    stop = threading.Event()
    stop.set()
    relay.run(stop)
    assert pending(database) == 0


class Flaky(EventLog):
    """A log that fails on demand, before or after it stored the batch."""

    def __init__(self, behind: EventLog) -> None:
        self._behind = behind
        self.fail_before = 0
        self.fail_after = 0

    def append(self, records: Sequence[Record]) -> None:
        if self.fail_before:
            self.fail_before -= 1
            raise EventLogUnavailable("unreachable")
        self._behind.append(records)
        if self.fail_after:
            self.fail_after -= 1
            raise EventLogUnavailable("no answer")

    def ensure_topics(self, names, partitions=4):  # type: ignore[no-untyped-def]
        self._behind.ensure_topics(names, partitions)

    def consumer(self, group, topics, *, start="earliest"):  # type: ignore[no-untyped-def]
        return self._behind.consumer(group, topics, start=start)

    def lag(self, group, topics):  # type: ignore[no-untyped-def]
        return self._behind.lag(group, topics)

    def layout(self, names):  # type: ignore[no-untyped-def]
        return self._behind.layout(names)

    def check(self) -> None:
        self._behind.check()

    def hurry(self) -> None:
        self._behind.hurry()

    def close(self) -> None:
        self._behind.close()


def test_an_unreachable_log_only_delays(database: Database, event_log: EventLog) -> None:
    flaky = Flaky(event_log)
    flaky.fail_before = 2
    with running(OutboxRelay(database, flaky).run):
        emit(database, 1, 2)
        eventually(lambda: pending(database) == 0)
    assert numbers(log_records(event_log, 2)) == [1, 2]
    assert sum(event_log.lag("nobody", [TOPIC]).values()) == 2


def test_a_batch_appended_but_not_deleted_comes_again_with_the_same_ids(
    database: Database, event_log: EventLog
) -> None:
    flaky = Flaky(event_log)
    flaky.fail_after = 1
    ids = emit(database, 1, 2)
    relay = OutboxRelay(database, flaky)
    with pytest.raises(EventLogUnavailable):
        relay.publish()
    assert pending(database) == 2
    relay.publish()
    assert [record.headers["ce_id"] for record in log_records(event_log, 4)] == ids + ids


def test_concurrent_relays_keep_the_order(database: Database, database_url: str, event_log: EventLog) -> None:
    for first in range(0, 600, 20):
        emit(database, *range(first, first + 20))
    other = Database(database_url, service="ledger")
    with running(OutboxRelay(database, event_log).run, OutboxRelay(other, event_log).run):
        eventually(lambda: pending(database) == 0)
    appended = sum(event_log.lag("nobody", [TOPIC]).values())
    found = numbers(log_records(event_log, appended))
    assert list(dict.fromkeys(found)) == list(range(600))
    if not database.is_sqlite:
        assert len(found) == 600  # the advisory lock lets one replica publish at a time
    other.close()


def test_a_batch_is_bounded_in_bytes(database: Database, event_log: EventLog) -> None:
    for _ in range(12):
        with database.write() as transaction:
            transaction.emit(TOPIC, "k", StringValue(value="x" * 900_000))
    relay = OutboxRelay(database, event_log)
    assert [relay.publish() for _ in range(3)] == [8, 4, 0]


def test_an_event_too_large_for_the_log_is_refused_before_it_is_in_the_outbox(database: Database) -> None:
    with pytest.raises(ValueError, match=r"has 990005 bytes, more than 990000"), database.write() as transaction:
        transaction.emit(TOPIC, "k", StringValue(value="x" * 990_001))
    assert pending(database) == 0


def test_published_rows_are_gone_and_unpublished_ones_stay(database: Database, event_log: EventLog) -> None:
    relay = OutboxRelay(database, event_log)
    emit(database, 1, 2)
    relay.publish()
    emit(database, 3)
    with database.read() as connection:
        values = connection.execute(select(TABLES.outbox_event.c.value)).scalars().all()
    assert [Int64Value.FromString(value).value for value in values] == [3]


def test_rows_that_an_earlier_version_published_and_kept_are_deleted_once(
    database: Database, event_log: EventLog
) -> None:
    emit(database, 1, 2)
    with database.write() as transaction:
        transaction.execute(update(TABLES.outbox_event).values(published_at=database.clock.now()))
    emit(database, 3)
    with running(OutboxRelay(database, event_log).run):
        eventually(lambda: pending(database) == 0)
    assert numbers(log_records(event_log, 1)) == [3]
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(TABLES.outbox_event)).scalar_one() == 0


def test_a_slow_relay_does_not_delete_the_rows_that_took_the_ids_of_its_own(
    database: Database, database_url: str, event_log: EventLog
) -> None:
    """While one relay appends, another publishes the same rows and a command leaves new ones: on SQLite with their ids."""
    other = Database(database_url, service="ledger")

    class Slow(Flaky):
        def append(self, records: Sequence[Record]) -> None:
            super().append(records)
            OutboxRelay(other, event_log).publish()
            emit(other, 7, 8)

    emit(database, 1, 2)
    OutboxRelay(database, Slow(event_log)).publish()
    assert pending(database) == 2
    OutboxRelay(database, event_log).publish()
    appended = sum(event_log.lag("nobody", [TOPIC]).values())
    assert list(dict.fromkeys(numbers(log_records(event_log, appended)))) == [1, 2, 7, 8]
    other.close()


def test_killing_the_relay_at_any_moment_loses_nothing(
    database: Database, database_url: str, event_log: EventLog, event_log_url: str
) -> None:
    written = 0
    for round_ in range(3):
        relay = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.chassis.programs", "relay", database_url, event_log_url],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'gen'}"},
        )
        try:
            target = sum(event_log.lag("nobody", [TOPIC]).values()) + 40 + 30 * round_
            deadline = time.monotonic() + 120
            while sum(event_log.lag("nobody", [TOPIC]).values()) < target:
                assert time.monotonic() < deadline
                emit(database, *range(written, written + 5))
                written += 5
        finally:
            relay.send_signal(signal.SIGKILL)
            relay.wait()
    with running(OutboxRelay(database, event_log).run):
        eventually(lambda: pending(database) == 0)
    appended = sum(event_log.lag("nobody", [TOPIC]).values())
    assert list(dict.fromkeys(numbers(log_records(event_log, appended)))) == list(range(written))
