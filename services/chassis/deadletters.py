"""Dead letters: events whose handler refused them for good, kept with the reason until the staff decides.

`retry` runs the handler again, `discard` gives the event up for this consumer. Both leave the event's inbox row behind in
the same transaction, so that a partition which was stopped at the event passes over it and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from services.chassis.db import TABLES, Database, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.eventlog import ConsumedRecord, TopicPartition
from services.chassis.ids import new_id
from services.chassis.subscription import Envelope, Subscription, remember

OPEN, RETRIED, DISCARDED = "open", "retried", "discarded"
MAX_PAGE = 200

_letters = TABLES.dead_letter


@dataclass(frozen=True)
class DeadLetter:
    """One event set aside. `state` is "open", "retried" or "discarded"; `failed_at` is aware UTC."""

    id: str
    consumer: str
    event_id: str
    event_type: str
    topic: str
    partition: int
    key: str
    reason: str
    failed_at: datetime
    state: str

    @classmethod
    def of(cls, row: Row[Any]) -> DeadLetter:
        return cls(**{name: row._mapping[name] for name in cls.__dataclass_fields__})


def put(
    transaction: Transaction, subscription: Subscription, record: ConsumedRecord, envelope: Envelope, reason: str
) -> None:
    """Set an event aside. An event of this consumer that is already set aside and open stays as it is."""
    already = select(_letters.c.id).where(
        _letters.c.consumer == subscription.group, _letters.c.event_id == envelope.event_id, _letters.c.state == OPEN
    )
    if transaction.execute(already).first():
        return
    transaction.execute(
        insert(_letters).values(
            id=new_id(),
            consumer=subscription.group,
            event_id=envelope.event_id,
            event_type=envelope.type,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=dict(record.headers),
            reason=reason,
            stops_partition=int(subscription.on_permanent_failure == "stop"),
            state=OPEN,
            failed_at=transaction.clock.now(),
        )
    )


def stopped_partitions(connection: Connection, group: str) -> frozenset[TopicPartition]:
    """The partitions that this consumer may not read on until the staff decides."""
    query = select(_letters.c.topic, _letters.c.partition).where(
        _letters.c.consumer == group, _letters.c.state == OPEN, _letters.c.stops_partition == 1
    )
    return frozenset(TopicPartition(topic, partition) for topic, partition in connection.execute(query))


def count_open(connection: Connection) -> int:
    """Open dead letters of the whole service."""
    query = select(func.count()).select_from(_letters).where(_letters.c.state == OPEN)
    return int(connection.execute(query).scalar_one())


def list_letters(
    database: Database, *, after: str = "", limit: int = MAX_PAGE, include_closed: bool = False
) -> list[DeadLetter]:
    """Dead letters in the order of their identifiers, which is the order of failure, after the identifier `after`."""
    query = select(_letters).where(_letters.c.id > after).order_by(_letters.c.id).limit(limit)
    if not include_closed:
        query = query.where(_letters.c.state == OPEN)
    with database.read() as connection:
        return [DeadLetter.of(row) for row in connection.execute(query)]


def get(connection: Connection, letter_id: str) -> DeadLetter:
    """One dead letter. Raises `NotFound`."""
    row = connection.execute(select(_letters).where(_letters.c.id == letter_id)).first()
    if row is None:
        raise _unknown(letter_id)
    return DeadLetter.of(row)


def retry(transaction: Transaction, subscriptions: Iterable[Subscription], letter_id: str, *, closed_by: str) -> None:
    """Handle the event again in this transaction and let its partition go on.

    Raises `NotFound`, `Refused` when it is closed already, and what the handler raises: roll back then, and the dead
    letter stays open.
    """
    row = _open_letter(transaction, letter_id)
    subscription = next((found for found in subscriptions if found.group == row.consumer), None)
    if subscription is None or not subscription.knows(row.event_type):
        raise Refused(
            f"Nothing in this service handles {row.event_type!r} for {row.consumer!r} any more; "
            "discard the dead letter, saying why.",
            "NO_HANDLER",
        )
    record = ConsumedRecord(
        row.topic, row.key, row.value, row.headers, row.partition, row.offset, timestamp=row.failed_at
    )
    # When it was handled meanwhile this runs nothing, and it only remains to close the letter.
    subscription.handle_once(transaction, row.value, Envelope.of(record))
    _close(transaction, letter_id, RETRIED, closed_by, why=None)


def discard(transaction: Transaction, letter_id: str, *, why: str, closed_by: str) -> None:
    """Give the event up for its consumer, keeping the reason, and let its partition go on.

    Raises `Invalid` without a reason, `NotFound`, and `Refused` when it is closed already.
    """
    if not why.strip():
        raise Invalid("Say why the event is given up; the reason is kept with it.", "REASON_MISSING", field="why")
    row = _open_letter(transaction, letter_id)
    remember(transaction, row.consumer, row.event_id)
    _close(transaction, letter_id, DISCARDED, closed_by, why=why.strip())


def _open_letter(transaction: Transaction, letter_id: str) -> Row[Any]:
    row = transaction.execute(select(_letters).where(_letters.c.id == letter_id).with_for_update()).first()
    if row is None:
        raise _unknown(letter_id)
    if row.state != OPEN:
        raise Refused(f"Dead letter {letter_id!r} was {row.state} by {row.closed_by}.", "DEAD_LETTER_CLOSED")
    return row


def _close(transaction: Transaction, letter_id: str, state: str, closed_by: str, *, why: str | None) -> None:
    closing = {"state": state, "closed_at": transaction.clock.now(), "closed_by": closed_by, "why": why}
    transaction.execute(update(_letters).where(_letters.c.id == letter_id).values(closing))


def _unknown(letter_id: str) -> NotFound:
    return NotFound(f"There is no dead letter {letter_id!r} in this service.", "DEAD_LETTER_NOT_FOUND")
