"""Sends the queued mails, one after the other.

A mail is claimed in one transaction, sent, and its outcome noted in another. A crash between the mail server's "250" and
that note leaves the mail queued: after the lease it is sent once more, under the same Message-ID, by which mail programs
recognise it. That is the only way a mail can be doubled; two mails for one event are impossible (unique key).
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

from coop.notifications.events.v1 import events_pb2 as events
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from services.chassis import tracing
from services.chassis.db import Database
from services.chassis.telemetry import logger
from services.notifications import repository
from services.notifications.composing import Composer
from services.notifications.domain.delivery import Hopeless, State, Trouble, next_attempt
from services.notifications.smtp import ServerDown, SmtpTransport

TOPIC = "coop.notifications.message.v1"
LEASE_S = 60.0
"""How long a claimed mail is left to its sender; longer than composing and sending can take together."""
LOOK_EVERY_S = 30.0
"""A look for mails that another process queued; those of this process wake the sender at once."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Sender:
    """One thread's work. `wake` is called when mails were queued."""

    def __init__(
        self, database: Database, composer: Composer, transport: SmtpTransport, *, lease_s: float = LEASE_S
    ) -> None:
        self._database = database
        self._composer = composer
        self._transport = transport
        self._lease = timedelta(seconds=lease_s)
        self._wake = threading.Event()

    def wake(self) -> None:
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Sends until `stop` is set, finishing the mail in hand."""
        waker = threading.Thread(target=self._wake_at, args=(stop,), name="mail-stop", daemon=True)
        waker.start()
        failures = 0
        while not stop.is_set():
            self._wake.clear()
            try:
                while not stop.is_set() and self.send_one():
                    failures = 0
                pause_s = self._until_next()
            except (ServerDown, SQLAlchemyError) as down:
                pause_s = min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S)
                failures += 1
                logger().warning(
                    "mails_wait",
                    problem=str(down) if isinstance(down, ServerDown) else type(down).__name__,
                    again_in_s=pause_s,
                )
                # Newly queued mails are no reason to try again earlier: they would meet the same server.
                stop.wait(pause_s)
                continue
            finally:
                self._transport.close()
            self._wake.wait(pause_s)

    def send_one(self) -> bool:
        """Sends the mail that has waited longest; False when none is due. Raises ServerDown with the mail put back."""
        now = self._database.clock.now()
        with self._database.write() as tx:
            row = repository.claim(tx.connection, now, now + self._lease)
        if row is None:
            return False
        tracing.carry_on(
            "send mail",
            lambda: self._send(row, now),
            parent=row.traceparent or "",
            request=row.event_id,
            message__kind=row.kind,
        )
        return True

    def _send(self, row: Row[Any], now: datetime) -> None:
        """One attempt, on the trace of the event that the mail is about."""
        try:
            self._transport.send(self._composer.compose(row, now))
        except ServerDown as down:
            with self._database.write() as tx:
                repository.settle(tx.connection, row.id, next_attempt_at=now, last_error=str(down)[:500])
            raise
        except Hopeless as refused:
            self._give_up(row, str(refused))
        except Trouble as trouble:
            self._postpone(row, str(trouble))
        except Exception as fault:
            # A fault of ours in one mail must not keep the others from being sent; it is tried again after a mend.
            logger().error("mail_fault", message_id=row.id, kind=row.kind, exc_info=fault)
            self._postpone(row, f"Fault while writing the mail: {type(fault).__name__}.")
        else:
            self._delivered(row)

    def _delivered(self, row: Row[Any]) -> None:
        with self._database.write() as tx:
            now = tx.clock.now()
            values = {"state": State.DELIVERED, "attempts": row.attempts + 1, "delivered_at": now, "last_error": ""}
            repository.settle(tx.connection, row.id, next_attempt_at=None, **values)
            done = events.MessageDelivered(message_id=row.id, kind=row.kind, caused_by_event_id=row.event_id)
            tx.emit(TOPIC, row.id, done)

    def _postpone(self, row: Row[Any], why: str) -> None:
        attempts = row.attempts + 1
        again = next_attempt(self._database.clock.now(), attempts)
        if again is None:
            self._give_up(row, f"Given up after {attempts} attempts. {why}")
            return
        logger().info("mail_postponed", message_id=row.id, kind=row.kind, attempts=attempts)
        with self._database.write() as tx:
            repository.settle(tx.connection, row.id, attempts=attempts, last_error=why[:500], next_attempt_at=again)

    def _give_up(self, row: Row[Any], why: str) -> None:
        logger().warning("mail_failed", message_id=row.id, kind=row.kind)
        with self._database.write() as tx:
            values = {"state": State.FAILED, "attempts": row.attempts + 1, "last_error": why[:500]}
            repository.settle(tx.connection, row.id, next_attempt_at=None, **values)
            failed = events.MessageFailed(
                message_id=row.id, kind=row.kind, caused_by_event_id=row.event_id, reason=why[:500]
            )
            tx.emit(TOPIC, row.id, failed)

    def _wake_at(self, stop: threading.Event) -> None:
        stop.wait()
        self.wake()

    def _until_next(self) -> float:
        with self._database.read() as connection:
            due = repository.next_due(connection)
        if due is None:
            return LOOK_EVERY_S
        return max(0.0, min(LOOK_EVERY_S, (due - self._database.clock.now()).total_seconds()))
