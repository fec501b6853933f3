"""The consumer: reads a subscription's topics and handles each event exactly once, in order per partition.

Several events share one database transaction, each in a savepoint of its own, because a commit costs a flush to the
disk; the transaction ends after `BATCH_S` so that commands do not wait for it. Then the offsets are committed. A crash
anywhere in between brings the events again, and the inbox drops those that were handled.

What goes wrong concerns one partition and leaves the others alone:

* a refused event becomes a dead letter, and its partition stops (or goes on, as the subscription says);
* any other failure is tried again from that event on, after 0.1 s, 0.2 s, … up to 30 s;
* a partition that moved to another member is none of our business any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from services.chassis import deadletters
from services.chassis.db import Database, Transaction
from services.chassis.eventlog import (
    DEFAULT_PARTITIONS,
    ConsumedRecord,
    Consumer,
    EventLog,
    EventLogError,
    StaleMember,
    TopicPartition,
)
from services.chassis.subscription import PERMANENT, Envelope, Handler, Subscription
from services.chassis.telemetry import EVENT_SECONDS, EVENTS_HANDLED, faults, logger

__all__ = ["ConsumerRunner", "Envelope", "Handler", "Subscription"]

BATCH_RECORDS = 100
BATCH_S = 0.05
POLL_S = 1.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
_STOPPED_LOOK_S = 1.0


@dataclass
class _Retry:
    """A partition in trouble: how many failures in a row, and until when it waits (monotonic seconds; None: trying)."""

    failures: int
    until: float | None


@dataclass
class _Progress:
    """What came of a batch: the offsets to commit and the partitions that did not get through it."""

    done: dict[TopicPartition, int] = field(default_factory=dict)
    failed: dict[TopicPartition, Exception] = field(default_factory=dict)
    stopped: set[TopicPartition] = field(default_factory=set)


class ConsumerRunner:
    """One thread's work: `run` until the event is set, finishing the record in hand."""

    def __init__(
        self,
        database: Database,
        event_log: EventLog,
        subscription: Subscription,
        *,
        partitions: int = DEFAULT_PARTITIONS,
    ) -> None:
        self._database = database
        self._event_log = event_log
        self._subscription = subscription
        self._partitions = partitions
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._stopped: frozenset[TopicPartition] = frozenset()
        self._stopped_look_due = 0.0
        self._retries: dict[TopicPartition, _Retry] = {}

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set, then hand the partitions over. An unreachable log or database only delays."""
        failures = 0
        while not stop.is_set():
            try:
                self._event_log.ensure_topics(self._subscription.topics, self._partitions)
                with self._event_log.consumer(self._subscription.group, self._subscription.topics) as consumer:
                    self._assigned = frozenset()
                    self._retries.clear()
                    while not stop.is_set():
                        self.step(consumer, stop)
                        failures = 0
            except (EventLogError, SQLAlchemyError) as error:
                failures += 1
                pause_s = _pause_s(failures)
                logger().warning("consumer_waits", problem=faults.message(error), again_in_s=pause_s, **self._names())
                stop.wait(pause_s)

    def step(self, consumer: Consumer, stop: threading.Event) -> None:
        """One poll and what follows from it."""
        self._release(consumer)
        records = consumer.poll(self._poll_s(), max_records=BATCH_RECORDS)
        if consumer.assignment != self._assigned:
            self._assigned = consumer.assignment
            self._retries = {part: retry for part, retry in self._retries.items() if part in self._assigned}
            self._look_for_stopped()
            self._hold(consumer, self._stopped)
        # Partitions that came back from another member arrive without the pause they had here.
        held = self._held()
        self._hold(consumer, held & {record.source for record in records})
        records = [record for record in records if record.source not in held]
        while records and not stop.is_set():
            records = self._handle_some(consumer, records, stop)

    def _handle_some(
        self, consumer: Consumer, records: Sequence[ConsumedRecord], stop: threading.Event
    ) -> list[ConsumedRecord]:
        """Handle records for `BATCH_S` in one transaction and commit their offsets; the records not looked at."""
        progress = _Progress()
        looked_at = 0
        until = time.monotonic() + BATCH_S
        try:
            if self._subscription.needs_preparation(Envelope.of(records[0]).type):
                looked_at = 1
                self._handle_prepared(records[0], progress)
            else:
                with self._database.write() as transaction:
                    for record in records:
                        if self._subscription.needs_preparation(Envelope.of(record).type):
                            break
                        if record.source not in progress.failed and record.source not in progress.stopped:
                            self._handle(transaction, record, progress)
                        looked_at += 1
                        if time.monotonic() > until or stop.is_set():
                            break
        except Exception as error:
            # The transaction itself failed, so nothing of this batch happened.
            logger().warning("batch_rolled_back", exc_info=error, **self._names())
            progress = _Progress(failed={record.source: error for record in records[: looked_at or None]})
            looked_at = looked_at or len(records)
        if progress.done:
            self._commit(consumer, progress.done)
        for partition, problem in progress.failed.items():
            self._postpone(consumer, partition, problem)
        if progress.stopped:
            self._look_for_stopped()
            self._hold(consumer, progress.stopped)
        held = progress.failed.keys() | progress.stopped
        return [record for record in records[looked_at:] if record.source not in held]

    def _handle_prepared(self, record: ConsumedRecord, progress: _Progress) -> None:
        """Prepare one record outside any transaction, then handle it in one of its own."""
        envelope = Envelope.of(record)
        try:
            prepared = self._subscription.prepared(record.value, envelope)
        except Exception as error:
            with self._database.write() as transaction:
                self._handle(transaction, record, progress, failure=error)
            return
        with self._database.write() as transaction:
            self._handle(transaction, record, progress, prepared)

    def _handle(
        self,
        transaction: Transaction,
        record: ConsumedRecord,
        progress: _Progress,
        *prepared: object,
        failure: Exception | None = None,
    ) -> None:
        """Handle one record in a savepoint and note in `progress` what came of it; `failure` is what its preparation met."""
        envelope = Envelope.of(record)
        outcome = "unknown"
        try:
            if failure:
                raise failure
            if self._subscription.knows(envelope.type):
                with transaction.savepoint():
                    handled = self._subscription.handle_once(transaction, record.value, envelope, *prepared)
                outcome = "handled" if handled else "duplicate"
        except PERMANENT as refusal:
            outcome = "refused"
            reason = f"{refusal.reason}: {refusal.message}"
            deadletters.put(transaction, self._subscription, record, envelope, reason)
            logger().error("event_refused", event_id=envelope.event_id, type=envelope.type, reason=refusal.reason)
            if self._subscription.on_permanent_failure == "stop":
                progress.stopped.add(record.source)
        except Exception as error:
            outcome = "failed"
            progress.failed[record.source] = error
            logger().warning("event_failed", event_id=envelope.event_id, type=envelope.type, exc_info=error)
        # Types that nothing here knows are named by whoever wrote them: one label for all.
        kind = envelope.type if self._subscription.knows(envelope.type) else "unknown"
        EVENTS_HANDLED.labels(self._subscription.group, kind, outcome).inc()
        if record.source in progress.failed or record.source in progress.stopped:
            return
        progress.done[record.source] = record.offset + 1
        self._retries.pop(record.source, None)
        if outcome == "handled":
            delay = (self._database.clock.now() - envelope.time).total_seconds()
            EVENT_SECONDS.labels(self._subscription.group).observe(max(delay, 0))

    def _commit(self, consumer: Consumer, offsets: dict[TopicPartition, int]) -> None:
        try:
            consumer.commit(offsets)
        except StaleMember as stale:
            # The new owner gets the events again; the inbox knows them.
            logger().warning("partition_moved_on", problem=str(stale), **self._names())

    def _postpone(self, consumer: Consumer, partition: TopicPartition, error: Exception) -> None:
        failures = self._retries[partition].failures + 1 if partition in self._retries else 1
        pause_s = _pause_s(failures)
        self._retries[partition] = _Retry(failures, time.monotonic() + pause_s)
        self._hold(consumer, {partition})
        logger().warning(
            "partition_waits",
            partition=str(partition),
            failures=failures,
            again_in_s=pause_s,
            problem=type(error).__name__,
            **self._names(),
        )

    def _hold(self, consumer: Consumer, partitions: AbstractSet[TopicPartition]) -> None:
        """Read nothing from these partitions; when they go on, it is at the first event that is not committed."""
        mine = partitions & consumer.assignment
        consumer.pause(mine)
        consumer.rewind(mine)

    def _held(self) -> frozenset[TopicPartition]:
        waiting = {partition for partition, retry in self._retries.items() if retry.until is not None}
        return self._stopped | waiting

    def _release(self, consumer: Consumer) -> None:
        """Let the partitions go on that waited long enough or that the staff decided about."""
        held = self._held()
        now = time.monotonic()
        for retry in self._retries.values():
            if retry.until is not None and retry.until <= now:
                # The count stays until an event gets through; only the wait is over.
                retry.until = None
        if self._stopped and now >= self._stopped_look_due:
            self._look_for_stopped()
        consumer.resume((held - self._held()) & consumer.assignment)

    def _look_for_stopped(self) -> None:
        with self._database.read() as connection:
            self._stopped = deadletters.stopped_partitions(connection, self._subscription.group)
        self._stopped_look_due = time.monotonic() + _STOPPED_LOOK_S

    def _poll_s(self) -> float:
        """`POLL_S`, but not beyond the moment when a waiting partition is due."""
        due = [retry.until for retry in self._retries.values() if retry.until is not None]
        return min(POLL_S, max(min(due, default=float("inf")) - time.monotonic(), 0.0))

    def _names(self) -> dict[str, str]:
        return {"consumer": self._subscription.group}


def _pause_s(failures: int) -> float:
    """Wait after so many failures in a row, in seconds."""
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - 1, 20), LONGEST_PAUSE_S))
