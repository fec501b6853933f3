"""What is particular to the SQLite event log: how fast it tells other processes, and how little it costs to wait."""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from services.chassis.eventlog import EventLogUnavailable, Record, open_event_log, sqlite_pulse
from services.chassis.eventlog.sqlite_store import partition_number

TOPIC = "coop.test.latency.v1"
PROJECT = Path(__file__).resolve().parents[3]
APPENDER = f"""
import sys, threading, time
from services.chassis.eventlog import Record, open_event_log
with open_event_log(sys.argv[1]) as log:
    for n in range(30):
        threading.Event().wait(0.07)
        log.append([Record("{TOPIC}", "k", repr(time.time()).encode())])
"""


def test_a_waiting_consumer_hears_of_another_process_s_append_soon_and_costs_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/eventlog.db"
    with open_event_log(url) as log:
        log.ensure_topics([TOPIC])
        with log.consumer("group", [TOPIC]) as consumer:
            consumer.poll(0.1)
            with subprocess.Popen(
                [sys.executable, "-c", APPENDER, url], env=os.environ | {"PYTHONPATH": str(PROJECT)}
            ) as appender:
                delays: list[float] = []
                deadline = time.monotonic() + 120
                while len(delays) < 30:
                    assert time.monotonic() < deadline
                    delays += [time.time() - float(record.value) for record in consumer.poll(1)]
                assert appender.wait(60) == 0
            # Typical: 12 ms. The quicker quarter is not slowed down by what else the machine does; looking once in a while
            # would take a quarter of the while at least.
            assert statistics.quantiles(delays, n=4)[0] < 0.2
            looks = 0
            last_write = sqlite_pulse._last_write

            def counting(file: str) -> tuple[int, int] | None:
                nonlocal looks
                looks += 1
                return last_write(file)

            monkeypatch.setattr(sqlite_pulse, "_last_write", counting)
            consumer.poll(2.0)
            assert 0 < looks < 2.0 / sqlite_pulse.SLOWEST_LOOK_S + 40  # a look costs one call of the system


def test_an_append_by_the_same_process_wakes_its_consumers_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_pulse, "SLOWEST_LOOK_S", 3600.0)  # nobody finds it by looking
    with open_event_log(f"sqlite:///{tmp_path}/eventlog.db") as log:
        log.ensure_topics([TOPIC])
        with log.consumer("group", [TOPIC]) as consumer:
            consumer.poll(0.1)
            timer = threading.Timer(0.3, lambda: log.append([Record(TOPIC, "k", repr(time.time()).encode())]))
            timer.start()
            (record,) = consumer.poll(60)
            assert record.key == "k"
            timer.join()


def test_a_process_that_stops_does_not_wait_for_its_consumers(tmp_path: Path) -> None:
    with open_event_log(f"sqlite:///{tmp_path}/eventlog.db") as log:
        log.ensure_topics([TOPIC])
        with log.consumer("group", [TOPIC]) as consumer:
            consumer.poll(0.1)
            started = time.monotonic()
            threading.Timer(0.2, log.hurry).start()
            assert consumer.poll(120) == []
            assert time.monotonic() - started < 60
            # What is there is still given out.
            log.append([Record(TOPIC, "k", b"last")])
            assert [record.value for record in consumer.poll(30)] == [b"last"]


def test_the_partition_of_a_key_is_fixed_for_ever() -> None:
    """Changing these would send the events of living aggregates elsewhere than their earlier ones."""
    assert [partition_number(key, 4) for key in ("a", "b", "supply-1", "ñ")] == [3, 1, 1, 0]
    assert partition_number("123456789", 2**32) == 0xCBF43926  # the check value of CRC-32 (ISO-HDLC)


def test_a_file_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "eventlog.db"
    open_event_log(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(EventLogUnavailable, match="has format 99 and this program reads format 1"):
        open_event_log(f"sqlite:///{path}")


def test_many_processes_may_open_a_new_file_together(tmp_path: Path) -> None:
    program = "import sys; from services.chassis.eventlog import open_event_log; open_event_log(sys.argv[1]).close()"
    url = f"sqlite:///{tmp_path}/eventlog.db"
    starts = [
        subprocess.Popen([sys.executable, "-c", program, url], env=os.environ | {"PYTHONPATH": str(PROJECT)})
        for _ in range(6)
    ]
    assert [process.wait(120) for process in starts] == [0] * 6
