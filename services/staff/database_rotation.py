"""A new password for a service that goes on: two logins take turns, so that the old one works until all have the new."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL

from services.chassis.errors import Refused
from services.staff import database_roles as roles
from services.staff.database_roles import Link
from services.staff.database_urls import Access, write_app

#: A pooled connection that was idle for so long is ended: its owner finds out before it uses it and opens another.
_IDLE_S = 5


def rotate(link: Link, address: URL, access: Access, folder: Path) -> tuple[Access, Path]:
    """Lets the other login in with a new password and writes the address of it; `address` is the administrator's. Raises
    Refused and OSError.

    The login whose turn it is must not be in use: its processes would be locked out by the new password.
    """
    new = access.rotated()
    if used := sessions(link, new.login):
        raise Refused(
            f"{new.login} still has {used} sessions on {access.database}: the last rotation is not over. When every process "
            f"has the address of {access.login}, run 'coopctl admin databases apply --retire {access.service}'.",
            "ROTATION_NOT_OVER",
        )
    for steps in (roles.app_role(link, new), roles.logins(link, new, [new.app], by=address)):
        for step in steps:
            for statement in step.statements:
                link.execute(statement)
    return new, write_app(folder, new)


def retire(link: Link, access: Access, *, unseen: bool = False) -> int:
    """Locks the other login out and ends its idle sessions; how many it still has, which end with their processes.

    Raises Refused while nobody is logged in with the new one, unless ``unseen``.
    """
    if not unseen and not sessions(link, access.login):
        raise Refused(
            f"Nobody is logged in to {access.database} as {access.login}: the processes of {access.service} do not have the "
            f"new address yet. Locking {access.other_login} out would stop them.",
            "ROTATION_UNSEEN",
        )
    if roles.exists(link, access.other_login):
        link.execute(roles.statement("ALTER ROLE {} NOLOGIN PASSWORD NULL", access.other_login))
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND state = 'idle' "
            "AND state_change < now() - make_interval(secs => %s)",
            [access.other_login, _IDLE_S],
        )
    return sessions(link, access.other_login)


def sessions(link: Link, login: str) -> int:
    """Connections of a login."""
    return int(roles.one(link, "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = %s", [login]).n)


def can_still_log_in(link: Link, access: Access) -> bool:
    """Whether the login that no file names is open."""
    found = link.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [access.other_login]).fetchone()
    return bool(found and found.rolcanlogin)
