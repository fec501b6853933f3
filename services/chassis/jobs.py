"""Work that happens after the answer: rows waiting in a table, settled one by one by a background thread.

The command writes the row and wakes the worker of its own process; a worker of another process finds the row at its next look.
"""

import threading
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from services.chassis import tracing
from services.chassis.telemetry import logger

_LONGEST_PAUSE_S = 30.0


class Worker:
    """Calls ``step`` until it says that nothing is waiting, then rests until woken or for ``look_every_s`` seconds.

    ``step`` settles at most one row in a transaction of its own and gives True when there was one. A database that fails is
    asked again after growing pauses; any other error ends the thread, and with it the process, as a fault of ours.
    """

    def __init__(self, name: str, step: Callable[[], bool], *, look_every_s: float = 1.0) -> None:
        self.name = name
        self._step = step
        self._look_every_s = look_every_s
        self._wake = threading.Event()

    def wake(self) -> None:
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        # A rest ends at once when the process stops.
        threading.Thread(target=self._wake_at, args=(stop,), name=f"{self.name}-stop", daemon=True).start()
        failures = 0
        while not stop.is_set():
            # Cleared before looking: a row that comes while we look wakes us again.
            self._wake.clear()
            try:
                while not stop.is_set() and tracing.job(self.name, self._step):
                    failures = 0
                failures = 0
            except DBAPIError as error:
                failures += 1
                logger().warning("job_failed", worker=self.name, failures=failures, exc_info=error)
                stop.wait(min(_LONGEST_PAUSE_S, 0.1 * 2**failures))
                continue
            self._wake.wait(self._look_every_s)

    def _wake_at(self, stop: threading.Event) -> None:
        stop.wait()
        self.wake()
