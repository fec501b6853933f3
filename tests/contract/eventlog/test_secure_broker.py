"""A broker that asks for TLS and a password: both come from the event log's URL, and what is wrong with them is said."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from services.chassis.eventlog import EventLog, EventLogUnavailable, Record, open_event_log
from services.chassis.waiting import NotYet, until_there
from services.local.kafka import Broker
from tests.support.kafka import SecureDoor

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("kafka")]

REFUSED = "the user 'billing', who signs in"


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


def test_new_connections_sign_in_as_the_file_says_by_then(
    kafka: Broker, secure_door: SecureDoor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password is replaced while a service runs, and then its user by another."""
    file, topic = tmp_path / "eventlog.url", "coop.test.rotated.v1"

    def has(user: str, password: str) -> None:
        with closing(KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{kafka.port}")) as admin:
            given = UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, password=password)
            admin.alter_user_scram_credentials([given])

    def told(user: str, password: str) -> str:
        file.write_text(replace(secure_door, user=user, password=password).url() + "\n")
        return file.read_text().strip()

    def reads(log: EventLog, group: str) -> bool:
        with log.consumer(group, [topic]) as consumer:
            return any(consumer.poll(0.5) for _ in range(20))

    has("rotated", "first")
    url = told("rotated", "first")
    with open_event_log(url, lease_s=1.5, url_now=lambda: file.read_text().strip()) as log:
        log.ensure_topics([topic], partitions=1)
        log.append([Record(topic, "k", b"content")])
        has("rotated", "second")
        log.append([Record(topic, "k", b"on the connection that is open")])
        with pytest.raises(EventLogUnavailable, match="user 'rotated'"):
            reads(log, "refused")
        told("rotated", "second")
        assert reads(log, "second")
        has("follower", "third")
        told("follower", "third")
        assert reads(log, "third")
        file.write_text("kafka://no-port")
        assert reads(log, "as it was told last")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"password": "hush"}, f"{REFUSED} by SCRAM-SHA-512: the name or the password may be wrong"),
        ({"password": "hush", "mechanism": "PLAIN"}, f"{REFUSED} by PLAIN: the name or the password may be wrong"),
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
