"""An import killed at any moment and made again ends with the totals of an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from services.metering.domain.hours import day_number, local_days
from services.metering.tables import day_curve, day_curve_history, kept_reading, readings_import
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import hourly, report

PROGRAM = Path(__file__).with_name("import_program.py")
ROOT = Path(__file__).resolve().parents[3]
H0 = local_days(MADRID).start_of(day_number(date(2026, 10, 1)))
SUPPLIES, UNKNOWN = 40, 5


def start(metering: Metering, folder: Path, file: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"}
    url = metering.database.url.render_as_string(hide_password=False)
    arguments = [sys.executable, str(PROGRAM), url, str(folder), str(file)]
    return subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_half_way_and_imported_again(metering: Metering, tmp_path: Path, seed: int) -> None:
    for number in range(SUPPLIES):
        metering.tell(supply_message(f"s{number}", (f"M{number}", "2020-01-01", "")))
    file = tmp_path / "october.xml"
    file.write_bytes(report(*(hourly(f"M{n}", H0, [n + i % 7 for i in range(745)]) for n in range(SUPPLIES + UNKNOWN))))
    steps = random.Random(seed).randint(1, 8)
    killed = start(metering, tmp_path / "incoming", file)
    assert killed.stdout is not None
    for _ in range(steps):
        assert "Progress" in killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()

    with metering.database.read() as connection:
        interrupted = connection.execute(select(readings_import)).one()
        days = connection.execute(select(day_curve)).all()
    assert interrupted.finished_at is None
    # Whole meters only: each supply has its whole month or nothing.
    for point in {row.point_key for row in days}:
        assert sum(row.point_key == point for row in days) == 31
    stored = {row.point_key for row in days}
    assert 0 < len(stored) < SUPPLIES + 1

    record = metering.load(file.read_bytes(), "october.xml").record
    assert record.accepted + record.of_unknown_meters + record.duplicates == (SUPPLIES + UNKNOWN) * 745
    assert record.accepted == (SUPPLIES - len(stored)) * 745
    for number in (0, 1, SUPPLIES - 1):
        answer = metering.energy(f"s{number}", date(2026, 10, 1), date(2026, 11, 1))
        assert sum(e.import_wh for e in answer.energy) == sum(number + i % 7 for i in range(745))
        assert answer.hours_missing == 0
    with metering.database.read() as connection:
        assert connection.execute(select(day_curve_history)).all() == []
        assert len(connection.execute(select(kept_reading)).all()) == UNKNOWN * 31
    # One event per supply and month, however often the import began.
    assert sorted(event.supply_id for event in metering.events()) == sorted(f"s{n}" for n in range(SUPPLIES))
