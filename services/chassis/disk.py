"""A full disk: how it shows itself, and what callers are told. What was begun is taken back by whoever began it."""

from __future__ import annotations

import errno
import sqlite3

from services.chassis.errors import StorageFull

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
#: PostgreSQL's disk_full.
_SQLSTATE = "53100"


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that there is no room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            return True
        if getattr(error, "sqlstate", None) == _SQLSTATE:
            return True
        error = error.__cause__
    return False


def storage_full() -> StorageFull:
    return StorageFull("The service has no room left on its disk: nothing was kept. Tell the operator, then try again.")
