"""The one background thread of a process that reads the SQLite event log.

It does two things for all consumers of the process: it looks whether anything changed in the file, so that waiting
consumers need not, and it keeps their leases, so that a handler may take longer than a lease while a dead process
still loses its partitions.

Looking costs one tiny query. It happens every 2 ms right after a change and ever less often up to `SLOWEST_LOOK_S`
when nothing happens, and not at all while no consumer waits. An append by the same process wakes its consumers at once.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import weakref
from pathlib import Path
from typing import Protocol

from services.chassis.eventlog import sqlite_store as store
from services.chassis.eventlog.base import EventLogUnavailable

FASTEST_LOOK_S = 0.002
SLOWEST_LOOK_S = 0.030
_SLOWDOWN = 1.3

_log = logging.getLogger(__name__)


class Member(Protocol):
    """What the thread needs to know of a consumer."""

    member_id: str

    def deserves_lease(self) -> bool:
        """Whether the consumer is in use: polled within its `max_poll_interval_s` and not closed."""


class Pulse:
    """Watches the file and keeps the leases. Thread-safe."""

    def __init__(self, path: Path, lease_s: float) -> None:
        self._path = path
        self._lease_s = lease_s
        self._members: weakref.WeakSet[Member] = weakref.WeakSet()
        self._changed = threading.Condition()
        self._beat = 0
        self._waiting = 0
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def beat(self) -> int:
        """A number that grows with every change seen. Read it before looking for records, then `wait` on it."""
        with self._changed:
            return self._beat

    def wait(self, beat: int, timeout_s: float) -> None:
        """Return when something changed after `beat` was read, or after `timeout_s`."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._beat != beat or self._stopped, timeout_s)
            finally:
                self._waiting -= 1

    def touch(self) -> None:
        """This process changed the file itself: wake its consumers now."""
        with self._changed:
            self._beat += 1
            self._changed.notify_all()

    def watch(self, member: Member) -> None:
        """Keep this member's lease from now on; starts the thread with the first one."""
        with self._changed:
            self._members.add(member)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="event-log-pulse", daemon=True)
                self._thread.start()

    def forget(self, member: Member) -> None:
        """Let this member's lease run out."""
        with self._changed:
            self._members.discard(member)

    def stop(self) -> None:
        """End the thread and wake whoever waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        connection = store.connect(self._path, synchronous="NORMAL")
        try:
            self._loop(connection)
        finally:
            connection.close()

    def _loop(self, connection: sqlite3.Connection) -> None:
        seen = None
        look_every_s = SLOWEST_LOOK_S
        next_heartbeat = time.monotonic() + self._lease_s / 3
        while True:
            with self._changed:
                if self._stopped:
                    return
                until_heartbeat_s = max(next_heartbeat - time.monotonic(), 0)
                if not self._waiting:
                    # Nobody waits: sleep until somebody does. The heartbeat must still go out.
                    self._changed.wait_for(lambda: self._waiting or self._stopped, until_heartbeat_s)
            time.sleep(min(look_every_s, max(next_heartbeat - time.monotonic(), 0)))
            try:
                if time.monotonic() >= next_heartbeat:
                    self._keep_leases(connection)
                    next_heartbeat = time.monotonic() + self._lease_s / 3
                found = connection.execute("SELECT appends, memberships FROM pulse").fetchone()
            except (EventLogUnavailable, sqlite3.OperationalError) as error:
                # The file is locked for longer than the busy timeout. The leases may run out; consumers then join again.
                _log.warning("The event log's file does not answer, trying again: %s", error)
                continue
            if found == seen:
                look_every_s = min(look_every_s * _SLOWDOWN, SLOWEST_LOOK_S)
            else:
                seen = found
                look_every_s = FASTEST_LOOK_S
                self.touch()

    def _keep_leases(self, connection: sqlite3.Connection) -> None:
        """Renew the leases of this process's members and remove the members, of any process, whose lease ran out."""
        with self._changed:
            alive = [member.member_id for member in self._members if member.deserves_lease()]
        now = time.time()
        with store.write(connection):
            connection.executemany(
                "UPDATE member SET lease_ends_at = ? WHERE id = ?", [(now + self._lease_s, member) for member in alive]
            )
            if connection.execute("DELETE FROM member WHERE lease_ends_at < ?", (now,)).rowcount:
                connection.execute("UPDATE pulse SET memberships = memberships + 1")
