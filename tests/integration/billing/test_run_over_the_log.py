"""One run shared by several replicas over the event log: work items come to all of them, twice, and while something is down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from coop.billing.events.v1.events_pb2 import InvoiceIssued
from sqlalchemy import func, select, text
from structlog.testing import capture_logs

from services.billing.application.bill_runs import BillRuns
from services.billing.application.issuing import INVOICE_TOPIC, WORK_TOPIC
from services.billing.application.pricing import EnergyQuery, MonthPricer
from services.billing.consumers import runner_subscription
from services.billing.domain.bill import Energy
from services.billing.tables import bill_run_chunk
from services.chassis.clock import FixedClock
from services.chassis.consumer import ConsumerRunner, Envelope
from services.chassis.db import Database
from services.chassis.errors import Unavailable
from services.chassis.eventlog import ConsumedRecord, EventLog, open_event_log
from services.chassis.outbox import OutboxRelay
from services.chassis.workers import Workers
from services.local.kafka import Broker
from tests.integration.billing.test_bill_run import assert_books
from tests.support.billing import NOW, Office, measured
from tests.support.service_under_test import PATIENCE_S, eventually

SUPPLIES, CHUNK, REPLICAS = 60, 2, 3


class Metering:
    """A replica's metering: down for its first `failures` questions; then it answers once several replicas have asked."""

    def __init__(self, failures: int, asked: threading.Barrier) -> None:
        self.left, self.answered = failures, 0
        self._together = asked

    def energies(self, queries: Sequence[EnergyQuery]) -> list[Energy | None]:
        if self.left:
            self.left -= 1
            raise Unavailable("Metering does not answer.")
        if not self.answered:
            self._together.wait(PATIENCE_S)
        self.answered += 1
        return [measured() for _ in queries]


class Replica:
    """A `work` process of its own: its connections, its member of the group, its relay."""

    def __init__(self, office: Office, log: EventLog, database: Database, metering: Metering) -> None:
        self.metering = metering
        runs = BillRuns(database, office.rules, MonthPricer(database, office.rules, metering))
        self.runner = ConsumerRunner(database, log, runner_subscription(runs), partitions=6)
        self.relay = OutboxRelay(database, log, partitions=6, look_every_s=0.05)


def share_a_run(office: Office, log_url: str, disturb: Callable[[], None] | None = None) -> list[Replica]:
    """A run of thirty chunks by three replicas, each of them with a part of it."""
    office.add_supplies(SUPPLIES)
    url = office.database.url.render_as_string(hide_password=False)
    asked = threading.Barrier(REPLICAS)
    with ExitStack() as stack:
        stack.enter_context(capture_logs())  # what fails here on purpose is no reading for anybody
        replicas = []
        for number in range(REPLICAS):
            log = stack.enter_context(open_event_log(log_url))
            log.ensure_topics([WORK_TOPIC, INVOICE_TOPIC], 6)
            database = Database(url, service="billing", clock=FixedClock(NOW))
            stack.callback(database.close)
            replicas.append(Replica(office, log, database, Metering(2 * number, asked)))
        with working([work for each in replicas for work in (each.runner.run, each.relay.run)]):
            eventually(lambda: all(len(each.runner._assigned) == 2 for each in replicas))
            run_id = office.start().run.id
            if disturb is not None:
                eventually(lambda: done(office) >= 3)
                disturb()
            # Sends out again what is not done: while others are at it.
            office.start()
            eventually(lambda: office.runs.get(run_id).run.state == "completed")
            eventually(lambda: sum(log.lag("billing-runner", [WORK_TOPIC]).values()) == 0)
        invoices = {row.id for row in assert_books(office, SUPPLIES)}
        with log.consumer("reader", [INVOICE_TOPIC]) as reader:
            told: dict[str, str] = {}
            eventually(lambda: told.update(_issued(reader.poll(1))) or len(told) >= SUPPLIES)
        assert len(told) == SUPPLIES and set(told.values()) == invoices, "one event of each"
    run = office.runs.get(run_id).run
    assert (run.invoiced, run.held, run.chunks_done) == (SUPPLIES, 0, SUPPLIES // CHUNK)
    return replicas


@contextmanager
def working(work: Sequence[Callable[[threading.Event], None]]) -> Iterator[None]:
    """Each in a thread as a process has it, until the block ends; none of them may die."""
    stop, failed = threading.Event(), threading.Event()
    workers = Workers(stop, failed)
    for number, one in enumerate(work):
        workers.begin(f"worker-{number}", one)
    try:
        yield
    finally:
        stop.set()
        workers.end(time.monotonic() + PATIENCE_S)
    assert not failed.is_set(), "a worker died"


def _issued(records: Sequence[ConsumedRecord]) -> dict[str, str]:
    """The invoices that these events tell of, by event id: a relay that is not alone may append an event twice."""
    told = [(Envelope.of(each), each.value) for each in records]
    name = InvoiceIssued.DESCRIPTOR.full_name
    return {each.event_id: InvoiceIssued.FromString(value).invoice_id for each, value in told if each.type == name}


def done(office: Office) -> int:
    with office.database.read() as connection:
        query = select(func.count()).where(bill_run_chunk.c.done_at.is_not(None))
        return int(connection.execute(query).scalar_one())


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_replicas_share_a_run_while_metering_fails_and_connections_break(database: Database, tmp_path: Path) -> None:
    """Every connection of the database is cut in the middle of the run."""
    office = Office(database, tmp_path, chunk_supplies=CHUNK)

    def cut() -> None:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        with database.engine.connect() as connection:
            connection.execute(text(f"{query} AND pid <> pg_backend_pid()"))

    replicas = share_a_run(office, f"sqlite:///{tmp_path}/events.db", cut)
    assert all(each.metering.answered for each in replicas), "each replica did a part"
    assert sum(each.metering.answered for each in replicas) >= SUPPLIES // CHUNK


@pytest.mark.kafka
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_replicas_share_a_run_over_kafka(database: Database, tmp_path: Path, kafka: Broker) -> None:
    office = Office(database, tmp_path, chunk_supplies=CHUNK)
    replicas = share_a_run(office, kafka.url)
    assert all(each.metering.answered for each in replicas)
