"""What a service reads from the event log, and how one event is handled exactly once.

`handle_once` is the heart of it: the inbox row `(group, event id)` is inserted in the handler's own transaction. An event
that comes a second time finds its row and does nothing; a handler that fails takes its row back with everything else.
"""

from __future__ import annotations

import contextvars
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from google.protobuf.message import DecodeError, Message

from services.chassis import context, tracing
from services.chassis.db import TABLES, Transaction, insert_if_absent
from services.chassis.errors import AlreadyExists, Invalid, NotFound, Refused
from services.chassis.eventlog import ConsumedRecord

PERMANENT = (Invalid, Refused, NotFound, AlreadyExists)
"""Errors that the same event will meet again: it becomes a dead letter. Every other error may pass."""


@dataclass(frozen=True)
class Envelope:
    """What is known of an event besides its message. `time` is when it happened, aware UTC."""

    event_id: str
    type: str
    source: str
    time: datetime
    actor: str
    traceparent: str
    topic: str
    key: str

    @classmethod
    def of(cls, record: ConsumedRecord) -> Envelope:
        """From a record's headers; a header that is missing or unreadable falls back to what the log itself knows."""
        headers = record.headers
        event_id = headers.get("ce_id", "")
        if not 1 <= len(event_id) <= 36:
            # Not one of ours. Its place in the log identifies it just as well, in the length of an event id.
            event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{record.topic}/{record.partition}/{record.offset}"))
        return cls(
            event_id=event_id,
            type=headers.get("ce_type", ""),
            source=headers.get("ce_source", ""),
            time=_instant(headers.get("ce_time", ""), record.timestamp),
            actor=headers.get("actor", ""),
            traceparent=headers.get("traceparent", ""),
            topic=record.topic,
            key=record.key,
        )


Handler = Callable[..., None]
"""`handler(transaction, message, envelope)`, or with a fourth argument what the event's `Preparation` gave."""

Preparation = Callable[[Any, Envelope], Any]
"""`prepare(message, envelope)`: slow reading from elsewhere, done before the handler's transaction begins."""


@dataclass(frozen=True)
class Subscription:
    """The events one consumer group of a service handles.

    A handler gets the transaction, the decoded message and its envelope. Raising `Invalid`, `Refused`, `NotFound` or
    `AlreadyExists` makes the event a dead letter; with `on_permanent_failure="stop"` its partition then waits for the
    staff's decision, with `"continue"` the next events go on. Any other exception is taken for a passing trouble: the
    event is tried again with growing pauses.

    An event type in `prepare` is handled in a transaction of its own, and what its handler needs from other services is
    fetched before that transaction begins, so that no write lock is held during a call.
    """

    group: str
    topics: tuple[str, ...]
    handlers: Mapping[type[Message], Handler]
    on_permanent_failure: Literal["stop", "continue"] = "stop"
    prepare: Mapping[type[Message], Preparation] = field(default_factory=dict)
    #: Nobody waits for this work: how far it is behind is told apart from the rest.
    deferred: bool = False
    #: Members that one process adds to the group, sharing the partitions: more than one only where preparation is slow.
    readers: int = 1
    _by_name: dict[str, tuple[type[Message], Handler]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {kind.DESCRIPTOR.full_name: (kind, handler) for kind, handler in self.handlers.items()}
        object.__setattr__(self, "_by_name", by_name)

    def needs_preparation(self, event_type: str) -> bool:
        """Whether events of this type are to be handled one by one, after `prepared`."""
        return event_type in self._by_name and self._by_name[event_type][0] in self.prepare

    def prepared(self, value: bytes, envelope: Envelope) -> Any:
        """What the preparation of this event gives; raises what it raises, and `Invalid` for an undecodable value."""
        kind, _ = self._by_name[envelope.type]
        message = _decode(kind, value, envelope)
        return contextvars.copy_context().run(_run_as_service, self.prepare[kind], envelope, "", (message, envelope))

    def knows(self, event_type: str) -> bool:
        """Whether there is a handler for this full protobuf name."""
        return event_type in self._by_name

    def handle_once(self, transaction: Transaction, value: bytes, envelope: Envelope, *prepared: Any) -> bool:
        """Run the handler unless this group has handled the event before; whether it ran.

        Raises what the handler raises, and `Invalid` when the value is not the message its type says. The caller then
        rolls the transaction (or its savepoint) back.
        """
        kind, handler = self._by_name[envelope.type]
        if not remember(transaction, self.group, envelope.event_id):
            return False
        message = _decode(kind, value, envelope)
        arguments = (transaction, message, envelope, *prepared)
        contextvars.copy_context().run(_run_as_service, handler, envelope, transaction.service, arguments)
        return True


def remember(transaction: Transaction, group: str, event_id: str) -> bool:
    """Insert the inbox row; False when it is there already, that is, when the group is done with this event."""
    row = {"consumer": group, "event_id": event_id, "handled_at": transaction.clock.now()}
    return insert_if_absent(transaction.connection, TABLES.inbox_event, row)


def _decode(kind: type[Message], value: bytes, envelope: Envelope) -> Message:
    try:
        return kind.FromString(value)
    except DecodeError as error:
        raise Invalid(f"The {len(value)} bytes of the event are not a {envelope.type}: {error}") from error


def _run_as_service(work: Callable[..., Any], envelope: Envelope, service: str, arguments: tuple[Any, ...]) -> Any:
    """Run in a copied context: what the work emits, calls and logs carries on the event's trace."""
    # Preparing runs under no service's name: it has no transaction of one yet.
    span = tracing.begin(f"{'handle' if service else 'prepare'} {envelope.type}", "consumer", envelope.traceparent)
    span.note(messaging__destination__name=envelope.topic, event__id=envelope.event_id, event__type=envelope.type)
    context.enter(context.Principal("service", service), envelope.event_id, span.traceparent)
    with tracing.ended(span):
        return work(*arguments)


def _instant(text: str, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return found.astimezone(UTC) if found.tzinfo else otherwise
