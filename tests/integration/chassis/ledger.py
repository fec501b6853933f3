"""A tiny service for these tests: one table that notes every effect, and events that are plain wrapped numbers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from sqlalchemy import Column, Integer, String, Table, insert, select

from services.chassis.consumer import ConsumerRunner, Envelope, Handler, Subscription
from services.chassis.db import Database, Transaction, chassis_tables, new_metadata
from services.chassis.eventlog import ConsumedRecord, EventLog
from tests.contract.eventlog.reading import read

TOPIC = "coop.test.number.v1"
GROUP = "test.ledger"

metadata = new_metadata()
chassis_tables(metadata)
effect = Table(
    "effect",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(40), nullable=False),
    Column("number", Integer, nullable=False),
)


def prepare(url: str) -> Database:
    """A database with the tables, named as the service `ledger`."""
    database = Database(url, service="ledger")
    metadata.create_all(database.engine)
    return database


def emit(database: Database, *numbers: int, key: str = "k", topic: str = TOPIC) -> list[str]:
    """One command that leaves these numbers as events; their event ids."""
    with database.write() as transaction:
        return [transaction.emit(topic, key, Int64Value(value=number)) for number in numbers]


def note(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
    """The plain handler: one row per event."""
    transaction.execute(insert(effect).values(key=envelope.key, number=message.value))


def effects(database: Database, key: str = "k") -> list[int]:
    """The numbers noted for a key, in the order in which they were."""
    with database.read() as connection:
        return list(
            connection.execute(select(effect.c.number).where(effect.c.key == key).order_by(effect.c.id)).scalars()
        )


def subscription(handler: Handler = note, **options: str) -> Subscription:
    return Subscription(GROUP, (TOPIC,), {Int64Value: handler}, **options)  # type: ignore[arg-type]


def log_records(event_log: EventLog, count: int, group: str = "reader") -> list[ConsumedRecord]:
    """The first `count` records of the topic."""
    with event_log.consumer(group, [TOPIC]) as consumer:
        return read(consumer, count)


@contextmanager
def running(*work: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Run these in threads while the block lasts, then stop them; an exception in one fails the test."""
    stop = threading.Event()
    problems: list[BaseException] = []

    def guarded(one: Callable[[threading.Event], None]) -> None:
        try:
            one(stop)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert not problems, problems
    assert not any(thread.is_alive() for thread in threads), "a worker did not stop"


def consumer(database: Database, event_log: EventLog, of: Subscription) -> Callable[[threading.Event], None]:
    return ConsumerRunner(database, event_log, of).run


def stranger() -> StringValue:
    """An event of a type that nobody here handles."""
    return StringValue(value="?")
