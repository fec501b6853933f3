"""Takes away what has served its purpose: old requests, ended sessions, full counters. Personal data is not kept for nothing."""

import threading
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from services.chassis.limits import forget_idle
from services.chassis.telemetry import logger
from services.identity import repository
from services.identity.application.core import Core
from services.identity.domain.attempts import KNOWN_ORIGIN_FOR

EVERY = timedelta(hours=1)
KEEP_REQUESTS = timedelta(days=7)
KEEP_SESSIONS = timedelta(days=30)


def tidy(core: Core) -> int:
    """Deletes rows past their time; gives how many."""
    now = core.clock.now()
    with core.database.write() as tx:
        gone = repository.forget_old(
            tx,
            requests_before=now - KEEP_REQUESTS,
            sessions_before=now - KEEP_SESSIONS,
            origins_before=now - KNOWN_ORIGIN_FOR,
        )
        return gone + forget_idle(tx)


def run(core: Core, stop: threading.Event) -> None:
    """Tidies now and every hour until stopped. A failure waits for the next time: nothing depends on it."""
    while True:
        try:
            tidy(core)
        except DBAPIError as error:
            logger().warning("tidy_failed", exc_info=error)
        if stop.wait(EVERY.total_seconds()):
            return
