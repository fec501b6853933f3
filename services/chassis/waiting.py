"""Waiting for what a process needs and does not have yet: its database, its schema, the event log.

A process that cannot work yet stays up, not ready, and says what it waits for. Ending instead would have it started again
and again, ever more slowly, by a keeper that knows less than the process does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from services.chassis.telemetry import logger

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.1, 1.0
_FIRST_LINE_S, _LONGEST_LINE_S = 1.0, 30.0


class NotYet(Exception):
    """Something is missing; the message is a sentence that says what, and where it was looked for.

    ``refused``: waiting will not help, somebody has to do something about it.
    """

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


class Teller:
    """Says in the log what is missing: at once when that changes, else after 1, 2, 4, ... and at last every 30 s."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._said = ""
        self._pause_s = _FIRST_LINE_S
        self._due = 0.0

    def missing(self, problem: NotYet) -> None:
        now = self._monotonic()
        if str(problem) != self._said:
            self._pause_s = _FIRST_LINE_S
        elif now < self._due:
            return
        self._said, self._due = str(problem), now + self._pause_s
        if problem.refused:
            logger().error("refused", problem=self._said, said_again_in_s=self._pause_s)
        else:
            logger().warning("waiting", problem=self._said, said_again_in_s=self._pause_s)
        self._pause_s = min(self._pause_s * 2, _LONGEST_LINE_S)

    def there(self) -> None:
        if self._said:
            logger().info("waited", missing_no_more=self._said)
        self._said = ""


def until_there(check: Callable[[], None], stop: threading.Event, *, patience_s: float | None = None) -> bool:
    """Asks until ``check`` raises no NotYet; True then, False when ``stop`` was set first.

    With ``patience_s``, raises the last NotYet when so many seconds have passed.
    """
    teller = Teller()
    pause_s = _FIRST_LOOK_S
    deadline = None if patience_s is None else time.monotonic() + patience_s
    while not stop.is_set():
        try:
            check()
        except NotYet as problem:
            if deadline is not None and time.monotonic() >= deadline:
                raise
            teller.missing(problem)
        else:
            teller.there()
            return not stop.is_set()
        stop.wait(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_LOOK_S)
    return False
