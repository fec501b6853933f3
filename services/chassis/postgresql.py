"""Connections to PostgreSQL: bounded in time, and with the address and the password of this moment.

Where the address is in a file, each new connection reads it again, so that a password or a login changes without a restart:
whoever changes it writes the new file and lets the old one go. A connection that was opened with another address is replaced
before its next use, so that a busy service leaves the old login as soon as an idle one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError

from services.chassis.telemetry import logger

CONNECT_TIMEOUT_S = 5
#: How long a refused password is tried again with what the file says by then: it may be replaced a moment later.
PASSWORD_PATIENCE_S = 3.0
_LOOK_AGAIN_S = 0.1
#: How long a pool believes the address it read last; connections are taken from it many times a second.
_BELIEVED_S = 1.0
_ADDRESS = "coop_address"

#: A server that vanished without a word is noticed after some 25 s and not after two hours. The address may say otherwise.
_DEFAULTS = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def connect_with_care(engine: Engine, url_now: Callable[[], str | None]) -> None:
    """Makes the engine's new connections with the address that ``url_now`` gives, if it gives one."""

    last: URL | None = None

    def current() -> URL | None:
        """The address of this moment, or the last one when its file cannot be read just now; None without any file."""
        nonlocal last
        try:
            text = url_now()
        except (OSError, ValueError) as wrong:
            logger().error("database_address_not_read", problem=type(wrong).__name__)
        else:
            last = make_url(text) if text else None
        return last

    known: tuple[float, URL | None] = (float("-inf"), None)

    @event.listens_for(engine, "checkout")
    def _take(_connection: Any, record: Any, _proxy: Any) -> None:
        nonlocal known
        now = time.monotonic()
        if now > known[0] + _BELIEVED_S:
            known = (now, current())
        opened = record.info.get(_ADDRESS)
        if opened != known[1] and opened != current():
            raise DisconnectionError("opened with an address that is no longer the service's")

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, record: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        deadline = time.monotonic() + PASSWORD_PATIENCE_S
        tried: URL | None = None
        while True:
            url = current()
            if url is not None:
                given, found = dialect.create_connect_args(url)
                arguments, options = tuple(given), found
            try:
                opened = dialect.connect(*arguments, **{**_DEFAULTS, **options})
            except dialect.dbapi.OperationalError as refused:
                if url is None or not _password_refused(refused) or time.monotonic() > deadline:
                    raise
                if url == tried:
                    threading.Event().wait(_LOOK_AGAIN_S)
                else:
                    logger().warning("database_password_refused", user=url.username, host=url.host)
                tried = url
            else:
                record.info[_ADDRESS] = url
                return opened


def _password_refused(error: Exception) -> bool:
    """Whether the server answered and did not let us in (SQLSTATE class 28); libpq tells of it in words alone."""
    return str(getattr(error, "sqlstate", "") or "").startswith("28") or "authentication failed" in str(error)
