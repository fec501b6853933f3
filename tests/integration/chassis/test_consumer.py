"""The consumer: each event's effect exactly once, in order, whatever fails or dies."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from google.protobuf.wrappers_pb2 import Int64Value
from sqlalchemy import insert, select

from services.chassis import context
from services.chassis.db import TABLES, Database, Transaction
from services.chassis.errors import Refused
from services.chassis.eventlog import EventLog, Record
from services.chassis.outbox import OutboxRelay
from services.chassis.subscription import Envelope
from services.chassis.telemetry import EVENTS_HANDLED
from tests.integration.chassis import ledger
from tests.integration.chassis.ledger import GROUP, TOPIC, consumer, effects, emit, note, running, subscription
from tests.support.service_under_test import eventually

PROJECT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


def publish(database: Database, event_log: EventLog) -> None:
    relay = OutboxRelay(database, event_log)
    while relay.publish():
        pass


def behind(event_log: EventLog) -> int:
    return sum(event_log.lag(GROUP, [TOPIC]).values())


def test_an_event_that_comes_twice_has_one_effect(database: Database, event_log: EventLog) -> None:
    emit(database, 1, 2)
    publish(database, event_log)
    with event_log.consumer("copier", [TOPIC]) as reader:
        records = [Record(r.topic, r.key, r.value, r.headers) for r in reader.poll(5)]
    event_log.append(records)
    emit(database, 3)
    publish(database, event_log)
    with running(consumer(database, event_log, subscription())):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1, 2, 3]


def test_unknown_types_are_skipped_and_counted(database: Database, event_log: EventLog) -> None:
    counter = EVENTS_HANDLED.labels(GROUP, "unknown", "unknown")
    before = counter._value.get()
    with database.write() as transaction:
        transaction.emit(TOPIC, "k", ledger.stranger())
        transaction.emit(TOPIC, "k", Int64Value(value=1))
    publish(database, event_log)
    with running(consumer(database, event_log, subscription())):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1]
    assert counter._value.get() == before + 1


def test_a_handler_sees_the_envelope_and_carries_the_trace_on(database: Database, event_log: EventLog) -> None:
    seen: list[Envelope] = []

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        seen.append(envelope)
        transaction.emit("coop.test.next.v1", envelope.key, message)

    with database.write() as transaction:
        event_id = transaction.emit(TOPIC, "supply-7", Int64Value(value=1))
        trace = context.traceparent()
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(handler))):
        eventually(lambda: behind(event_log) == 0)
    (envelope,) = seen
    assert (envelope.event_id, envelope.key, envelope.topic) == (event_id, "supply-7", TOPIC)
    assert (envelope.type, envelope.source) == ("google.protobuf.Int64Value", "ledger")
    assert abs((database.clock.now() - envelope.time).total_seconds()) < 30
    with database.read() as connection:
        outbox = TABLES.outbox_event
        (headers,) = connection.execute(select(outbox.c.headers).where(outbox.c.topic == "coop.test.next.v1")).scalars()
    assert headers["traceparent"].split("-")[1] == trace.split("-")[1]
    assert headers["actor"] == "service:ledger"


def test_a_passing_failure_is_tried_again_in_order_without_holding_up_other_partitions(
    database: Database, event_log: EventLog
) -> None:
    attempts: list[float] = []

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        note(transaction, message, envelope)
        transaction.on_commit(lambda: committed.append(message.value))
        if envelope.key == "poor" and message.value == 2:
            attempts.append(time.monotonic())
            if not mended.is_set():
                raise ConnectionError("the mail server hung up")

    committed: list[int] = []
    mended = threading.Event()
    emit(database, 1, 2, 3, key="poor")
    for n in range(12):
        emit(database, n, key=f"well-{n}")
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(handler))):
        eventually(lambda: sum(len(effects(database, f"well-{n}")) for n in range(12)) >= 8)
        eventually(lambda: len(attempts) >= 4)
        assert effects(database, "poor") == [1]
        mended.set()
        eventually(lambda: behind(event_log) == 0)
    assert effects(database, "poor") == [1, 2, 3]
    assert all(effects(database, f"well-{n}") == [n] for n in range(12))
    assert sorted(committed) == sorted([1, 2, 3, *range(12)])
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4


def test_a_transaction_that_cannot_commit_is_done_again(database: Database, event_log: EventLog) -> None:
    failures = iter([True, False, False, False])

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        note(transaction, message, envelope)
        if message.value == 2 and next(failures):
            transaction.connection.invalidate()  # as when the database server goes away in the middle

    emit(database, 1, 2, 3)
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(handler))):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == [1, 2, 3]


def test_the_record_in_hand_is_finished_before_stopping(database: Database, event_log: EventLog) -> None:
    begun, asked_to_stop = threading.Event(), threading.Event()

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        begun.set()
        assert asked_to_stop.wait(60)
        note(transaction, message, envelope)

    emit(database, *range(10))
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(handler))) as stop:
        assert begun.wait(60)
        stop.set()
        asked_to_stop.set()
    assert effects(database) == [0]
    assert behind(event_log) == 9
    with running(consumer(database, event_log, subscription())):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == list(range(10))


def test_two_consumers_share_and_hand_over_without_doubling(
    database: Database, database_url: str, event_log: EventLog
) -> None:
    total = 200
    for n in range(total):
        emit(database, n, key=f"k{n % 20}")
    elsewhere = Database(database_url, service="ledger")
    with running(consumer(database, event_log, subscription())) as first:
        publish(database, event_log)
        with running(consumer(elsewhere, event_log, subscription())):
            for n in range(total, 2 * total):
                emit(database, n, key=f"k{n % 20}")
            publish(database, event_log)
            eventually(lambda: behind(event_log) < total)
            first.set()
            eventually(lambda: behind(event_log) == 0)
    elsewhere.close()
    assert all(effects(database, f"k{n}") == list(range(n, 2 * total, 20)) for n in range(20))


def test_killing_the_consumer_at_any_moment_doubles_no_effect(
    database: Database, database_url: str, event_log: EventLog, event_log_url: str
) -> None:
    total = 400
    for first in range(0, total, 20):
        emit(database, *range(first, first + 20))
    publish(database, event_log)
    for target in (40, 130, 260):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.chassis.programs", "consume", database_url, event_log_url],
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'gen'}"},
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda target=target: len(effects(database)) >= target)
        finally:
            process.kill()
            process.wait()
    with running(consumer(database, event_log, subscription())):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == list(range(total))


def test_a_refusal_takes_back_everything_the_handler_did(database: Database, event_log: EventLog) -> None:
    told: list[int] = []

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        transaction.execute(insert(ledger.effect).values(key=envelope.key, number=message.value))
        transaction.emit("coop.test.next.v1", envelope.key, message)
        transaction.on_commit(lambda: told.append(message.value))
        if message.value == 2:
            raise Refused("The period is closed.", "PERIOD_CLOSED")

    emit(database, 1, 2, 3)
    publish(database, event_log)
    with running(consumer(database, event_log, subscription(handler, on_permanent_failure="continue"))):
        eventually(lambda: behind(event_log) == 0)
    assert effects(database) == told == [1, 3]
    with database.read() as connection:
        topics = Counter(connection.execute(select(TABLES.outbox_event.c.topic)).scalars())
    assert topics["coop.test.next.v1"] == 2
