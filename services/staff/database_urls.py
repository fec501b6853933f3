"""The addresses that a service's processes will use, a file each: what the databases and their roles are made to match.

`<service>.owner.url` is for `migrate`, `<service>.app.url` for `serve` and `work`. The login in the second is one of two that
take turns, `..._a` and `..._b`; both are members of the role without the ending, which has the rights.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from services.chassis.environment import SettingsError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


@dataclass(frozen=True)
class Access:
    """A service's database and its logins; the addresses hold passwords and are never printed."""

    service: str
    owner: URL
    app: URL

    @property
    def database(self) -> str:
        return str(self.app.database)

    @property
    def group(self) -> str:
        """The role that has the rights of `serve` and `work`."""
        return str(self.app.username)[:-2]

    @property
    def login(self) -> str:
        return str(self.app.username)

    @property
    def other_login(self) -> str:
        """The login whose turn is next."""
        return f"{self.group}_{'b' if self.login.endswith('_a') else 'a'}"

    def rotated(self) -> Access:
        """The same with the other login and a new password."""
        return replace(self, app=self.app.set(username=self.other_login, password=secrets.token_urlsafe(24)))


def read(folder: Path, services: Iterable[str]) -> list[Access]:
    """The addresses of these services. Raises SettingsError with a sentence for each problem; none shows a password."""
    found: list[Access] = []
    problems: list[str] = []
    for service in services:
        try:
            access = Access(service, _address(folder, service, "owner"), _address(folder, service, "app"))
            _check(folder, access)
        except ValueError as wrong:
            problems.append(str(wrong))
            continue
        for other in found:
            if other.database == access.database:
                problems.append(
                    f"{service} and {other.service} have the same database {access.database!r}: give each its own."
                )
            if {other.group, other.owner.username} & {access.group, access.owner.username}:
                problems.append(f"{service} and {other.service} share a role: give each roles of its own.")
        found.append(access)
    if problems:
        raise SettingsError(problems)
    return found


def path_of(folder: Path, service: str, kind: str) -> Path:
    return folder / f"{service}.{kind}.url"


def write_app(folder: Path, access: Access) -> Path:
    """Replaces the file of `serve` and `work` at once, readable by its owner alone. Raises OSError."""
    path = path_of(folder, access.service, "app")
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(access.app.render_as_string(hide_password=False) + "\n")
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _address(folder: Path, service: str, kind: str) -> URL:
    path = path_of(folder, service, kind)
    try:
        url = make_url(path.read_text(encoding="utf-8").strip())
    except OSError as wrong:
        raise ValueError(f"{path} cannot be read: {wrong.strerror}. 'coopctl admin secrets' makes it.") from wrong
    except (ArgumentError, UnicodeDecodeError):
        raise ValueError(
            f"{path} holds no address: write postgresql+psycopg://user:password@host:5432/database."
        ) from None
    if url.get_backend_name() != "postgresql":
        raise ValueError(f"{path} names a {url.get_backend_name()} database; roles are for PostgreSQL alone.")
    for part, value in (("a host", url.host), ("a password", url.password)):
        if not value:
            raise ValueError(f"{path} names no {part[2:]}: an address has user, password, host and database.")
    for part, value in (("user", url.username), ("database", url.database)):
        if not value or not _NAME.fullmatch(value):
            raise ValueError(f"{path} names the {part} {value!r}: use small letters, digits and underscores.")
    return url


def _check(folder: Path, access: Access) -> None:
    path = path_of(folder, access.service, "app")
    if not access.login.endswith(("_a", "_b")):
        raise ValueError(
            f"{path} names the user {access.login!r}: two logins take turns, let it end in _a, such as "
            f"{access.service}_app_a."
        )
    if access.owner.database != access.app.database:
        raise ValueError(
            f"The owner of {access.service} goes to the database {access.owner.database!r}, its processes to "
            f"{access.app.database!r}: both files name the same one."
        )
    if access.owner.username in (access.group, access.login, access.other_login):
        raise ValueError(
            f"{access.service} would serve as the owner of its tables: give it a login of its own in {path}."
        )
