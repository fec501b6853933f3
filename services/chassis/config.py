"""Settings from the environment: the only module that reads it.

A settings class is a frozen dataclass whose fields are declared with :func:`setting`. :func:`load` reads them all and
reports every problem at once, so that an operator mends a deployment in one go.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

_MISSING = object()


class SettingsError(Exception):
    """One sentence per setting that is absent or wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(
    variable: str, *, default: Any = _MISSING, parse: Callable[[str], Any] | None = None, help: str = ""
) -> Any:
    """A field read from the environment variable ``variable``; ``parse`` turns its text into the value or raises ValueError."""
    metadata = {"variable": variable, "parse": parse, "help": help, "default": default}
    return dataclasses.field(metadata=metadata)


def parse_address(text: str) -> str:
    """``host:port``; raises ValueError otherwise."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 <= int(port) <= 65535:
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


@dataclass(frozen=True)
class ServiceSettings:
    """What every service is told. One machine by default; production overrides addresses, database and event log."""

    data_dir: Path = setting("COOP_DATA_DIR", default="var", parse=Path, help="folder of everything that is kept")
    profile_dir: Path = setting(
        "COOP_PROFILE_DIR", default="profiles/demo-es", parse=Path, help="the cooperative's profile"
    )
    #: Empty: one SQLite file per service under ``data_dir``.
    database: str = setting("COOP_DATABASE_URL", default="", help="SQLAlchemy address of this service's database")
    #: Empty: the SQLite event log under ``data_dir``.
    event_log: str = setting("COOP_EVENT_LOG", default="", help="kafka://host:port[,host:port] or sqlite:///path")
    event_partitions: int = setting("COOP_EVENT_PARTITIONS", default="4", parse=int, help="partitions of new topics")
    grpc_address: str = setting(
        "COOP_GRPC_ADDRESS", default="127.0.0.1:0", parse=parse_address, help="where gRPC listens"
    )
    metrics_address: str = setting(
        "COOP_METRICS_ADDRESS", default="127.0.0.1:0", parse=parse_address, help="metrics over HTTP"
    )
    identity_address: str = setting("COOP_IDENTITY_ADDRESS", default="127.0.0.1:8001", parse=parse_address)
    supplies_address: str = setting("COOP_SUPPLIES_ADDRESS", default="127.0.0.1:8002", parse=parse_address)
    metering_address: str = setting("COOP_METERING_ADDRESS", default="127.0.0.1:8003", parse=parse_address)
    billing_address: str = setting("COOP_BILLING_ADDRESS", default="127.0.0.1:8004", parse=parse_address)
    notifications_address: str = setting("COOP_NOTIFICATIONS_ADDRESS", default="127.0.0.1:8005", parse=parse_address)
    public_url: str = setting(
        "COOP_PUBLIC_URL", default="http://127.0.0.1:8000", help="address members type, for links"
    )
    keys: str = setting(
        "COOP_KEYS_DIR", default="", help="folder of signing keys; empty means keys/ under COOP_DATA_DIR"
    )
    log_level: str = setting("COOP_LOG_LEVEL", default="info")
    drain_s: float = setting(
        "COOP_DRAIN_SECONDS", default="10", parse=parse_seconds, help="time to finish work on stop"
    )
    grpc_workers: int = setting("COOP_GRPC_WORKERS", default="8", parse=int, help="threads that answer calls")
    #: Certificate folder with tls.crt, tls.key and ca.crt; empty means plain text, right on one machine only.
    tls_dir: str = setting("COOP_TLS_DIR", default="", help="folder with tls.crt, tls.key, ca.crt for mutual TLS")

    @property
    def keys_dir(self) -> Path:
        return Path(self.keys) if self.keys else self.data_dir / "keys"

    def database_url(self, service: str) -> str:
        if self.database:
            return self.database
        return f"sqlite:///{(self.data_dir / 'data' / f'{service}.db').resolve()}"

    @property
    def event_log_url(self) -> str:
        return self.event_log or f"sqlite:///{(self.data_dir / 'data' / 'eventlog.db').resolve()}"

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


SettingsT = TypeVar("SettingsT")


def load(settings_type: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """Reads every field of ``settings_type``. Raises SettingsError with one sentence per problem."""
    source = os.environ if environ is None else environ
    problems: list[str] = []
    values: dict[str, Any] = {}
    for field in dataclasses.fields(settings_type):  # type: ignore[arg-type]
        variable = field.metadata["variable"]
        text = source.get(variable, "")
        if not text:
            default = field.metadata["default"]
            if default is _MISSING:
                problems.append(f"{variable} is not set: {field.metadata['help'] or 'it has no default'}.")
                continue
            text = default
        parse = field.metadata["parse"]
        try:
            values[field.name] = parse(text) if parse and isinstance(text, str) else text
        except ValueError as wrong:
            problems.append(f"{variable} is {text!r}: {wrong}.")
    if problems:
        raise SettingsError(problems)
    return settings_type(**values)


def environment() -> dict[str, str]:
    """A copy of the environment, for starting child processes."""
    return dict(os.environ)
