"""The whole way of events on a real Kafka broker: outbox, relay, consumer, failures, dead letter, restart."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from services.chassis import deadletters
from services.chassis.db import Database, Transaction
from services.chassis.errors import Refused
from services.chassis.eventlog import open_event_log
from services.chassis.outbox import OutboxRelay, pending
from services.chassis.subscription import Envelope
from services.local.kafka import Broker
from tests.integration.chassis.ledger import GROUP, TOPIC, consumer, effects, emit, note, running, subscription
from tests.support.service_under_test import eventually


@pytest.fixture
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database is enough here: the other tests run on both."""
    return f"sqlite:///{tmp_path_factory.mktemp('database')}/service.db"


@pytest.mark.kafka
def test_events_travel_over_kafka_exactly_once(database: Database, kafka: Broker) -> None:
    refuse = {2}
    trouble = iter(range(3))

    def handler(transaction: Transaction, message: Int64Value, envelope: Envelope) -> None:
        note(transaction, message, envelope)
        if envelope.key == "k" and message.value in refuse:
            raise Refused(f"Supply {message.value} has no contract.", "NO_CONTRACT")
        if envelope.key == "poor" and message.value == 1 and next(trouble, None) is not None:
            raise ConnectionError("not now")

    emit(database, 1, 2, 3)
    emit(database, 0, 1, 2, key="poor")
    with open_event_log(kafka.url, lease_s=6) as event_log:

        def behind() -> int:
            return sum(event_log.lag(GROUP, [TOPIC]).values())

        with running(OutboxRelay(database, event_log).run, consumer(database, event_log, subscription(handler))):
            eventually(lambda: effects(database, "poor") == [0, 1, 2] or len(deadletters.list_letters(database)) == 1)
            eventually(lambda: len(deadletters.list_letters(database)) == 1)
        assert pending(database) == 0
        assert effects(database) == [1]
    with open_event_log(kafka.url, lease_s=6) as event_log:
        with running(OutboxRelay(database, event_log).run, consumer(database, event_log, subscription(handler))):
            emit(database, 4)
            eventually(lambda: effects(database, "poor") == [0, 1, 2])
            assert effects(database) == [1]
            refuse.clear()
            (letter,) = deadletters.list_letters(database)
            with database.write() as transaction:
                deadletters.retry(transaction, [subscription(handler)], letter.id, closed_by="staff:ana")
            eventually(lambda: pending(database) == 0 and behind() == 0)
        assert effects(database) == [1, 2, 3, 4]
        assert effects(database, "poor") == [0, 1, 2]
