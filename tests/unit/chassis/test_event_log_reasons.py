"""Why no broker answers: whichever of its failures the client library notices first, the sentence says what to look at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError, SaslAuthenticationFailedError

from services.chassis.eventlog import kafka_reasons
from services.chassis.eventlog.kafka_reasons import explained
from services.chassis.eventlog.kafka_settings import KafkaSettings

SETTINGS = KafkaSettings.parse("kafka://billing:hush@broker:9093?security=SASL_SSL&mechanism=PLAIN")
REFUSAL = SaslAuthenticationFailedError(
    "SaslAuthenticationFailedError: Authentication failed: Invalid username or password"
)
OVER = KafkaTimeoutError("Unable to bootstrap from ['broker:9093']")


@pytest.fixture(autouse=True)
def nothing_failed_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kafka_reasons._failures, "last", None)
    yield


def met(failure: Exception) -> None:
    """What the library writes to its log of a connection that failed."""
    logging.getLogger("kafka.net.connection").error("Connection lost: %s", failure)


@pytest.mark.parametrize("raised", [OVER, REFUSAL], ids=["time over", "refusal"])
@pytest.mark.parametrize("failure", [REFUSAL, KafkaConnectionError("socket disconnected")], ids=["refused", "closed"])
def test_a_wrong_password_is_named_however_it_is_noticed(raised: KafkaError, failure: Exception) -> None:
    met(failure)
    sentence = explained(raised, SETTINGS)
    assert "broker:9093" in sentence and "hush" not in sentence
    assert "the user 'billing', who signs in by PLAIN: the name or the password may be wrong" in sentence


def test_the_brokers_own_words_are_given_without_the_librarys_numbers() -> None:
    assert explained(REFUSAL, SETTINGS) == (
        "broker:9093 refuses the user 'billing', who signs in by PLAIN: the name or the password may be wrong "
        "(Authentication failed: Invalid username or password)"
    )


def test_without_a_user_a_closed_connection_is_no_wrong_password() -> None:
    met(KafkaConnectionError("socket disconnected"))
    assert (
        explained(OVER, replace(SETTINGS, user=None, password=None))
        == "broker:9093 does not answer: socket disconnected"
    )


def test_that_the_time_is_over_does_not_replace_the_reason() -> None:
    met(KafkaConnectionError("certificate verify failed"))
    met(OVER)
    assert explained(OVER, SETTINGS).endswith("does not answer: certificate verify failed")
