"""Where the event log is: the URL, what it may say and how wrong ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError

from services.chassis.eventlog import Record, kafka_reasons, open_event_log
from services.chassis.eventlog.kafka_reasons import explained
from services.chassis.eventlog.kafka_settings import KafkaSettings


def test_an_sqlite_url_names_a_file_whose_folder_is_made(tmp_path: Path) -> None:
    with open_event_log(f"sqlite:///{tmp_path}/a%20folder/eventlog.db") as log:
        log.ensure_topics(["coop.test.t.v1"])
        log.append([Record("coop.test.t.v1", "k", b"1")])
    assert (tmp_path / "a folder" / "eventlog.db").exists()


@pytest.mark.parametrize("url", ["", "eventlog.db", "sqlite:///", "sqlite://host/x.db", "kafka://", "redis://host:1"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="does not name an event log"):
        open_event_log(url)


def test_a_kafka_url_gives_servers_and_credentials_and_hides_the_password() -> None:
    settings = KafkaSettings.parse(
        "kafka://coop:s%40cret@b1:9093,b2:9093?mechanism=SCRAM-SHA-256&ca=/etc/ca.pem&replication=3", lease_s=4
    )
    assert settings.servers == ("b1:9093", "b2:9093")
    assert (settings.security, settings.mechanism, settings.replication) == ("SASL_SSL", "SCRAM-SHA-256", 3)
    assert settings.lease_s == 4
    client = settings.client()
    assert (client["sasl_plain_username"], client["sasl_plain_password"]) == ("coop", "s@cret")
    assert client["ssl_cafile"] == "/etc/ca.pem"
    assert "cret" not in repr(settings)


def test_a_plain_kafka_url_needs_nothing_else() -> None:
    client = KafkaSettings.parse("kafka://127.0.0.1:9092").client()
    assert client["security_protocol"] == "PLAINTEXT"
    assert not [name for name in client if name.startswith(("sasl", "ssl"))]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("kafka://b1", "'b1' in the event log's URL is not host:port"),
        ("kafka://b1:90920", "'b1:90920' in the event log's URL is not host:port"),
        ("kafka://b1:9092,b2:x", "'b2:x' in the event log's URL is not host:port"),
        ("kafka://b1:9092?colour=red", "'colour' is not an option"),
        ("kafka://b1:9092?security=TLS", "security='TLS'"),
        ("kafka://u:p@b1:9092?mechanism=MD5", "mechanism='MD5'"),
        ("kafka://b1:9092?security=SASL_SSL", "a user go together"),
        ("kafka://u:p@b1:9092?security=SSL", "a user go together"),
        ("kafka://b1:9092?replication=0", "replication='0'"),
    ],
)
def test_wrong_kafka_urls_say_what_is_wrong(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        KafkaSettings.parse(url)


def test_a_client_that_is_made_later_takes_the_whole_address_that_the_file_has_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for brokers that were named wrongly finds them when the file is mended, without a restart."""
    monkeypatch.setattr(kafka_reasons._failures, "last", None)
    said = ["kafka://u:p@wrong:9093?ca=/old.crt"]
    settings = KafkaSettings.parse(said[0], lease_s=4, url_now=lambda: said[-1])
    assert settings.client()["bootstrap_servers"] == ["wrong:9093"]
    said.append("kafka://u:p@right:9093?ca=/new.crt&replication=3")
    made = settings.client()
    assert (made["bootstrap_servers"], made["ssl_cafile"]) == (["right:9093"], "/new.crt")
    assert settings.now().lease_s == 4
    assert explained(KafkaConnectionError("no route"), settings) == "right:9093 does not answer: no route"
    for unusable in ("kafka://half-written", "kafka://right:9093"):  # the second names no user
        said.append(unusable)
        assert settings.client()["bootstrap_servers"] == ["right:9093"]
        assert settings.client()["sasl_plain_password"].now() == ("u", "p")
