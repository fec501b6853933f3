"""What every command starts with: the settings and a connection that carries the stored session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.chassis.environment import load
from services.staff.office import Office
from services.staff.session import SessionFile
from services.staff.settings import StaffSettings


def settings() -> StaffSettings:
    return load(StaffSettings)


def session_file() -> SessionFile:
    return SessionFile(settings().config_dir)


@contextmanager
def signed_in() -> Iterator[Office]:
    """The services as the person who is signed in. Raises Unauthenticated when nobody is."""
    found = settings()
    office = Office(found.addresses, SessionFile(found.config_dir).load().token, tls_dir=found.tls_dir)
    try:
        yield office
    finally:
        office.close()


@contextmanager
def nobody() -> Iterator[Office]:
    """The services without a session."""
    found = settings()
    office = Office(found.addresses, tls_dir=found.tls_dir)
    try:
        yield office
    finally:
        office.close()
