"""The instant of several files: nothing in one that came after what another lacks."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from services.chassis.clock import SystemClock
from services.chassis.errors import Refused
from services.chassis.sqlite import use_write_ahead_log
from services.staff.backup import cut as cutting
from services.staff.backup.cut import cut


def _made(path: Path) -> Path:
    connection = sqlite3.connect(path)
    use_write_ahead_log(connection)
    connection.execute("CREATE TABLE step (number INTEGER PRIMARY KEY, filling TEXT)")
    connection.commit()
    connection.close()
    return path


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM step").fetchone()[0])


def test_copies_agree_while_somebody_writes_to_both(tmp_path: Path) -> None:
    """The writer commits each number to the service's file first and then to the log, as an outbox's relay does."""
    service, log = _made(tmp_path / "billing.db"), _made(tmp_path / "eventlog.db")
    stop = threading.Event()
    written = threading.Semaphore(0)

    def write() -> None:
        first, second = sqlite3.connect(service), sqlite3.connect(log)
        number = 0
        while not stop.is_set():
            number += 1
            for connection in (first, second):
                connection.execute("INSERT INTO step VALUES (?, ?)", (number, "x" * 2000))
                connection.commit()
            written.release()
        first.close()
        second.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for attempt in range(8):
            for _ in range(5):
                written.acquire()
            with cut([log, service], SystemClock()) as taken:
                # The writer goes on behind the snapshots before and while they are copied.
                for _ in range(5):
                    written.acquire()
                for file in (service, log):
                    taken.copy(file, tmp_path / f"{attempt}-{file.name}")
            known = sqlite3.connect(tmp_path / f"{attempt}-billing.db")
            told = sqlite3.connect(tmp_path / f"{attempt}-eventlog.db")
            assert _newest(told) <= _newest(known) <= _newest(told) + 1
            assert known.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            known.close()
            told.close()
    finally:
        stop.set()
        writer.join()


def test_a_copy_is_one_file(tmp_path: Path) -> None:
    file = _made(tmp_path / "billing.db")
    with cut([file], SystemClock()) as taken:
        taken.copy(file, tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    copy.close()


def test_a_file_that_does_not_come_to_rest_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "BUSY_TIMEOUT_S", 0.05)
    file = _made(tmp_path / "billing.db")
    writer = sqlite3.connect(file)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(Refused, match=r"billing\.db did not come to rest"), cut([file], SystemClock()):
        pass
    writer.close()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError), cut([tmp_path / "biling.db"], SystemClock()):
        pass
    assert list(tmp_path.iterdir()) == []
