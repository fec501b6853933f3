"""Settings of the Kafka connection, from one URL.

    kafka://broker-1:9092,broker-2:9092
    kafka://user:password@broker:9093?security=SASL_SSL&mechanism=SCRAM-SHA-512&ca=/etc/kafka/ca.pem

Options: `security` (PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL), `mechanism` (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512),
`ca`, `certificate` and `key` (PEM files), `replication` (replicas of a new topic; the broker's default when absent).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from services.chassis.eventlog.base import DEFAULT_MAX_POLL_INTERVAL_S
from services.chassis.telemetry import logger

DEFAULT_LEASE_S = 10.0
#: How long a client looks for a first broker that answers before it says that there is none.
BOOTSTRAP_S = 5.0
_OPTIONS = {"security", "mechanism", "ca", "certificate", "key", "replication"}
_SECURITY = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}
_MECHANISMS = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}


class Source:
    """Where the event log's URL may change: `url_now` gives it, and raises OSError or ValueError when it cannot."""

    def __init__(self, url_now: Callable[[], str | None]) -> None:
        self._url_now = url_now
        self._last: KafkaSettings | None = None

    def read(self, start: KafkaSettings) -> KafkaSettings:
        """What the URL says, or what it said last when it cannot be read just now; `start` is what it said first."""
        try:
            found = KafkaSettings.parse(
                self._url_now() or "",
                lease_s=start.lease_s,
                max_poll_interval_s=start.max_poll_interval_s,
                source=self,
            )
            if start.user and not (found.user and found.password):
                raise ValueError("the user or the password is missing")
        except (OSError, ValueError) as wrong:
            logger().error("event_log_address_not_read", problem=type(wrong).__name__)
        else:
            self._last = found
        return self._last or start


@dataclass(frozen=True)
class KafkaSettings:
    """`lease_s` is Kafka's session timeout: how long a dead member keeps its partitions, in seconds."""

    servers: tuple[str, ...]
    security: str = "PLAINTEXT"
    mechanism: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    replication: int = -1
    lease_s: float = DEFAULT_LEASE_S
    max_poll_interval_s: float = DEFAULT_MAX_POLL_INTERVAL_S
    #: Where a file says the URL and may change.
    source: Source | None = field(default=None, repr=False, compare=False)

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        lease_s: float | None = None,
        max_poll_interval_s: float = DEFAULT_MAX_POLL_INTERVAL_S,
        url_now: Callable[[], str | None] | None = None,
        source: Source | None = None,
    ) -> KafkaSettings:
        """Settings from a `kafka://` URL. Raises `ValueError` naming the first thing that is wrong, never a secret."""
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        servers = tuple(hosts.split(","))
        for server in servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
                raise ValueError(f"{server!r} in the event log's URL is not host:port.")
        options = dict(parse_qsl(parts.query))
        unknown = sorted(options.keys() - _OPTIONS)
        if unknown:
            raise ValueError(f"{unknown[0]!r} is not an option of the event log's URL; it may be {sorted(_OPTIONS)}.")
        security = options.get("security", "SASL_SSL" if user else "PLAINTEXT")
        if security not in _SECURITY:
            raise ValueError(f"security={security!r} in the event log's URL must be one of {sorted(_SECURITY)}.")
        mechanism = options.get("mechanism", "SCRAM-SHA-512" if user else None)
        if mechanism is not None and mechanism not in _MECHANISMS:
            raise ValueError(f"mechanism={mechanism!r} in the event log's URL must be one of {sorted(_MECHANISMS)}.")
        if security.startswith("SASL") != bool(user):
            raise ValueError(f"security={security} in the event log's URL and a user go together; one is missing.")
        replication = options.get("replication", "-1")
        if replication != "-1" and (not replication.isdigit() or int(replication) == 0):
            raise ValueError(f"replication={replication!r} in the event log's URL must be a whole number from 1.")
        return cls(
            servers=servers,
            security=security,
            mechanism=mechanism,
            user=unquote(user) or None,
            password=unquote(password) or None,
            ca=options.get("ca"),
            certificate=options.get("certificate"),
            key=options.get("key"),
            replication=int(replication),
            lease_s=lease_s or DEFAULT_LEASE_S,
            max_poll_interval_s=max_poll_interval_s,
            source=source or (Source(url_now) if url_now else None),
        )

    def now(self) -> KafkaSettings:
        """The settings as their file says now: what was wrong at the start is mended there."""
        return self.source.read(self) if self.source else self

    def client(self) -> dict[str, Any]:
        """What kafka-python's producers, consumers and admin clients are made with, as the file says now."""
        return self.now()._client()

    def _client(self) -> dict[str, Any]:
        configuration: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.security,
            # A process has half a dozen clients: while the broker is away they must not be its whole work.
            "reconnect_backoff_ms": 250,
            "reconnect_backoff_max_ms": 1000,
            "bootstrap_timeout_ms": int(BOOTSTRAP_S * 1000),
            "metrics_enabled": False,
        }
        if self.mechanism:
            configuration |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self._login_of_the_moment() if self.source else self.password,
            }
        files = {"ssl_cafile": self.ca, "ssl_certfile": self.certificate, "ssl_keyfile": self.key}
        return configuration | {name: path for name, path in files.items() if path}

    def _login_of_the_moment(self) -> Any:
        """In place of a password: asked by each connection. The library is imported where Kafka is used, not before."""
        from services.chassis.eventlog import kafka_login

        kafka_login.register()
        return kafka_login.Login(self._user_and_password)

    def _user_and_password(self) -> tuple[str, str]:
        found = self.now()
        return found.user or "", found.password or ""
