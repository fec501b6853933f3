"""A broker that asks for TLS and a password: both come from the event log's URL, and what is wrong with them is said."""

from __future__ import annotations

import threading

import pytest

from services.chassis.eventlog import EventLogUnavailable, Record, open_event_log
from services.chassis.waiting import NotYet, until_there
from services.local.kafka import Broker
from tests.support.kafka import SecureDoor

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("kafka")]


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.chassis.eventlog.kafka_settings.BOOTSTRAP_S", 1.0)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_an_event_goes_through_the_secure_door(kafka: Broker, secure_door: SecureDoor, mechanism: str) -> None:
    topic = f"coop.test.secure-{mechanism.lower()}.v1"
    with open_event_log(secure_door.url(mechanism=mechanism)) as log:
        log.check()
        log.ensure_topics([topic], partitions=1)
        log.append([Record(topic, "k", b"content")])
    with (
        open_event_log(secure_door.url(mechanism=mechanism), lease_s=1.5) as log,
        log.consumer(f"secure-{mechanism}", [topic]) as consumer,
    ):
        records = []
        for _ in range(20):
            records += consumer.poll(0.5)
            if records:
                break
        assert [record.value for record in records] == [b"content"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"password": "hush"}, "user 'billing'.*: (its password may be wrong|.*invalid credentials)"),
        (
            {"password": "hush", "mechanism": "PLAIN"},
            "user 'billing'.*: (its password may be wrong|.*invalid credentials)",
        ),
        ({"ca": "other.crt"}, "certificate"),
        ({"host": "127.0.0.1"}, "certificate"),
    ],
)
def test_what_is_wrong_is_said_and_waited_for(secure_door: SecureDoor, fault: dict[str, str], reason: str) -> None:
    with open_event_log(secure_door.url(**fault)) as log:

        def check() -> None:
            try:
                log.check()
            except EventLogUnavailable as error:
                raise NotYet(str(error)) from error

        with pytest.raises(NotYet, match=reason) as said:
            until_there(check, threading.Event(), patience_s=0)
        assert f":{secure_door.port}" in str(said.value) and "hush" not in str(said.value)
