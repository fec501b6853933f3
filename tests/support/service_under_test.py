"""One service as a real process would run it, inside the test's own process: real server, real stubs, a clock that tests move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import symbol_database
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import select

from services.chassis.clock import FixedClock
from services.chassis.context import new_traceparent
from services.chassis.db import TABLES
from services.chassis.environment import load
from services.chassis.errors import CoopError
from services.chassis.eventlog import Record, open_event_log
from services.chassis.grpc.client import Clients
from services.chassis.grpc.status import from_rpc
from services.chassis.grpc.tokens import TokenSigner
from services.chassis.ids import new_id
from services.chassis.service import Process

ROOT = Path(__file__).resolve().parents[2]
StubT = TypeVar("StubT")


@dataclass
class ServiceUnderTest:
    """``process`` is the running service; ``stub`` gives a client that calls as somebody."""

    name: str
    process: Process[Any]
    clock: FixedClock
    keys_dir: Path
    stub_type: Callable[[grpc.Channel], Any]
    appended: list[Record] = field(default_factory=list)
    """What the relay has brought to the event log and deleted from the outbox."""
    _clients: list[Clients] = field(default_factory=list)
    _signers: dict[str, TokenSigner] = field(default_factory=dict)

    def signer(self, issuer: str) -> TokenSigner:
        if issuer not in self._signers:
            self._signers[issuer] = TokenSigner(self.keys_dir, issuer, self.clock)
        return self._signers[issuer]

    def stub(self, metadata: Callable[[], dict[str, str]] = dict) -> Any:
        """A stub with these headers on every call; none is an anonymous caller."""
        clients = Clients({self.name: f"127.0.0.1:{self.process.port}"}, metadata, deadline_s=20)
        self._clients.append(clients)
        return clients.stub(self.name, self.stub_type)

    def as_service(self, name: str, address: str = "") -> Any:
        return self.stub(
            lambda: {"authorization": f"Bearer {self.signer(name).service()}", "x-client-address": address}
        )

    def as_member(self, account_id: str, session_id: str = "session", address: str = "") -> Any:
        def headers() -> dict[str, str]:
            token, _ = self.signer("identity").member(account_id, session_id)
            gateway = {"x-gateway-authorization": self.signer("gateway").service()}
            return {"authorization": f"Bearer {token}", **gateway, "x-client-address": address}

        return self.stub(headers)

    def as_staff(self, *roles: str, account_id: str = "staff-1", session_id: str = "session") -> Any:
        def headers() -> dict[str, str]:
            token, _ = self.signer("identity").staff(account_id, session_id, frozenset(roles))
            return {"authorization": f"Bearer {token}"}

        return self.stub(headers)

    def events(self, kind: type[Message] | None = None) -> list[tuple[str, Any]]:
        """(event id, message) of everything emitted so far, in order; of one kind if said."""
        # First what waits, then what was appended: an event on its way between the two is seen at least once.
        with self.process.kit.database.read() as connection:
            waiting = connection.execute(select(TABLES.outbox_event).order_by(TABLES.outbox_event.c.id)).all()
        emitted = {row.headers["ce_id"]: row for row in (*self.appended, *waiting)}
        pool = symbol_database.Default().pool
        found = []
        for event_id, row in emitted.items():
            message = GetMessageClass(pool.FindMessageTypeByName(row.headers["ce_type"])).FromString(row.value)
            if kind is None or message.DESCRIPTOR.full_name == kind.DESCRIPTOR.full_name:
                found.append((event_id, message))
        return found

    def await_event(self, kind: type[Message], number: int = 1) -> tuple[str, Any]:
        """The ``number``-th event of a kind, once it is there."""
        eventually(lambda: len(self.events(kind)) >= number)
        return self.events(kind)[number - 1]

    def hear(self, topic: str, key: str, message: Message, source: str, event_id: str = "") -> str:
        """Appends an event of another service to the log, as its outbox would; gives the event's id."""
        event_id = event_id or new_id()
        headers = {
            "ce_id": event_id,
            "ce_type": message.DESCRIPTOR.full_name,
            "ce_source": source,
            "ce_time": self.clock.now().isoformat(),
            "traceparent": new_traceparent(),
            "actor": "test",
        }
        with open_event_log(self.process.settings.event_log_url) as log:
            log.ensure_topics([topic], self.process.settings.event_partitions)
            log.append([Record(topic, key, message.SerializeToString(), headers)])
        return event_id

    def close(self) -> None:
        for clients in self._clients:
            clients.close()
        self.process.stop()


PATIENCE_S = 60.0
"""How long to wait for what comes within a second on a machine that has nothing else to do."""


def eventually(holds: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Waits until something holds; fails when it has not within ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, f"it did not come true within {seconds} s"
        pause.wait(0.01)


@contextmanager
def service_under_test(
    name: str,
    settings_type: type[Any],
    build: Callable[[Any], Any],
    stub_type: Callable[[grpc.Channel], Any],
    *,
    folder: Path,
    database_url: str,
    profile: str = "demo-es",
    profile_dir: Path | None = None,
    clock: FixedClock | None = None,
    work: bool = True,
) -> Iterator[ServiceUnderTest]:
    """Migrates and starts a service on a free port. Started again on the same folder and database it finds its data."""
    clock = clock or FixedClock(datetime.now(UTC))
    environ = {
        "COOP_DATA_DIR": str(folder),
        "COOP_PROFILE_DIR": str(profile_dir or ROOT / "profiles" / profile),
        "COOP_DATABASE_URL": database_url,
        "COOP_DRAIN_SECONDS": "5",
    }
    settings = load(settings_type, environ)
    process = Process(name, settings, build, clock=clock)
    process.migrate()
    running = ServiceUnderTest(name, process, clock, settings.keys_dir, stub_type)
    process.start(work=work)
    _note_appended(process, running.appended)
    try:
        yield running
    finally:
        running.close()


def _note_appended(process: Process[Any], appended: list[Record]) -> None:
    log = process._event_log
    append = log.append

    def noting(records: Sequence[Record]) -> None:
        append(records)
        appended.extend(records)

    log.append = noting


def refusal(call: Callable[[], Any]) -> CoopError:
    """The error a call is refused with, as its client sees it. Fails when the call is accepted."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return from_rpc(error)
    raise AssertionError(f"the call was accepted: {answer!r}")
