"""Why no broker answers: whichever of its failures the client library notices first, the sentence says what to look at."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
)

from services.chassis.eventlog import kafka_reasons
from services.chassis.eventlog.kafka_reasons import explained, of_topic
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


def test_a_right_that_is_missing_is_named_with_whoever_needs_it() -> None:
    said = of_topic("coop.billing.work.v1", TopicAuthorizationFailedError.errno, SETTINGS)
    assert said == (
        "Kafka does not show the topic 'coop.billing.work.v1': the user 'billing' may not use it; "
        "the brokers' rules (ACLs) have to allow it."
    )
    assert "the user 'billing' may not use that (GroupAuthorizationFailedError)" in explained(
        GroupAuthorizationFailedError("billing-runner"), SETTINGS
    )
    assert of_topic("t", -1, SETTINGS) == "Kafka does not tell how 't' is: UnknownError."
