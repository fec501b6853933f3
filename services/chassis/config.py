"""What every service is told, and how its values are written. See environment.py for how they are read."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from services.chassis import settings_checks as checks
from services.chassis.environment import content, setting
from services.chassis.log_levels import parse_log_level


def parse_address(text: str) -> str:
    """``host:port``; raises ValueError otherwise."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host.replace(":", " ")
    if not bare or " " in bare or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise ValueError("write it as host:port, such as 127.0.0.1:8001")
    return text


def parse_bool(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
    if text.strip().lower() not in known:
        raise ValueError("write true or false")
    return known[text.strip().lower()]


def parse_seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86_400:
        raise ValueError("give seconds between 0 and 86400")
    return value


def parse_some_seconds(text: str) -> float:
    """As ``parse_seconds``, but none at all is refused."""
    value = parse_seconds(text)
    if value == 0:
        raise ValueError("nothing can be finished in no time; give some seconds, such as 10")
    return value


def parse_count(text: str) -> int:
    """A whole number from 1 to 1024."""
    if not text.strip().isdecimal() or not 1 <= int(text) <= 1024:
        raise ValueError("give a whole number from 1 to 1024")
    return int(text)


def parse_topics(text: str) -> str:
    if text not in ("made", "managed"):
        raise ValueError(
            "say made, when services make the topics that are missing, or managed, when somebody else does"
        )
    return text


def parse_optional_address(text: str) -> str:
    return parse_address(text) if text else ""


@dataclass(frozen=True)
class ServiceSettings:
    """What every service is told. One machine by default; production overrides addresses, database and event log."""

    #: What the settings must say together; each gives one sentence per contradiction.
    CHECKS: ClassVar[tuple[Callable[[Any], Iterable[str]], ...]] = checks.OF_EVERY_SERVICE

    data_dir: Path = setting("COOP_DATA_DIR", default="var", parse=Path, help="folder of everything that is kept")
    profile_dir: Path = setting(
        "COOP_PROFILE_DIR", default="profiles/demo-es", parse=Path, help="the cooperative's profile"
    )
    #: Empty: one SQLite file per service under ``data_dir``.
    database: str = setting(
        "COOP_DATABASE_URL",
        default="",
        parse=checks.parse_database,
        help="SQLAlchemy address of this service's database",
        secret=True,
    )
    #: Empty: the SQLite event log under ``data_dir``.
    event_log: str = setting(
        "COOP_EVENT_LOG",
        default="",
        parse=checks.parse_event_log,
        help="kafka://host:port[,host:port] or sqlite:///path",
        secret=True,
    )
    event_partitions: int = setting(
        "COOP_EVENT_PARTITIONS", default="4", parse=parse_count, help="partitions of new topics"
    )
    #: Whether services make missing topics themselves; where they are managed, services wait for them.
    topics: str = setting("COOP_TOPICS", default="made", parse=parse_topics, help="made or managed")
    grpc_address: str = setting(
        "COOP_GRPC_ADDRESS", default="127.0.0.1:0", parse=parse_address, help="where gRPC listens"
    )
    metrics_address: str = setting(
        "COOP_METRICS_ADDRESS", default="127.0.0.1:0", parse=parse_address, help="metrics over HTTP"
    )
    #: Empty: health is asked for where gRPC listens. Otherwise also here, in plain text, from the first moment on.
    health_address: str = setting(
        "COOP_HEALTH_ADDRESS", default="", parse=parse_optional_address, help="where probes ask for gRPC health"
    )
    identity_address: str = setting("COOP_IDENTITY_ADDRESS", default="127.0.0.1:8001", parse=parse_address)
    supplies_address: str = setting("COOP_SUPPLIES_ADDRESS", default="127.0.0.1:8002", parse=parse_address)
    metering_address: str = setting("COOP_METERING_ADDRESS", default="127.0.0.1:8003", parse=parse_address)
    billing_address: str = setting("COOP_BILLING_ADDRESS", default="127.0.0.1:8004", parse=parse_address)
    notifications_address: str = setting("COOP_NOTIFICATIONS_ADDRESS", default="127.0.0.1:8005", parse=parse_address)
    public_url: str = setting(
        "COOP_PUBLIC_URL",
        default="http://127.0.0.1:8000",
        parse=checks.parse_public_url,
        help="address members type, for links",
    )
    keys: str = setting(
        "COOP_KEYS_DIR", default="", help="folder of signing keys; empty means keys/ under COOP_DATA_DIR"
    )
    log_level: str = setting("COOP_LOG_LEVEL", default="info", parse=parse_log_level)
    drain_s: float = setting(
        "COOP_DRAIN_SECONDS", default="10", parse=parse_some_seconds, help="time to finish work on stop"
    )
    migrate_wait_s: float = setting(
        "COOP_MIGRATE_WAIT_SECONDS", default="300", parse=parse_seconds, help="how long migrate waits for its database"
    )
    migrate_lock_s: float = setting(
        "COOP_MIGRATE_LOCK_SECONDS", default="3", parse=parse_some_seconds, help="how long migrate waits for a lock"
    )
    migrate_statement_s: float = setting(
        "COOP_MIGRATE_STATEMENT_SECONDS",
        default="60",
        parse=parse_some_seconds,
        help="how long its statements may take",
    )
    migrate_tries: int = setting(
        "COOP_MIGRATE_TRIES", default="20", parse=parse_count, help="how often migrate gives way before it gives up"
    )
    grpc_workers: int = setting("COOP_GRPC_WORKERS", default="8", parse=parse_count, help="threads that answer calls")
    #: Standard name, understood by every library of traces; those have further OTEL_ variables of their own.
    traces: str = setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT", default="", help="collector of traces (OTLP over HTTP), http://host:4318"
    )
    #: Certificate folder with tls.crt, tls.key and ca.crt; empty means plain text, right on one machine only.
    tls_dir: str = setting("COOP_TLS_DIR", default="", help="folder with tls.crt, tls.key, ca.crt for mutual TLS")
    #: Of each field whose value came from a file, that file.
    files: Mapping[str, Path] = dataclasses.field(default_factory=dict, kw_only=True, compare=False)

    @property
    def keys_dir(self) -> Path:
        return Path(self.keys) if self.keys else self.data_dir / "keys"

    def database_url(self, service: str) -> str:
        if self.database:
            return self.database
        return f"sqlite:///{(self.data_dir / 'data' / f'{service}.db').resolve()}"

    def database_url_now(self) -> str | None:
        """The database's address as its file says now, which may have changed since the start; None without a file.

        Raises OSError when the file cannot be read, ValueError when it holds no address.
        """
        path = self.files.get("database")
        return checks.parse_database(content(path)) if path else None

    @property
    def event_log_url(self) -> str:
        return self.event_log or f"sqlite:///{(self.data_dir / 'data' / 'eventlog.db').resolve()}"

    def event_log_url_now(self) -> str | None:
        """As `database_url_now`, of the event log."""
        path = self.files.get("event_log")
        return checks.parse_event_log(content(path)) if path else None

    def secret_now(self, name: str) -> str:
        """A field of text as its file says now, or as it was at the start when no file said it. Raises OSError or ValueError."""
        path = self.files.get(name)
        return content(path) if path else str(getattr(self, name))

    @property
    def addresses(self) -> dict[str, str]:
        """gRPC address of each service by its name."""
        return {
            "identity": self.identity_address,
            "supplies": self.supplies_address,
            "metering": self.metering_address,
            "billing": self.billing_address,
            "notifications": self.notifications_address,
        }
