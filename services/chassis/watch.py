"""What a service looks up about itself for those who watch it: outbox, consumers, dead letters, and what its `app.py` adds.

The `work` role looks every few seconds, whether or not anything moves, and shows what it found as metrics; a service is
asked the same over `OperationsService.GetStatus`, in whichever role it answers. Each look is one cheap query. A look that
costs more (the sums of the ledger) says how seldom it is taken, and is taken less often still when it takes long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from services.chassis import deadletters
from services.chassis.db import TABLES, Database
from services.chassis.eventlog import EventLog, EventLogError
from services.chassis.subscription import Subscription
from services.chassis.telemetry import logger
from services.chassis.telemetry.metrics import LATEST, Reading, looked_up

LOOK_EVERY_S = 10.0
SELDOM_FIRST_S = 60.0
"""A process that has just started has better to do than to sum up its ledger."""
SELDOM_SHARE = 100
"""A costly look takes at most this fraction of the time."""

OUTBOX_PENDING = looked_up("coop_outbox_pending", "Events committed and not yet in the event log")
OUTBOX_AGE = looked_up("coop_outbox_age_seconds", "Age of the oldest event not yet in the event log; 0 when none waits")
DEAD_LETTERS = looked_up("coop_dead_letters_open", "Events that could not be handled and wait for a decision")
CONSUMER_LAG = looked_up(
    "coop_consumer_lag",
    "Records that a consumer has not committed yet; deferred: work that nobody waits for",
    ["consumer", "deferred"],
)
JOBS_WAITING = looked_up("coop_jobs_waiting", "1 while rows wait for a worker of the service")
LOOKED_AT = looked_up("coop_looked_timestamp_seconds", "When everything here was last looked up in full (Unix time)")


@dataclass(frozen=True)
class Watched:
    """One look. `read(connection, now)` gives readings; with `every_s` it is taken so seldom, beside the others."""

    what: str
    read: Callable[[Connection, datetime], Iterable[Reading]]
    every_s: float = 0.0


class Watch:
    """The looks of one service; safe to be used by several threads."""

    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        subscriptions: Sequence[Subscription],
        jobs_waiting: Callable[[Connection], bool],
        watched: Sequence[Watched] = (),
    ) -> None:
        self._database = database
        self._event_log = event_log
        self._subscriptions = subscriptions
        own = [
            Watched("outbox", _outbox),
            Watched("dead letters", lambda connection, _: [Reading(DEAD_LETTERS, deadletters.count_open(connection))]),
            Watched("jobs", lambda connection, _: [Reading(JOBS_WAITING, int(jobs_waiting(connection)))]),
        ]
        self._often = [*own, *(one for one in watched if not one.every_s)]
        self._seldom = [_Seldom(one) for one in watched if one.every_s]
        self._found: dict[str, tuple[Reading, ...]] = {}
        self._lock = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Looks until `stop` is set. What cannot be looked up keeps its last value, and `LOOKED_AT` stands still."""
        seldom = threading.Thread(target=self._run_seldom, args=(stop,), name="watch-seldom", daemon=True)
        if self._seldom:
            seldom.start()
        said: list[str] = []
        while not stop.is_set():
            problems = self._look_often()
            if problems and problems != said:
                logger().warning("watch_is_blind", problems=problems)
            said = problems
            if not problems:
                self._found["looked"] = (Reading(LOOKED_AT, time.time()),)
            LATEST.put(self._database.service, self._readings())
            stop.wait(LOOK_EVERY_S)
        LATEST.forget(self._database.service)

    def now(self) -> tuple[tuple[Reading, ...], tuple[str, ...]]:
        """What is found now, and a sentence for each look that failed. Costly looks are taken when the last is too old."""
        problems = self._look_often()
        for one in self._seldom:
            problems += self._take_seldom(one)
        return self._readings(), tuple(problems)

    def _look_often(self) -> list[str]:
        problems = self._take(self._often)
        try:
            lags = [
                Reading(CONSUMER_LAG, self._lag(one), (one.group, _said(one.deferred))) for one in self._subscriptions
            ]
        except Exception as error:
            said = str(error) if isinstance(error, EventLogError) else type(error).__name__
            problems.append(f"The event log does not say how far consumers are: {said}")
        else:
            self._found["lag"] = tuple(lags)
        return problems

    def _run_seldom(self, stop: threading.Event) -> None:
        if stop.wait(SELDOM_FIRST_S):
            return
        while not stop.is_set():
            for one in self._seldom:
                self._take_seldom(one)
            stop.wait(LOOK_EVERY_S)

    def _take_seldom(self, one: _Seldom) -> list[str]:
        with self._lock:
            if time.monotonic() < one.due:
                return []
            began = time.monotonic()
            problems = self._take([one.watched])
            took = time.monotonic() - began
            one.due = time.monotonic() + max(one.watched.every_s, took * SELDOM_SHARE)
            return problems

    def _take(self, looks: Sequence[Watched]) -> list[str]:
        """Every look in a transaction of its own, so that one that fails spoils no other.

        Whatever it fails of, those who watch are told, and the service itself goes on.
        """
        problems = []
        for one in looks:
            try:
                with self._database.read() as connection:
                    self._found[one.what] = tuple(one.read(connection, self._database.clock.now()))
            except Exception as error:
                problems.append(f"Nothing is known of {one.what}: {type(error).__name__}.")
        return problems

    def _lag(self, subscription: Subscription) -> int:
        return sum(self._event_log.lag(subscription.group, subscription.topics).values())

    def _readings(self) -> tuple[Reading, ...]:
        return tuple(reading for found in list(self._found.values()) for reading in found)


@dataclass
class _Seldom:
    watched: Watched
    #: Not before, on the monotonic clock.
    due: float = 0.0


def age(since: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 for none."""
    return max((now - since).total_seconds(), 0.0) if since else 0.0


def _said(deferred: bool) -> str:
    return "yes" if deferred else "no"


def _outbox(connection: Connection, now: datetime) -> list[Reading]:
    table = TABLES.outbox_event
    query = select(func.count(), func.min(table.c.created_at)).where(table.c.published_at.is_(None))
    waiting, oldest = connection.execute(query).one()
    return [Reading(OUTBOX_PENDING, waiting), Reading(OUTBOX_AGE, age(oldest, now))]
