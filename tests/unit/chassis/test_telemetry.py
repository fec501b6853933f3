"""What operators see: lines of ours and of libraries, figures that are looked up, and traces that never hold work up."""

from __future__ import annotations

import io
import json
import logging
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from services.chassis import context, tracing
from services.chassis.db import Database, chassis_tables, new_metadata
from services.chassis.eventlog import open_event_log
from services.chassis.operations import no_jobs
from services.chassis.telemetry import MetricsServer, configure_logging, logger
from services.chassis.telemetry.logs import say_only_warnings
from services.chassis.telemetry.metrics import Metric, Reading
from services.chassis.telemetry.private import without_personal_data
from services.chassis.watch import Watch, Watched
from services.local.ports import free_port
from tests.support.collector import collector
from tests.support.service_under_test import eventually

Lines = Callable[[], list[dict[str, str]]]


@contextmanager
def log_of(service: str) -> Iterator[Lines]:
    """The lines since the last look, of a process of this name."""
    root = logging.getLogger()
    kept = (list(root.handlers), root.level)
    written = io.StringIO()

    def lines() -> list[dict[str, str]]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        written.seek(0)
        written.truncate()
        return found

    try:
        with redirect_stderr(written):
            configure_logging(service, "info")
            yield lines
    finally:
        root.handlers[:], root.level = kept
        say_only_warnings()


def test_a_line_names_its_service_request_and_trace() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with log_of("billing") as lines:
        context.enter(context.ANONYMOUS, "request-1", trace)
        try:
            logger().info("call", ms=3)
        finally:
            context.enter(context.ANONYMOUS, "", "")
        logger().info("alone")
    line, alone = lines()
    assert line["service"] == "billing" and line["level"] == "info" and line["event"] == "call"
    assert line["request_id"] == "request-1" and line["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert "trace_id" not in alone and "request_id" not in alone


def test_lines_of_libraries_come_out_as_ours_and_say_nothing_of_persons() -> None:
    with log_of("billing") as lines:
        logging.getLogger("kafka.conn").warning("connection to %s lost", "broker:9092")
        logging.getLogger("some.library").error("cannot parse %r of ana@example.org", "12345678Z")
        logging.getLogger("some.library").info("too little to say")
    kafka, other = lines()
    assert (kafka["logger"], kafka["event"]) == ("kafka.conn", "connection to broker:9092 lost")
    assert other["event"] == "cannot parse '[DNI]' of [e-mail]" and other["level"] == "error"


def test_a_program_that_is_no_service_says_warnings_alone_and_never_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger().info("certificate_read", days_left=364)
    logger().warning("certificate_ends", days_left=3)
    said = capsys.readouterr()
    assert not said.out and "certificate_read" not in said.err and "certificate_ends" in said.err


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("to ana.prado+x@coop.example!", "to [e-mail]!"),
        ("12345678Z, X1234567L and 30.123.456", "[DNI], [DNI] and [DNI]"),
        ("of 30.123.456.", "of [DNI]."),
        ("at 10.96.111.222 port 5432", None),
        ("IBAN ES9121000418450200051332 or ES91 2100 0418 4502 0005 1332", "IBAN [IBAN] or [IBAN]"),
        ("CUPS ES0575000000000001WK0F", "CUPS [CUPS]"),
        ("CBU 2850590940090418135201, CUIT 20-12345678-6", "CBU [CBU], CUIT [CUIT]"),
        ("019ab3c4-7d21-7c3e-9d1f-2a4b5c6d7e8f E-2026-000001 2026-10", None),
        ("4bf92f3577b34da6a3ce929d0e0e4736 0017 127.0.0.1:8001 55.44", None),
    ],
)
def test_what_looks_like_a_persons_data_is_struck_out(said: str, written: str | None) -> None:
    assert without_personal_data({"a": [said]}) == {"a": [written or said]}


def test_an_exception_tells_its_cause_and_place_and_no_data_of_the_statement(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/one.db")
    with database.write() as tx:
        tx.execute(text("CREATE TABLE person (name TEXT UNIQUE)"))
        tx.execute(text("INSERT INTO person VALUES (:name)"), {"name": "Ana Prado"})
    try:
        with database.write() as tx:
            tx.execute(text("INSERT INTO person VALUES (:name)"), {"name": "Ana Prado"})
    except IntegrityError as failed:
        try:
            raise RuntimeError("the bill run stops") from failed
        except RuntimeError as error:
            with log_of("billing") as lines:
                logger().error("worker_died", exc_info=error)
    database.close()
    [line] = lines()
    told = line["exception"]
    assert "UNIQUE constraint failed: person.name" in told and "RuntimeError: the bill run stops" in told
    assert told.index("UNIQUE") < told.index("which was the cause of") < told.index("RuntimeError")
    assert "test_telemetry.py" in told and "Ana" not in told


def test_a_scraper_that_does_not_wait_leaves_a_line_and_no_traceback() -> None:
    with log_of("billing") as lines:
        server = MetricsServer("127.0.0.1:0")
        server.start()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=30) as answer:
                assert b"coop_grpc_calls_total" in answer.read()
            scraper = socket.create_connection(("127.0.0.1", server.port))
            # Reset when closed: the answer then has nowhere to go.
            scraper.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            scraper.sendall(b"GET /metrics HTTP/1.1\r\n")
            scraper.close()
            said: list[dict[str, str]] = []
            eventually(lambda: bool(said.extend(lines()) or said))
        finally:
            server.stop()
    assert said[0]["event"] == "scrape_broke_off" and said[0]["kind"] == "ConnectionResetError"


