"""`coopctl curve share`: curve files and an agreement in, what each participant is billed by out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.metering.domain.formats import read_curve_file
from services.metering.domain.hours import hour_number
from services.staff.cli import run
from tests.unit.metering.formats.curve_writers import Hour, f5d

Capture = pytest.CaptureFixture[str]
PLANT = "ES0575000000000878HG0F"
PEOPLE = (
    "ES0575000000000001AR0F",
    "ES0575000000000002AW0F",
    "ES0575000000000123PP0F",
    "ES0575000000000877HA0F",
    "ES0575000000000999TX0F",
)
CAU = "ES0575000000000878HG0FA001"
NOON = hour_number(datetime(2026, 10, 25, 11, tzinfo=UTC))
NIGHT = hour_number(
    datetime(2026, 10, 25, 0, tzinfo=UTC)
)  # 02:00 to 03:00 in summer time; an hour later in winter time
CONSUMPTION = (2_000, 4_000, 2_500, 1_500, 1_000)


def curves(tmp_path: Path, *, plant: list[Hour] | None = None, without: str = "") -> Path:
    """A tenth of the worked hour at noon, and both hours of the night in which the clock goes back, when the plant takes 3 Wh."""
    folder = tmp_path / "curves"
    folder.mkdir()
    given = plant or [Hour(NIGHT, 3), Hour(NIGHT + 1, 3), Hour(NOON, 0, 10_000)]
    (folder / "plant.txt").write_bytes(f5d(given, PLANT))
    for supply, wh in zip(PEOPLE, CONSUMPTION, strict=True):
        if supply != without:
            (folder / f"{supply}.txt").write_bytes(
                f5d([Hour(NIGHT, 100), Hour(NIGHT + 1, 200), Hour(NOON, wh)], supply)
            )
    return folder


def agreement(tmp_path: Path, coefficient: str = "0,2", year: int = 2026) -> Path:
    path = tmp_path / f"{CAU}_{year}.txt"
    path.write_text("".join(f"{supply};{coefficient}\n" for supply in PEOPLE), encoding="ascii")
    return path


def share(capsys: Capture, *arguments: Any, code: int = 0) -> tuple[str, str]:
    assert run(["curve", "share", *map(str, arguments)]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err.replace("\n", " ")


def test_the_worked_hour_and_a_night(tmp_path: Path, capsys: Capture) -> None:
    arguments = (curves(tmp_path), "--coefficients", agreement(tmp_path), "--generation", PLANT)
    out, err = share(capsys, *arguments, "--json")
    found = json.loads(out)
    assert err == ""
    assert (found["cau"], found["generation"]) == (CAU, [{"month": "2026-10", "hours": 3, "wh": 10_000}])
    rows = found["participants"]
    assert rows[3] == {
        "supply": PEOPLE[3],
        "month": "2026-10",
        "hours": 3,
        "consumption_wh": 1_800,
        "share_wh": 2_000,
        "self_wh": 1_500,
        "grid_wh": 300,
        "surplus_wh": 500,
    }
    sums = {field: sum(row[field] for row in rows) for field in ("self_wh", "grid_wh", "surplus_wh")}
    assert sums == {"self_wh": 8_500, "grid_wh": 2_500 + 5 * 300, "surplus_wh": 1_500}
    people, _ = share(capsys, *arguments)
    assert CAU in people and "1,800" in people


def test_the_file_it_writes_is_a_curve_file(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "F5D_0575_0001_20261101.0"
    share(
        capsys,
        curves(tmp_path),
        "--coefficients",
        agreement(tmp_path),
        "--generation",
        PLANT[:20],
        "--out",
        out,
        "--json",
    )
    read = read_curve_file(out, out.name)
    assert (read.format, read.quarantined_count) == ("F5D", 0)
    last = next(curve for curve in read.supplies if curve.supply == PEOPLE[4])
    assert last.start_hours.tolist() == [NIGHT, NIGHT + 1, NOON]
    assert last.values[:, :2].tolist() == [[100, 0], [200, 0], [0, 1_000]]
    assert last.quality.tolist() == [1, 1, 1]


def test_an_estimated_generation_leaves_estimated_hours(tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "hours.txt"
    folder = curves(tmp_path, plant=[Hour(NOON, 0, 10_000, method=3)])
    _, err = share(capsys, folder, "--coefficients", agreement(tmp_path), "--generation", PLANT, "--out", out)
    assert "2 hours are not settled, because those of the generation are missing" in err
    assert [curve.quality.tolist() for curve in read_curve_file(out, "hours.txt").supplies] == [[3]] * 5


def test_what_is_missing_is_said(tmp_path: Path, capsys: Capture) -> None:
    plant = [Hour(NIGHT, 0), Hour(NIGHT + 1, 0), Hour(NOON, 0, 10_000), Hour(NOON + 1, 0, 50_000)]
    folder = curves(tmp_path, plant=plant, without=PEOPLE[2])
    (folder / "again.txt").write_bytes(f5d([Hour(NOON, 7, 5)], PEOPLE[0]))
    out, err = share(capsys, folder, "--coefficients", agreement(tmp_path), "--generation", PLANT, "--json")
    assert [row["supply"] for row in json.loads(out)["participants"]] == [
        supply for supply in PEOPLE if supply != PEOPLE[2]
    ]
    assert f"{PEOPLE[2]} is not in the files: its share is not settled." in err
    assert f"{PEOPLE[1]}: 1 hours in which there was generation are missing and not settled." in err
    assert f"{PEOPLE[0]} fed in energy of its own" in err


def test_only_the_days_asked_for(tmp_path: Path, capsys: Capture) -> None:
    arguments = (curves(tmp_path), "--coefficients", agreement(tmp_path), "--generation", PLANT, "--json")
    out, _ = share(capsys, *arguments, "--to", "2026-10-25")
    assert json.loads(out)["participants"] == []


def test_what_cannot_be_shared(tmp_path: Path, capsys: Capture) -> None:
    folder, good = curves(tmp_path), agreement(tmp_path)
    _, err = share(capsys, folder, "--coefficients", good, "--generation", "ES0575000000001234XS", code=1)
    assert "The generation 'ES0575000000001234XS' is not in the files; they have ES05750000000" in err
    _, err = share(capsys, folder, "--coefficients", tmp_path / "none.txt", "--generation", PLANT, code=1)
    assert "cannot be read" in err
    late = agreement(tmp_path, year=2027)
    _, err = share(capsys, folder, "--coefficients", late, "--generation", PLANT, code=1)
    assert "There are no coefficients for 2026" in err
    _, err = share(capsys, folder, "--coefficients", good, "--generation", PLANT, "--out", tmp_path, code=1)
    assert "cannot be written: Is a directory." in err
    uneven = agreement(tmp_path, "0,3")
    _, err = share(capsys, folder, "--coefficients", uneven, "--generation", PLANT, code=1)
    assert "sum to 1,500000, and they must sum to 1 exactly" in err
