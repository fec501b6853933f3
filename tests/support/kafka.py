"""One Apache Kafka broker for a worker's session; tests/conftest.py offers it to every test."""

from collections.abc import Iterator

import pytest

from services.local.kafka import Broker, KafkaMissing, kafka_broker
from tests.support.needs import missing


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """A running broker, shared: each test takes topics and groups of its own."""
    try:
        with kafka_broker() as broker:
            yield broker
    except KafkaMissing as why:
        missing(f"No Apache Kafka broker: {why}")
