"""Takes away association requests that led to nothing and counters that are full again."""

import threading
from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from services.chassis.limits import forget_idle
from services.chassis.telemetry import logger
from services.supplies import access_repository
from services.supplies.application.core import Core

EVERY = timedelta(hours=1)
KEEP_ASSOCIATIONS = timedelta(days=30)


def tidy(core: Core) -> int:
    """Deletes rows past their time; gives how many."""
    with core.database.write() as tx:
        return access_repository.forget_settled(tx, core.clock.now() - KEEP_ASSOCIATIONS) + forget_idle(tx)


def run(core: Core, stop: threading.Event) -> None:
    """Tidies now and every hour until stopped. A failure waits for the next time: nothing depends on it."""
    while True:
        try:
            tidy(core)
        except DBAPIError as error:
            logger().warning("tidy_failed", exc_info=error)
        if stop.wait(EVERY.total_seconds()):
            return
