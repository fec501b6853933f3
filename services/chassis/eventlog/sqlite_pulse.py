"""The one background thread of a process that reads the SQLite event log.

It does two things for all consumers of the process: it looks whether anything changed in the file, so that waiting
consumers need not, and it keeps their leases, so that a handler may take longer than a lease while a dead process
still loses its partitions.

Looking means asking when the write-ahead log was last written. A commit becomes visible only after that write was
flushed, so for `_SETTLE_NS` after a write, and at each heartbeat, a query tells for certain; a quiet log costs one
system call a look. (Reading the log's index from its mapped file would cost less still, but opening that file here and
closing it would drop SQLite's own locks on it: https://sqlite.org/howtocorrupt.html section 2.2.)

A look happens every 2 ms right after a change and ever less often up to `SLOWEST_LOOK_S` when nothing happens, and not
at all while no consumer waits. An append by the same process wakes its consumers at once.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from pathlib import Path
from typing import Protocol

from services.chassis.eventlog import sqlite_store as store
from services.chassis.eventlog.base import EventLogUnavailable

FASTEST_LOOK_S = 0.002
SLOWEST_LOOK_S = 0.050
_SLOWDOWN = 1.3
_SETTLE_NS = 150_000_000

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
        self._stopped = threading.Event()
        self._hurried = False
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
                self._changed.wait_for(lambda: self._beat != beat or self.over, timeout_s)
            finally:
                self._waiting -= 1

    @property
    def over(self) -> bool:
        """Whether nobody should wait any more."""
        return self._hurried or self._stopped.is_set()

    def hurry(self) -> None:
        """Wake whoever waits and let nobody wait any more; leases are kept until `stop`."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

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
            self._stopped.set()
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
        log_file = f"{self._path}-wal"
        written_seen: tuple[int, int] | None = None
        counts_seen = None
        look_every_s = SLOWEST_LOOK_S
        heartbeat_due = time.monotonic() + self._lease_s / 3
        while not self._stopped.wait(look_every_s):
            if not self._waiting:
                # Nobody waits: sleep until somebody does. The heartbeat must still go out.
                with self._changed:
                    until_heartbeat_s = max(heartbeat_due - time.monotonic(), 0)
                    self._changed.wait_for(lambda: self._waiting or self._stopped.is_set(), until_heartbeat_s)
            try:
                heartbeat = time.monotonic() >= heartbeat_due
                if heartbeat:
                    self._keep_leases(connection)
                    heartbeat_due = time.monotonic() + self._lease_s / 3
                written = _last_write(log_file)
                if written == written_seen and not heartbeat and time.time_ns() - written[0] > _SETTLE_NS:
                    look_every_s = SLOWEST_LOOK_S
                    continue
                counts = connection.execute("SELECT appends, memberships FROM pulse").fetchone()
            except (EventLogUnavailable, sqlite3.OperationalError) as error:
                # The file is locked for longer than the busy timeout. Leases may run out; consumers then join again.
                _log.warning("The event log's file does not answer, trying again: %s", error)
                continue
            written_seen = written
            if counts == counts_seen:
                look_every_s = min(look_every_s * _SLOWDOWN, SLOWEST_LOOK_S)
            else:
                counts_seen = counts
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


def _last_write(log_file: str) -> tuple[int, int]:
    """When the write-ahead log was last written (ns since 1970) and its size; zeros while it does not exist."""
    try:
        found = os.stat(log_file)
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
