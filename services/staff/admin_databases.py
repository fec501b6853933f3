"""`coopctl admin databases`: databases and roles on a PostgreSQL server, made to match the addresses that services will use."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from services.chassis.environment import SettingsError, load, setting
from services.chassis.errors import Refused, Unavailable
from services.staff import database_roles as roles
from services.staff import database_rotation as rotation
from services.staff import database_urls as urls
from services.staff.database_roles import Link, Step
from services.staff.database_urls import Access
from services.staff.office import SERVICES
from services.staff.settings import StaffSettings
from services.staff.show import JsonOption, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Databases and roles on a PostgreSQL server.")

Service = StrEnum("Service", {name.upper(): name for name in SERVICES})  # type: ignore[misc]
UrlsOption = Annotated[
    Path,
    typer.Option(
        "--urls", help="Folder with <service>.owner.url and <service>.app.url, as 'coopctl admin secrets' makes them."
    ),
]
ServiceOption = Annotated[list[Service] | None, typer.Option("--service", help="Only this service; repeat for more.")]

_LOCK = "hashtext('acometida-databases')"
_LOCK_PATIENCE_S = 120.0


@dataclass(frozen=True)
class AdminSettings(StaffSettings):
    admin_database: str = setting(
        "COOP_ADMIN_DATABASE_URL",
        help="postgresql+psycopg://user:password@host:5432/postgres of somebody who may make databases and roles",
        secret=True,
    )


@app.command("plan")
def plan(folder: UrlsOption, service: ServiceOption = None, as_json: JsonOption = False) -> None:
    """Show what is missing on the server. Changes nothing."""
    accesses = urls.read(folder, _names(service))
    with _administrator() as (link, address):
        steps = [step for access in accesses for step in _missing(link, address, access)]
        old = [access.other_login for access in accesses if rotation.can_still_log_in(link, access)]
    _show("Missing", steps, old, as_json)


@app.command("apply")
def apply(
    folder: UrlsOption,
    service: ServiceOption = None,
    rotate: Annotated[
        Service | None,
        typer.Option("--rotate", help="Give this service's other login a new password and write its address."),
    ] = None,
    retire: Annotated[
        Service | None,
        typer.Option("--retire", help="Lock out the login of this service that its address names no more."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the address of --rotate; --urls when left out.")
    ] = None,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="With --retire: although nobody is logged in with the new one.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make what is missing. Passwords come from the files; the server is sent their verifiers only."""
    accesses = urls.read(folder, _names(service))
    done: list[Step] = []
    with _administrator() as (link, address), _alone(link):
        for access in accesses:
            done += _made(link, address, access)
        if rotate:
            _rotate(link, address, next(one for one in accesses if one.service == rotate), out or folder)
        if retire:
            _retire(link, next(one for one in accesses if one.service == retire), unseen=unseen)
        old = [access.other_login for access in accesses if not rotate and rotation.can_still_log_in(link, access)]
    _show("Made", done, old, as_json)


def _names(service: list[Service] | None) -> list[str]:
    return [one.value for one in service] if service else list(SERVICES)


def _missing(link: Link, address: URL, access: Access) -> list[Step]:
    """Of a database that is not there yet, no more than that is said: all rights in it follow."""
    steps = list(roles.of_the_server(link, access))
    known = link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [access.database]).fetchone()
    if known and roles.exists(link, access.group) and roles.exists(link, str(access.owner.username)):
        with closing(roles.connect(address.set(database=access.database))) as inside:
            steps += roles.of_the_database(inside, access)
    return steps + list(roles.logins(link, access, by=address))


def _made(link: Link, address: URL, access: Access) -> list[Step]:
    done = list(_executed(link, roles.of_the_server(link, access)))
    with closing(roles.connect(address.set(database=access.database))) as inside:
        done += _executed(inside, roles.of_the_database(inside, access))
        done += _executed(link, roles.logins(link, access, by=address))
        # Where the owner could log in before, a migration may have made tables while rights were given.
        return done + list(_executed(inside, roles.of_the_database(inside, access)))


def _executed(link: Link, steps: Iterator[Step]) -> Iterator[Step]:
    """Each step is made before the next one is looked for."""
    for step in steps:
        for statement in step.statements:
            link.execute(statement)
        yield step


def _rotate(link: Link, address: URL, access: Access, folder: Path) -> None:
    try:
        new, path = rotation.rotate(link, address, access, folder)
    except OSError as wrong:
        raise Refused(
            f"The new address of {access.service} cannot be written to {folder} ({wrong.strerror}): name a folder with --out. "
            f"{access.login} is as it was.",
            "NOT_WRITTEN",
        ) from wrong
    say(f"{new.login} may log in; its address is in {path}. {access.login} works until you retire it.")


def _retire(link: Link, access: Access, *, unseen: bool) -> None:
    left = rotation.retire(link, access, unseen=unseen)
    say(
        f"{access.other_login} is locked out."
        + (f" It still has {left} sessions, which end by themselves." if left else "")
    )


@contextmanager
def _administrator() -> Iterator[tuple[Link, URL]]:
    """A connection as the administrator, and the address of it. Failures of the server become sentences."""
    text = load(AdminSettings).admin_database
    try:
        address = make_url(text)
    except ArgumentError:
        raise SettingsError(
            ["COOP_ADMIN_DATABASE_URL is no address: postgresql+psycopg://user@host:5432/postgres."]
        ) from None
    if address.get_backend_name() != "postgresql":
        raise SettingsError(["COOP_ADMIN_DATABASE_URL is not of PostgreSQL: SQLite files need no roles."])
    place = f"{address.host}:{address.port or 5432}"
    try:
        with closing(roles.connect(address)) as link:
            yield link, address
    except psycopg.errors.InsufficientPrivilege as wrong:
        raise Refused(
            f"{address.username} may not do that on {place}: {wrong.diag.message_primary}. Use a login with CREATEDB and "
            "CREATEROLE, or a superuser.",
            "NO_ADMINISTRATOR",
        ) from wrong
    except psycopg.OperationalError as wrong:
        raise Unavailable(
            f"The server {place} does not answer {address.username}: {str(wrong).splitlines()[0]}"
        ) from wrong


@contextmanager
def _alone(link: Link) -> Iterator[None]:
    """Of two that are started at once, one waits for the other."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while not roles.one(link, f"SELECT pg_try_advisory_lock({_LOCK}) AS mine").mine:
        if time.monotonic() > deadline:
            raise Unavailable(
                "Somebody else has been making databases on this server for two minutes: wait for the end."
            )
        threading.Event().wait(0.1)
    try:
        yield
    finally:
        link.execute(f"SELECT pg_advisory_unlock({_LOCK})")


def _show(title: str, steps: list[Step], old: list[str], as_json: bool) -> None:
    if as_json:
        rows = [{"service": step.service, "sentence": step.sentence} for step in steps]
        print_json({title.lower(): rows, "logins_to_retire": old})
        return
    if steps:
        table(title, ("Service", "What"), [(step.service, step.sentence) for step in steps])
    else:
        say("Databases and roles are as the addresses ask for them.")
    for login in old:
        say(f"{login} may still log in although no address names it: 'apply --retire' locks it out after a rotation.")
