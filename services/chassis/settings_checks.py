"""What settings must say together, and addresses of databases and event logs: checked before anything is started.

Each check takes the settings and gives one sentence per problem. Nothing here opens a connection: what is only not there
*yet* (a database, a broker) is waited for, what will never be right is said at once. Libraries are imported where they
are needed, because coopctl reads settings too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Told(Protocol):
    """What a service is told, as far as it is checked here (config.ServiceSettings)."""

    @property
    def data_dir(self) -> Path: ...
    @property
    def profile_dir(self) -> Path: ...
    @property
    def database(self) -> str: ...
    @property
    def event_log(self) -> str: ...
    @property
    def grpc_address(self) -> str: ...
    @property
    def metrics_address(self) -> str: ...
    @property
    def health_address(self) -> str: ...
    @property
    def tls_dir(self) -> str: ...


def parse_database(text: str) -> str:
    """The address of a SQLite file or a PostgreSQL database, as it is; raises ValueError, never with the password."""
    if not text:
        return text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("write it as postgresql+psycopg://user:password@host:5432/database") from None
    if url.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError(
            f"{url.drivername} is none of the databases that are supported: use postgresql+psycopg or sqlite"
        )
    if not url.database:
        raise ValueError("it names no database: end it with /billing, or whatever yours is called")
    return text


def parse_event_log(text: str) -> str:
    """The address of an event log, as it is; raises ValueError, never with the password."""
    if not text:
        return text
    scheme = urlsplit(text).scheme
    if scheme == "kafka":
        from services.chassis.eventlog.kafka_settings import KafkaSettings

        try:
            KafkaSettings.parse(text)
        except ValueError as wrong:
            raise ValueError(str(wrong).rstrip(".")) from None
    elif scheme != "sqlite" or not urlsplit(text).path.removeprefix("/"):
        raise ValueError("write it as kafka://host:port[,host:port] or sqlite:////path/to/eventlog.db")
    return text


def parse_public_url(text: str) -> str:
    """``https://host`` without anything behind it; a slash at the end is taken off."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.path.strip("/")
        good = good and not parts.query and not parts.fragment and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise ValueError("write it as https://office.example.org, with a port if it is not the usual one")
    return text.rstrip("/")


def is_loopback(host: str) -> bool:
    return host.strip("[]") in _LOOPBACK or host.startswith("127.")


def _addresses(settings: Told) -> Iterator[str]:
    """A port serves one purpose. Port 0 is whatever the system chooses."""
    seen: dict[str, str] = {}
    for variable, address in (
        ("COOP_GRPC_ADDRESS", settings.grpc_address),
        ("COOP_METRICS_ADDRESS", settings.metrics_address),
        ("COOP_HEALTH_ADDRESS", settings.health_address),
    ):
        port = address.rpartition(":")[2]
        if port in ("", "0"):
            continue
        if port in seen:
            yield f"{variable} is {address!r}, and {seen[port]} has that port already: give each a port of its own."
        seen.setdefault(port, variable)


def _folders(settings: Told) -> Iterator[str]:
    """The data folder can be written, or made. (Keys may lie in one that cannot.)"""
    there = settings.data_dir.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield f"COOP_DATA_DIR is {str(settings.data_dir)!r}, and {there} cannot be written: give a folder that can."


def _profile(settings: Told) -> list[str]:
    from services.chassis.environment import SettingsError
    from services.chassis.profile import load_profile

    try:
        load_profile(settings.profile_dir)
    except SettingsError as wrong:
        return wrong.problems
    return []


def certificates(settings: Told) -> list[str]:
    """COOP_TLS_DIR holds a key, its certificate, and the authority that both ends trust, all of today."""
    if not settings.tls_dir:
        return []
    from services.chassis.grpc.certificates import CertificateProblem, read_identity

    try:
        read_identity(Path(settings.tls_dir))
    except CertificateProblem as wrong:
        return wrong.problems
    return []


def _database_files(settings: Told) -> Iterator[str]:
    if not settings.database.startswith("postgresql"):
        return
    from sqlalchemy.engine import make_url

    query: Any = make_url(settings.database).query
    for option in ("sslrootcert", "sslcert", "sslkey"):
        path = query.get(option, "")
        if path and path != "system" and not os.access(path, os.R_OK):
            yield f"COOP_DATABASE_URL says {option}={path}, which cannot be read."
    if query.get("sslmode") in ("verify-ca", "verify-full") and not query.get("sslrootcert"):
        yield (
            f"COOP_DATABASE_URL says sslmode={query['sslmode']} and not by which authority: "
            "add sslrootcert=/path/of/ca.crt, or sslrootcert=system for the machine's own."
        )


def _event_log_files(settings: Told) -> Iterator[str]:
    if not settings.event_log.startswith("kafka"):
        return
    from services.chassis.eventlog.kafka_settings import KafkaSettings

    found = KafkaSettings.parse(settings.event_log)
    for option, path in (("ca", found.ca), ("certificate", found.certificate), ("key", found.key)):
        if path and not os.access(path, os.R_OK):
            yield f"COOP_EVENT_LOG says {option}={path}, which cannot be read."
        elif path and not found.security.endswith("SSL"):
            yield f"COOP_EVENT_LOG says {option}={path} and security={found.security}, which encrypts nothing."
    if bool(found.certificate) != bool(found.key):
        yield "COOP_EVENT_LOG has one of certificate and key: a client proves itself with both."


OF_EVERY_SERVICE = (_addresses, _folders, _profile, certificates, _database_files, _event_log_files)
"""In the order in which their sentences are printed."""
