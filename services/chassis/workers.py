"""The threads of a process that works: each runs until the process stops, whatever its database does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from services.chassis import disk
from services.chassis.telemetry import logger

#: After a failure of its database, or on a full disk, a worker goes on after these pauses.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0


class Workers:
    """``stop`` ends them; ``failed`` is set when one died of an error that nobody expected."""

    def __init__(self, stop: threading.Event, failed: threading.Event) -> None:
        self._stop = stop
        self._failed = failed
        self._threads: list[threading.Thread] = []

    def begin(self, name: str, work: Callable[[threading.Event], None]) -> None:
        """A thread that works until ``stop`` is set."""
        thread = threading.Thread(target=self._guarded, args=(name, work), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def end(self, deadline: float) -> None:
        """Waits for them until ``deadline`` (monotonic seconds)."""
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
            if thread.is_alive():
                logger().warning("drain_incomplete", worker=thread.name)

    def _guarded(self, name: str, work: Callable[[threading.Event], None]) -> None:
        """A database that is away or a disk that is full only interrupts the work; any other error is a fault of ours."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                work(self._stop)
                return
            except Exception as error:
                if not (isinstance(error, OperationalError) or disk.is_full(error)):
                    logger().error("worker_died", worker=name, exc_info=error)
                    self._failed.set()
                    return
                if self._stop.is_set():
                    return
                if time.monotonic() - began > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S
                logger().warning("worker_waits", worker=name, problem=first_line(error), again_in_s=pause_s)
            self._stop.wait(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


def first_line(error: BaseException | None) -> str:
    """What a driver says, on one line; PostgreSQL's words never hold the password."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return f"{lines[0].rstrip('.')}." if lines else f"{type(error).__name__}."
