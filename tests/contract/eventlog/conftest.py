"""Every contract test runs on each adapter: SQLite in its own folder, Kafka on one real broker for the session."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.chassis.eventlog import EventLog, open_event_log

PROJECT = Path(__file__).resolve().parents[3]
_numbers = itertools.count(1)


LEASE_S = 6.0
"""Long enough for a member on a machine that is busy with other things; members of Kafka hear of each other at a third of it."""


@dataclass
class Log:
    """One adapter under test: opens logs and programs on the same storage and closes them all at the end."""

    url: str
    short_lease_s: float
    """For members that are to lose theirs while the test waits."""
    _open: ExitStack = field(default_factory=ExitStack)

    def open(self, *, lease_s: float = LEASE_S, **options: float) -> EventLog:
        return self._open.enter_context(open_event_log(self.url, lease_s=lease_s, **options))

    def topic(self, log: EventLog, partitions: int = 4) -> str:
        name = f"coop.test.t{next(_numbers)}.v1"
        log.ensure_topics([name], partitions)
        return name

    def program(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a function of `programs.py` as a process of its own, with a short lease; its standard output is a text pipe."""
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.contract.eventlog.programs",
                name,
                self.url,
                str(self.short_lease_s),
                *arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
        )
        self._open.callback(_end, process)
        return process

    def close(self) -> None:
        self._open.close()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that is there answers in the end, however busy the machine."""
    monkeypatch.setattr("services.chassis.eventlog.kafka_settings.BOOTSTRAP_S", 60.0)


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    if request.param == "sqlite":
        log = Log(f"sqlite:///{tmp_path}/eventlog.db", short_lease_s=1.0)
    else:
        log = Log(request.getfixturevalue("kafka").url, short_lease_s=1.5)
    try:
        yield log
    finally:
        log.close()


@pytest.fixture
def group() -> str:
    return f"group-{next(_numbers)}"


@pytest.fixture
def log(storage: Log) -> EventLog:
    return storage.open()


@pytest.fixture
def topic(storage: Log, log: EventLog) -> str:
    """A new topic of four partitions."""
    return storage.topic(log)


@pytest.fixture
def one_partition(storage: Log, log: EventLog) -> str:
    """A new topic of one partition, for tests that count offsets."""
    return storage.topic(log, partitions=1)
