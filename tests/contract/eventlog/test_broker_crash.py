"""Kafka alone: what happens when the broker itself is killed under appenders and readers."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from services.chassis.eventlog import EventLogUnavailable, open_event_log
from services.local.kafka import Broker, KafkaMissing
from tests.contract.eventlog.reading import PATIENCE_S, ends, numbered, read, values
from tests.support.needs import missing

TOPIC = "coop.test.crash.v1"
SOON_BACK = "\nbroker.session.timeout.ms=4000\n"
"""A broker that was killed answers again only when its registration has expired."""


@pytest.mark.kafka
def test_a_killed_broker_loses_nothing_and_clients_go_on(tmp_path: Path) -> None:
    try:
        broker = Broker(tmp_path / "kafka", more=SOON_BACK)
    except KafkaMissing as why:
        missing(f"No Apache Kafka broker: {why}")
    broker.start()
    appended = threading.Event()
    last = -1

    def append() -> None:
        nonlocal last
        with open_event_log(broker.url) as log:
            while last < 400 or not crashed.is_set():
                batch = numbered(TOPIC, range(last + 1, last + 11))
                while True:
                    try:
                        log.append(batch)
                    except EventLogUnavailable:
                        continue
                    break
                last += 10
                if last > 100:
                    appended.set()

    crashed = threading.Event()
    try:
        with open_event_log(broker.url, lease_s=6) as log:
            log.ensure_topics([TOPIC])
            appender = threading.Thread(target=append)
            appender.start()
            with log.consumer("group", [TOPIC]) as consumer:
                consumer.commit(ends(read(consumer, 50)))
                assert appended.wait(PATIENCE_S)
                broker.kill()
                broker.start()
                crashed.set()
                appender.join(2 * PATIENCE_S)
                assert not appender.is_alive()
            with log.consumer("again", [TOPIC]) as consumer:
                total = sum(log.lag("again", [TOPIC]).values())
                found = values(read(consumer, total))
            # A batch whose answer was lost may be there twice; nothing is missing or ahead of its turn.
            assert list(dict.fromkeys(found)) == list(range(last + 1))
    finally:
        crashed.set()
        broker.stop()
