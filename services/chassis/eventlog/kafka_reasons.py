"""Why no broker answers, in a sentence.

The client library keeps trying, tells of each failed connection in its log alone, and at last says only that the time is
over. Here the last failure is kept for the sentence; its lines, several a second, are not worth the log: whoever waits for
the broker says so at intervals that can be read.
"""

from __future__ import annotations

import logging
import re
import time

from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    for_code,
)

from services.chassis.eventlog.kafka_settings import KafkaSettings

_CONNECTIONS = "kafka.net"
_NO_RIGHT = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
_DISCONNECTED = "socket disconnected"
#: A failure that is older than this explains nothing any more.
_RECENT_S = 60.0


class _Failures(logging.Handler):
    """The last exception with which a connection failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: Exception | None = None
        self.at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        for argument in arguments:
            # That its time was over does not say why.
            if isinstance(argument, Exception) and not isinstance(argument, KafkaTimeoutError | RequestTimedOutError):
                self.last, self.at = argument, time.monotonic()


_failures = _Failures()
logging.getLogger(_CONNECTIONS).addHandler(_failures)
logging.getLogger(_CONNECTIONS).propagate = False


def explained(error: Exception, settings: KafkaSettings) -> str:
    """What an error of the library means, and where it was met. Never shows a password."""
    if isinstance(error, _NO_RIGHT):
        return _no_right(f"that ({type(error).__name__})", settings)
    if not isinstance(error, KafkaTimeoutError | KafkaConnectionError | SaslAuthenticationFailedError):
        return f"{type(error).__name__} {error}"
    settings = settings.now()
    last = _failures.last if time.monotonic() - _failures.at < _RECENT_S else None
    cause = error if last is None or isinstance(error, SaslAuthenticationFailedError) else last
    where = ", ".join(settings.servers)
    # A broker says that it refuses somebody and closes; at times the library notices only the second.
    refused = f"the user {settings.user!r}, who signs in by {settings.mechanism}: the name or the password may be wrong"
    if isinstance(cause, SaslAuthenticationFailedError):
        return f"{where} refuses {refused} ({_said(cause)})"
    if settings.user and _DISCONNECTED in str(cause):
        return f"{where} ends the connection of {refused}"
    return f"{where} does not answer: {_said(cause)}"


def of_topic(name: str, code: int, settings: KafkaSettings) -> str:
    """What the code means that Kafka answers in place of a topic's description."""
    kind = for_code(code)
    if kind in _NO_RIGHT:
        return f"Kafka does not show the topic {name!r}: {_no_right('it', settings)}."
    return f"Kafka does not tell how {name!r} is: {kind.__name__}."


def _no_right(what: str, settings: KafkaSettings) -> str:
    who = f"the user {settings.user!r}" if settings.user else "whoever comes without a user"
    return f"{who} may not use {what}; the brokers' rules (ACLs) have to allow it"


def _said(error: Exception) -> str:
    """The library's words without the number and the name of the error before them."""
    name = type(error).__name__
    return re.sub(rf"^(\[Error \d+\] )?({name}: )*", "", str(error)).strip().rstrip(".") or name
