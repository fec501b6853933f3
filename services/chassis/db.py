"""The unit of work: one transaction that holds a command's rows, its events and its answer to a repeated request.

``Database.write()`` begins at once (``BEGIN IMMEDIATE`` on SQLite, so that two writers queue instead of failing half-way),
commits when the block ends and rolls back when it raises. ``Database.read()`` is a consistent read-only snapshot.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import (
    Column,
    Connection,
    CursorResult,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url

from services.chassis import context, tracing
from services.chassis.bulk import insert_many
from services.chassis.clock import Clock, SystemClock
from services.chassis.columns import BigKey, Json, UtcDateTime
from services.chassis.errors import Conflict, Invalid
from services.chassis.eventlog.base import MAX_RECORD_BYTES
from services.chassis.ids import new_id
from services.chassis.postgresql import connect_with_care
from services.chassis.sqlite import BUSY_TIMEOUT_S, use_write_ahead_log

#: Largest event, so that key and headers still fit into a record of the event log with it.
MAX_EVENT_BYTES = MAX_RECORD_BYTES - 10_000

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_metadata() -> MetaData:
    """A service's own metadata, with constraint names that are the same on both databases."""
    return MetaData(naming_convention=NAMING)


@dataclass(frozen=True)
class ChassisTables:
    """The tables that every service's database has."""

    outbox_event: Table
    inbox_event: Table
    idempotency_key: Table
    dead_letter: Table