# Not in the catalogue, which other tests of this process compare with the documentation.
FLAKY = Metric("coop_test_flaky", "gauge", "Of this test", ("service",), looked=True)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/service.db", service="watched-test")
    metadata = new_metadata()
    chassis_tables(metadata)
    metadata.create_all(made.engine)
    yield made
    made.close()


def test_one_look_that_fails_spoils_no_other_and_keeps_its_last_value(database: Database, tmp_path: Path) -> None:
    answers: list[float | None] = [7, None, 8]

    def flaky(_connection: Connection, _now: datetime) -> Iterator[Reading]:
        value = answers.pop(0)
        if value is None:
            raise ValueError("no")
        yield Reading(FLAKY, value)

    seldom: list[int] = []

    def dear(_connection: Connection, _now: datetime) -> list[Reading]:
        seldom.append(1)
        return []

    with open_event_log(f"sqlite:///{tmp_path}/log.db") as log:
        looks = [Watched("something", flaky), Watched("books", dear, every_s=900)]
        watch = Watch(database, log, [], no_jobs, looks)

        def seen() -> tuple[dict[str, float], tuple[str, ...]]:
            readings, problems = watch.now()
            return {one.metric.name: one.value for one in readings}, problems

        first, problems = seen()
        assert first["coop_test_flaky"] == 7 and first["coop_outbox_pending"] == 0 and not problems
        second, problems = seen()
        assert second == first and problems == ("Nothing is known of something: ValueError.",)
        third, problems = seen()
        assert third["coop_test_flaky"] == 8 and not problems
        assert len(seldom) == 1, "what costs more is not looked up each time"


def test_the_worker_shows_what_it_looked_up_until_it_stops(database: Database, tmp_path: Path) -> None:
    stop = threading.Event()
    with open_event_log(f"sqlite:///{tmp_path}/log.db") as log:
        watch = Watch(database, log, [], no_jobs)
        thread = threading.Thread(target=watch.run, args=(stop,))
        thread.start()
        shown = b'coop_outbox_age_seconds{service="watched-test"} 0.0'
        eventually(lambda: shown in generate_latest())
        stop.set()
        thread.join(60)
        assert b"watched-test" not in generate_latest()


@pytest.fixture
def traced() -> Iterator[None]:
    yield
    tracing.shutdown()


def test_spans_are_sent_under_the_trace_they_came_with(traced: None) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with collector() as seen:
        tracing.configure("billing", seen.url)
        span = tracing.begin("GetInvoice", "server", parent)
        child = tracing.begin("GetSupply", "client", span.traceparent)
        child.end(failure="UNAVAILABLE")
        span.end()
        span.end()
        quiet = tracing.begin("not sampled", "server", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
        quiet.end()
        assert quiet.traceparent.endswith("-00")
        assert tracing.job("estimates", lambda: False) is False
        assert tracing.job("estimates", lambda: True) is True
        eventually(lambda: len(seen.spans) == 3)
    inner, outer, job = seen.spans
    assert (inner.name, outer.name, job.name) == ("GetSupply", "GetInvoice", "job estimates")
    assert inner.parent == outer.id and outer.parent == "00f067aa0ba902b7" and not job.parent
    assert inner.failed and not outer.failed and inner.trace == outer.trace != job.trace


def test_a_collector_that_is_away_holds_nobody_up_and_drops_are_counted(
    traced: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MOST_WAITING", 10)
    monkeypatch.setattr(tracing, "LAST_SEND_S", 0.2)
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "handlers", [logging.NullHandler()])
    monkeypatch.setattr(logging.getLogger("opentelemetry"), "propagate", False)
    before = tracing.SPANS.labels("dropped")._value.get()
    tracing.configure("billing", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    for _ in range(100):
        tracing.begin("call", "server", "").end()
    assert tracing.SPANS.labels("dropped")._value.get() - before >= 80
    tracing.shutdown()
    assert time.monotonic() - began < 30


def test_without_a_collector_a_span_is_only_the_ids_that_go_on() -> None:
    assert not tracing.configured()
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    span = tracing.begin("call", "server", parent)
    assert span.traceparent.startswith(parent[:36]) and span.traceparent != parent
    assert type(span) is tracing.Span
