"""A process whose database, schema or broker is not there: up, not ready, saying so, and going on by itself."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import Int64Value
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import text
from sqlalchemy.engine import make_url

from services.chassis import waiting
from services.chassis.db import Database
from services.chassis.environment import load
from services.chassis.health import READINESS
from services.chassis.service import Process
from services.chassis.telemetry.logs import say_only_warnings
from services.chassis.waiting import NotYet, Teller, until_there
from services.local.ports import free_port
from services.local.postgres import Postgres
from services.supplies.app import build
from services.supplies.settings import Settings
from tests.support.doorway import doorway, silent_port
from tests.support.migrated import Migrated
from tests.support.service_under_test import eventually

ROOT = Path(__file__).resolve().parents[3]
LIVE = ""


def settings_for(folder: Path, **more: str) -> dict[str, str]:
    return {
        "COOP_DATA_DIR": str(folder),
        "COOP_PROFILE_DIR": str(ROOT / "profiles" / "demo-es"),
        "COOP_HEALTH_ADDRESS": "127.0.0.1:0",
        "COOP_DRAIN_SECONDS": "3",
    } | more


@contextmanager
def running(folder: Path, *, serve: bool = True, **more: str) -> Iterator[Process[Any]]:
    """A process as `main` runs it for serve or work, in this process."""
    process = Process("supplies", load(Settings, settings_for(folder, **more)), build)
    stop = threading.Event()
    process.open_doors()
    keeper = threading.Thread(target=process.run, args=(stop,), kwargs={"serve": serve, "work": not serve})
    keeper.start()
    try:
        yield process
    finally:
        stop.set()
        keeper.join(60)
        assert not keeper.is_alive()
        process.stop()


def healthy(process: Process[Any], name: str) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{process.health.port}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name), timeout=30)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looks and pauses are short. What the process writes meanwhile is not looked at here, and costs more than the rest."""
    monkeypatch.setattr("services.chassis.service.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("services.chassis.workers.FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("services.chassis.eventlog.kafka_settings.BOOTSTRAP_S", 0.3)
    monkeypatch.setattr(waiting, "_LONGEST_LOOK_S", 0.1)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    say_only_warnings()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the log says of waiting."""
    said: list[str] = []
    for name in ("missing", "there"):
        act: Callable[..., None] = getattr(Teller, name)

        def noting(teller: Teller, *problem: NotYet, act: Callable[..., None] = act) -> None:
            said.extend(str(each) for each in problem)
            act(teller, *problem)

        monkeypatch.setattr(Teller, name, noting)
    return said


@pytest.mark.postgres
def test_a_database_that_comes_later_goes_and_comes_back(
    postgres: Postgres, migrated: Migrated, tmp_path: Path, lines: list[str]
) -> None:
    url = make_url(migrated.on_postgresql("supplies", postgres))
    with doorway(postgres.port) as way:
        through = url.set(port=way.port, password="hush").render_as_string(hide_password=False)
        with running(tmp_path, COOP_DATABASE_URL=through) as process:
            eventually(lambda: bool(lines))
            assert healthy(process, LIVE) and not healthy(process, READINESS) and not process.port
            assert f"127.0.0.1:{way.port} does not answer" in lines[-1] and "hush" not in lines[-1]
            way.open()
            eventually(lambda: healthy(process, READINESS))
            assert process.port
            lines.clear()
            way.shut()
            eventually(lambda: not healthy(process, READINESS))
            assert healthy(process, LIVE) and "does not answer" in lines[-1]
            way.open()
            eventually(lambda: healthy(process, READINESS))
            assert not process.failed.is_set()


@pytest.mark.postgres
def test_workers_outlive_their_database(postgres: Postgres, migrated: Migrated, tmp_path: Path) -> None:
    url = make_url(migrated.on_postgresql("supplies", postgres))
    with doorway(postgres.port) as way:
        way.open()
        through = url.set(port=way.port).render_as_string(hide_password=False)
        with running(tmp_path, serve=False, COOP_DATABASE_URL=through) as process:
            eventually(lambda: healthy(process, READINESS))
            way.shut()
            eventually(lambda: not healthy(process, READINESS))
            way.open()
            eventually(lambda: healthy(process, READINESS))
            # What another process leaves in the outbox is still brought to the log by this one.
            database = Database(url.render_as_string(hide_password=False), service="supplies")
            with database.write() as transaction:
                transaction.emit("coop.supplies.supply.v1", "s", Int64Value(value=1))

            def waiting_rows() -> int:
                with database.read() as connection:
                    return int(connection.execute(text("SELECT count(*) FROM outbox_event")).scalar_one())

            eventually(lambda: waiting_rows() == 0)
            database.close()
            assert not process.failed.is_set()


def test_an_older_schema_is_waited_for_and_a_newer_one_refused(
    migrated: Migrated, tmp_path: Path, lines: list[str]
) -> None:
    path = tmp_path / "supplies.db"
    url = f"sqlite:///{path}"
    with running(tmp_path, COOP_DATABASE_URL=url) as process:
        eventually(lambda: bool(lines))
        assert "python -m services.supplies migrate" in lines[-1]
        assert healthy(process, LIVE) and not healthy(process, READINESS)
        process.migrate()
        eventually(lambda: healthy(process, READINESS))
        database = Database(url)
        with database.write() as transaction:
            transaction.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()
        eventually(lambda: not healthy(process, READINESS))
        assert "9999" in lines[-1] and "newer" in lines[-1]
        assert healthy(process, LIVE) and not process.failed.is_set()


def test_a_broker_that_is_away_keeps_work_from_being_ready_and_serve_not(
    migrated: Migrated, tmp_path: Path, lines: list[str]
) -> None:
    broker = f"kafka://127.0.0.1:{free_port()}"
    for serve in (True, False):
        folder = tmp_path / str(serve)
        folder.mkdir()
        url = migrated.on_sqlite("supplies", folder / "supplies.db")
        with running(folder, serve=serve, COOP_DATABASE_URL=url, COOP_EVENT_LOG=broker) as process:
            if serve:
                eventually(lambda: healthy(process, READINESS))
            else:
                eventually(lambda: bool(lines))
                assert broker.removeprefix("kafka://") in lines[-1]
                assert healthy(process, LIVE) and not healthy(process, READINESS)


def test_sigterm_ends_a_process_that_hangs_in_its_wait(tmp_path: Path) -> None:
    """The database takes the connection and says nothing; the process ends at once, without telling the password. One that
    should have migrated does not say that it did."""
    roles = {"serve": 0, "migrate": 143}
    with silent_port() as port:
        environ = settings_for(
            tmp_path,
            COOP_DATABASE_URL=f"postgresql+psycopg://app:hush@127.0.0.1:{port}/supplies?connect_timeout=2",
            COOP_DRAIN_SECONDS="30",
            PYTHONPATH=f"{ROOT}{os.pathsep}{ROOT / 'gen'}",
        )
        processes = {
            role: subprocess.Popen(
                [sys.executable, "-m", "services.supplies", role], env=environ, stderr=subprocess.PIPE, text=True
            )
            for role in roles
        }
        for role, process in processes.items():
            assert process.stderr is not None
            first = json.loads(process.stderr.readline())
            process.send_signal(signal.SIGTERM)
            _, rest = process.communicate(timeout=60)
            assert process.returncode == roles[role]
            assert first["event"] == "waiting" and f"supplies at 127.0.0.1:{port}" in first["problem"]
            assert "hush" not in str(first) + rest and "Traceback" not in rest
            if role == "serve":
                assert [json.loads(line)["event"] for line in rest.splitlines()][-1] == "stopped"


def test_lines_become_rarer_and_a_new_reason_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    told: list[tuple[float, str]] = []

    class Log:
        def warning(self, _event: str, *, problem: str, **_: object) -> None:
            told.append((now, problem))

        def info(self, _event: str, *, missing_no_more: str) -> None:
            told.append((now, f"no more: {missing_no_more}"))

    monkeypatch.setattr(waiting, "logger", Log)
    teller = Teller(lambda: now)
    for now in range(130):
        teller.missing(NotYet("no database" if now < 125 else "no schema"))
    teller.there()
    assert told == [
        *((at, "no database") for at in (0, 1, 3, 7, 15, 31, 61, 91, 121)),
        (125, "no schema"),
        (126, "no schema"),
        (128, "no schema"),
        (129, "no more: no schema"),
    ]


def test_patience_ends_with_the_last_reason() -> None:
    def missing() -> None:
        raise NotYet("The database billing at db:5432 does not answer: Connection refused.")

    with pytest.raises(NotYet, match="billing at db:5432"):
        until_there(missing, threading.Event(), patience_s=0.15)
    stopped = threading.Event()
    stopped.set()
    assert not until_there(missing, stopped)