def chassis_tables(metadata: MetaData) -> ChassisTables:
    """Adds the chassis' tables to a service's metadata; asked again, gives the same ones."""
    if "outbox_event" in metadata.tables:
        found = metadata.tables
        return ChassisTables(
            found["outbox_event"], found["inbox_event"], found["idempotency_key"], found["dead_letter"]
        )
    outbox_event = Table(
        "outbox_event",
        metadata,
        Column("id", BigKey, primary_key=True, autoincrement=True),
        Column("event_id", String(36), nullable=False, unique=True),
        Column("topic", String(120), nullable=False),
        Column("key", String(120), nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("headers", Json, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        # Of rows that earlier versions kept after publishing them; the relay deletes a row when the log has it.
        Column("published_at", UtcDateTime),
        Index("ix_outbox_event_published_at_id", "published_at", "id"),
    )
    inbox_event = Table(
        "inbox_event",
        metadata,
        Column("consumer", String(80), primary_key=True),
        Column("event_id", String(36), primary_key=True),
        Column("handled_at", UtcDateTime, nullable=False),
        # A row is its key and little else: with a row number it would be stored twice.
        sqlite_with_rowid=False,
    )
    idempotency_key = Table(
        "idempotency_key",
        metadata,
        Column("scope", String(120), primary_key=True),
        Column("request_id", String(80), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("result", Text, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )
    dead_letter = Table(
        "dead_letter",
        metadata,
        Column("id", String(36), primary_key=True),
        Column("consumer", String(80), nullable=False),
        Column("event_id", String(80), nullable=False),
        Column("event_type", String(160), nullable=False),
        Column("topic", String(120), nullable=False),
        Column("partition", Integer, nullable=False),
        Column("offset", BigKey, nullable=False),
        Column("key", String(120), nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("headers", Json, nullable=False),
        Column("reason", Text, nullable=False),
        Column("stops_partition", Integer, nullable=False),
        Column("state", String(12), nullable=False),
        Column("failed_at", UtcDateTime, nullable=False),
        Column("closed_at", UtcDateTime),
        Column("closed_by", String(80)),
        Column("why", Text),
        Index("ix_dead_letter_state_consumer", "state", "consumer"),
    )
    return ChassisTables(outbox_event, inbox_event, idempotency_key, dead_letter)


# The chassis' tables have the same columns in every service; statements are built on these.
TABLES = chassis_tables(new_metadata())


@dataclass(frozen=True)
class RequestKey:
    """What makes two calls the same command: method and caller, the caller's request id, and the request itself."""

    scope: str
    request_id: str
    fingerprint: str

    @classmethod
    def of(cls, scope: str, request: Message) -> "RequestKey":
        """The key of a request message that has a ``request_id`` field. Raises Invalid when the field is empty or too long."""
        value: str = request.request_id  # type: ignore[attr-defined]
        if not 1 <= len(value) <= 80:
            raise Invalid(
                f"request_id {value!r} must have 1 to 80 characters: send a new random one with each command.",
                "REQUEST_ID_MISSING",
                field="request_id",
            )
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
        return cls(f"{scope}|{context.caller().actor}"[:120], value, digest)


class Transaction:
    """A write transaction in progress."""

    def __init__(self, connection: Connection, clock: Clock, service: str) -> None:
        self.connection = connection
        self.clock = clock
        self.service = service
        self.has_events = False
        self._after_commit: list[Callable[[], None]] = []

    def execute(self, statement: Any, parameters: Any = None) -> CursorResult[Any]:
        return self.connection.execute(statement, parameters)

    def on_commit(self, action: Callable[[], None]) -> None:
        """Runs ``action`` once the transaction has committed; not at all if it rolls back."""
        self._after_commit.append(action)

    def run_after_commit(self) -> None:
        for action in self._after_commit:
            action()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Work that is taken back alone when it raises, with its events and its ``on_commit`` actions."""
        kept = len(self._after_commit)
        try:
            with self.connection.begin_nested():
                yield
        except BaseException:
            del self._after_commit[kept:]
            raise

    def emit(self, topic: str, key: str, message: Message, *, event_id: str = "") -> str:
        """Leaves an event in the outbox, to be appended to ``topic`` after this transaction commits. Gives its id."""
        return self.emit_many([(topic, key, message)], event_ids=[event_id] if event_id else None)[0]

    def emit_many(self, events: list[tuple[str, str, Message]], *, event_ids: list[str] | None = None) -> list[str]:
        """Several events at once, in order: one insert for a whole batch."""
        if not events:
            return []
        now = self.clock.now()
        ids = event_ids or [new_id() for _ in events]
        of_all = {
            "ce_source": self.service,
            "ce_time": now.isoformat(),
            "traceparent": _published(events),
            "actor": context.caller().actor,
        }
        rows = [
            {
                "event_id": event_id,
                "topic": topic,
                "key": key,
                "value": message.SerializeToString(deterministic=True),
                "headers": {"ce_id": event_id, "ce_type": message.DESCRIPTOR.full_name, **of_all},
                "created_at": now,
            }
            for event_id, (topic, key, message) in zip(ids, events, strict=True)
        ]
        for row in rows:
            if len(row["value"]) > MAX_EVENT_BYTES:
                # Found out by the relay it would hold up every later event.
                raise ValueError(
                    f"The {row['headers']['ce_type']} of {row['key']!r} has {len(row['value'])} bytes, more than "
                    f"{MAX_EVENT_BYTES}: store the content and send a reference to it."
                )
        insert_many(self.connection, TABLES.outbox_event, rows)
        self.has_events = True
        return ids

    def once(self, key: RequestKey, action: Callable[[], str]) -> str:
        """Runs ``action`` the first time ``key`` is seen and keeps its short result; a repetition gets that result.

        Raises Conflict when the same request id comes with another request.
        """
        table = TABLES.idempotency_key
        row = {"scope": key.scope, "request_id": key.request_id, "fingerprint": key.fingerprint, "result": ""}
        # The key goes in first: of two callers racing with one key, the second waits here for the first to commit.
        fresh = insert_if_absent(self.connection, table, {**row, "created_at": self.clock.now()})
        if not fresh:
            found = self.connection.execute(
                select(table.c.fingerprint, table.c.result).where(
                    table.c.scope == key.scope, table.c.request_id == key.request_id
                )
            ).one()
            if found.fingerprint != key.fingerprint:
                raise Conflict(
                    f"request_id {key.request_id!r} was used before for another request: send a new one.",
                    "REQUEST_ID_REUSED",
                )
            return str(found.result)
        result = action()
        self.connection.execute(
            table.update().where(table.c.scope == key.scope, table.c.request_id == key.request_id).values(result=result)
        )
        return result


def _published(events: list[tuple[str, str, Message]]) -> str:
    """The trace context that events carry: of a span that says that they were left for publishing, where traces are on."""
    if not tracing.configured():
        return context.traceparent()
    topic, _, message = events[0]
    span = tracing.begin(f"publish {topic}", "producer", context.traceparent())
    span.note(messaging__destination__name=topic, messaging__batch__message_count=len(events))
    span.note(event__type=message.DESCRIPTOR.full_name)
    span.end()
    return span.traceparent


def insert_if_absent(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Inserts unless a row with the same key is there; whether it did. Waits for a racing transaction with that key."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).on_conflict_do_nothing()
    # SQLAlchemy does not look at an INSERT's row count unless told to.
    return connection.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount == 1


class Database:
    """One service's database: SQLite file or PostgreSQL, behind the same two calls."""

    def __init__(
        self,
        url: str,
        *,
        service: str = "",
        clock: Clock | None = None,
        pool_size: int = 12,
        url_now: Callable[[], str | None] = lambda: None,
    ) -> None:
        """``url_now`` gives the address that new connections take, where it may change; None is ``url``."""
        self.url = make_url(url)
        self.service = service
        self.clock = clock or SystemClock()
        self.engine: Engine = _engine(url, pool_size, url_now)
        #: Called after each commit that left events in the outbox; the relay wakes up by it.
        self.on_outbox_commit: list[Callable[[], None]] = []

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self.engine.connect() as connection:
            transaction = Transaction(connection, self.clock, self.service)
            with connection.begin():
                yield transaction
        transaction.run_after_commit()
        if transaction.has_events:
            for wake in self.on_outbox_commit:
                wake()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            options: dict[str, Any] = {"coop_read_only": True}
            if not self.is_sqlite:
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            reader = connection.execution_options(**options)
            with reader.begin():
                yield reader

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str, pool_size: int, url_now: Callable[[], str | None]) -> Engine:
    # Parameters of statements are people's names and amounts: they belong into no message and no log.
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(url, pool_size=pool_size, max_overflow=4, pool_pre_ping=True, hide_parameters=True)
        connect_with_care(engine, url_now)
        return engine
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=4, connect_args={"timeout": BUSY_TIMEOUT_S}, hide_parameters=True
    )

    # The driver must not begin transactions on its own: we say BEGIN IMMEDIATE (or BEGIN for readers) ourselves.
    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        use_write_ahead_log(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("coop_read_only", False)
        connection.exec_driver_sql(f"PRAGMA query_only={int(read_only)}")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
