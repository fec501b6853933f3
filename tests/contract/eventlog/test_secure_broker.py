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
from tests.contract.eventlog.reading import read
from tests.support.kafka import SecureDoor
from tests.support.service_under_test import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("kafka")]

REFUSED = "the user 'billing', who signs in"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_an_event_goes_through_the_secure_door(kafka: Broker, secure_door: SecureDoor, mechanism: str) -> None:
    topic = f"coop.test.secure-{mechanism.lower()}.v1"
    with open_event_log(secure_door.url(mechanism=mechanism)) as log:
        log.check()
        log.ensure_topics([topic], partitions=1)
        log.append([Record(topic, "k", b"content")])
    with (
        open_event_log(secure_door.url(mechanism=mechanism)) as log,
        log.consumer(f"secure-{mechanism}", [topic]) as consumer,
    ):
        assert [record.value for record in read(consumer, 1)] == [b"content"]


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
            return bool(read(consumer, 1))

    def refuses(log: EventLog) -> bool:
        """Whether the broker does already, and says whom; it tells itself of a new password after it has answered."""
        with monkeypatch.context() as briefly:
            briefly.setattr("services.chassis.eventlog.kafka_settings.BOOTSTRAP_S", 1.0)
            try:
                reads(log, "refused")
            except EventLogUnavailable as error:
                return "user 'rotated'" in str(error)
        return False

    has("rotated", "first")
    url = told("rotated", "first")
    with open_event_log(url, url_now=lambda: file.read_text().strip()) as log:
        log.ensure_topics([topic], partitions=1)
        log.append([Record(topic, "k", b"content")])
        has("rotated", "second")
        log.append([Record(topic, "k", b"on the connection that is open")])
        eventually(lambda: refuses(log))
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
def test_what_is_wrong_is_said_and_waited_for(
    secure_door: SecureDoor, monkeypatch: pytest.MonkeyPatch, fault: dict[str, str], reason: str
) -> None:
    def said(patience_s: float) -> str:
        monkeypatch.setattr("services.chassis.eventlog.kafka_settings.BOOTSTRAP_S", patience_s)
        with open_event_log(secure_door.url(**fault)) as log:

            def check() -> None:
                try:
                    log.check()
                except EventLogUnavailable as error:
                    raise NotYet(str(error)) from error

            with pytest.raises(NotYet) as refused:
                until_there(check, threading.Event(), patience_s=0)
        sentence = str(refused.value)
        assert f":{secure_door.port}" in sentence and "hush" not in sentence
        return sentence

    # The broker may need longer than the first to answer at all, and then there is no reason yet but that.
    assert any(reason in said(patience_s) for patience_s in (1.0, 5.0, 25.0))
