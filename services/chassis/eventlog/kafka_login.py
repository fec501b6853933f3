"""User and password of the moment for each new connection to Kafka, where the event log's address is in a file.

A client opens connections for as long as it lives: to brokers it has not met, after a broker was restarted, when a session has
to prove itself again. The library takes the password that the client was made with; its mechanisms are registered anew here,
so that they ask a `Login` for the present one. Passwords given as text are taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka.net.sasl import register_sasl_mechanism
from kafka.net.sasl.plain import SaslMechanismPlain
from kafka.net.sasl.scram import SaslMechanismScram


class Login:
    """User and password of the moment, in place of a password that is text; `now` says both."""

    def __init__(self, now: Callable[[], tuple[str, str]]) -> None:
        self.now = now

    def __repr__(self) -> str:
        return "Login(...)"


def _present(config: dict[str, Any]) -> dict[str, Any]:
    login = config.get("sasl_plain_password")
    if not isinstance(login, Login):
        return config
    user, password = login.now()
    return config | {"sasl_plain_username": user, "sasl_plain_password": password}


class _Plain(SaslMechanismPlain):
    def __init__(self, **config: Any) -> None:
        super().__init__(**_present(config))


class _Scram(SaslMechanismScram):
    def __init__(self, **config: Any) -> None:
        super().__init__(**_present(config))


def register() -> None:
    """From now on the library's connections ask a `Login` for what it says then."""
    for name, mechanism in (("PLAIN", _Plain), ("SCRAM-SHA-256", _Scram), ("SCRAM-SHA-512", _Scram)):
        register_sasl_mechanism(name, mechanism, overwrite=True)
