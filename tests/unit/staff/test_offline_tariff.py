"""`coopctl tariff periods` through the command itself, against the hour counts and dates of the circular."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from services.staff.cli import run

Capture = pytest.CaptureFixture[str]


def periods(capsys: Capture, tariff: str, zone: str, start: str, end: str) -> list[dict[str, Any]]:
    """The command's document."""
    assert run(["tariff", "periods", "--tariff", tariff, "--zone", zone, "--from", start, "--to", end, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows: list[dict[str, Any]] = json.loads(captured.out)
    return rows


def energy_counts(rows: list[dict[str, Any]]) -> list[int]:
    found = Counter(row["energy_period"] for row in rows)
    return [found[f"P{number}"] for number in range(1, 7) if found[f"P{number}"]]


def of_day(rows: list[dict[str, Any]]) -> str:
    """A day's energy periods, one digit an hour."""
    return "".join(row["energy_period"][1] for row in rows)


@pytest.mark.parametrize(
    ("tariff", "start", "end", "expected"),
    [
        ("2.0TD", "2026-01-01", "2027-01-01", [2040, 2040, 4680]),
        ("2.0TD", "2027-01-01", "2028-01-01", [2040, 2040, 4680]),
        ("2.0TD", "2028-01-01", "2029-01-01", [2016, 2016, 4752]),
        ("2.0TD", "2026-10-01", "2026-11-01", [168, 168, 409]),
        ("3.0TD", "2026-01-01", "2027-01-01", [756, 975, 886, 1022, 441, 4680]),
        ("3.0TD", "2027-01-01", "2028-01-01", [738, 970, 902, 1029, 441, 4680]),
        ("6.1TD", "2026-01-01", "2027-01-01", [756, 975, 886, 1022, 441, 4680]),
        ("3.0TD", "2026-10-01", "2026-11-01", [189, 147, 409]),
    ],
)
def test_hours_of_the_peninsula(capsys: Capture, tariff: str, start: str, end: str, expected: list[int]) -> None:
    assert energy_counts(periods(capsys, tariff, "peninsula", start, end)) == expected


@pytest.mark.parametrize(
    ("date", "after", "expected"),
    [
        ("2026-01-06", "2026-01-07", [24]),
        ("2026-04-03", "2026-04-04", [8, 8, 8]),  # Good Friday has no fixed date: an ordinary day
        ("2026-10-12", "2026-10-13", [24]),
        ("2026-11-02", "2026-11-03", [8, 8, 8]),  # the Monday to which some regions move 1 November
        ("2026-03-29", "2026-03-30", [23]),
        ("2026-10-25", "2026-10-26", [25]),
    ],
)
def test_days_that_are_easily_taken_wrongly(capsys: Capture, date: str, after: str, expected: list[int]) -> None:
    assert energy_counts(periods(capsys, "2.0TD", "peninsula", date, after)) == expected


def test_an_autumn_weekend_row_by_row(capsys: Capture) -> None:
    rows = periods(capsys, "2.0TD", "peninsula", "2026-10-24", "2026-10-27")
    assert len(rows) == 73
    assert rows[0] == {"start": "2026-10-24T00:00:00+02:00", "energy_period": "P3", "power_period": "P2"}
    assert [row["start"] for row in rows[25:29]] == [
        "2026-10-25T01:00:00+02:00",
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T03:00:00+01:00",
    ]
    assert rows[-1]["start"] == "2026-10-26T23:00:00+01:00"
    instants = [datetime.fromisoformat(row["start"]).timestamp() for row in rows]
    assert {after - before for before, after in pairwise(instants)} == {3600}


def test_the_spring_day_has_no_hour_two(capsys: Capture) -> None:
    starts = [row["start"] for row in periods(capsys, "3.0TD", "peninsula", "2026-03-29", "2026-03-30")]
    assert starts[1:3] == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]


@pytest.mark.parametrize(
    ("tariff", "zone", "date", "after", "expected"),
    [
        ("2.0TD", "peninsula", "2026-01-14", "2026-01-15", "333333332211112222111122"),
        ("2.0TD", "baleares", "2026-01-14", "2026-01-15", "333333332211112222111122"),
        ("2.0TD", "canarias", "2026-01-14", "2026-01-15", "333333332211112222111122"),
        ("2.0TD", "ceuta", "2026-01-14", "2026-01-15", "333333332221111222211112"),
        ("2.0TD", "melilla", "2026-01-14", "2026-01-15", "333333332221111222211112"),
        ("3.0TD", "peninsula", "2026-01-14", "2026-01-15", "666666662111112222111122"),
        ("3.0TD", "baleares", "2026-01-14", "2026-01-15", "666666664433333444333344"),
        ("3.0TD", "canarias", "2026-01-14", "2026-01-15", "666666664422222444222244"),
        ("3.0TD", "canarias", "2026-07-15", "2026-07-16", "666666663311111333111133"),
        ("3.0TD", "ceuta", "2026-01-14", "2026-01-15", "666666664411111444411114"),
        ("3.0TD", "ceuta", "2026-04-15", "2026-04-16", "666666665533333555533335"),
        ("6.4TD", "melilla", "2026-04-15", "2026-04-16", "666666665544444555544445"),
    ],
)
def test_a_working_day_of_every_zone(
    capsys: Capture, tariff: str, zone: str, date: str, after: str, expected: str
) -> None:
    assert of_day(periods(capsys, tariff, zone, date, after)) == expected


def test_the_canaries_read_their_own_clock(capsys: Capture) -> None:
    rows = periods(capsys, "2.0TD", "canarias", "2026-10-25", "2026-10-26")
    assert [row["start"] for row in rows[:3]] == [
        "2026-10-25T00:00:00+01:00",
        "2026-10-25T01:00:00+01:00",
        "2026-10-25T01:00:00+00:00",
    ]


def test_power_periods(capsys: Capture) -> None:
    two = periods(capsys, "2.0TD", "peninsula", "2026-01-12", "2026-01-19")
    assert {(row["energy_period"], row["power_period"]) for row in two} == {("P1", "P1"), ("P2", "P1"), ("P3", "P2")}
    six = periods(capsys, "6.1TD", "melilla", "2026-01-01", "2027-01-01")
    assert all(row["energy_period"] == row["power_period"] for row in six)


def test_one_period_and_a_clock_without_summer_time_in_argentina(capsys: Capture) -> None:
    rows = periods(capsys, "flat", "America/Argentina/Buenos_Aires", "2026-10-25", "2026-10-26")
    assert len(rows) == 24
    assert rows[0] == {"start": "2026-10-25T00:00:00-03:00", "energy_period": "P1", "power_period": "P1"}


def test_years_at_a_time_take_seconds(capsys: Capture) -> None:
    began = time.process_time()
    rows = periods(capsys, "3.0TD", "ceuta", "2020-01-01", "2045-01-01")
    assert len(rows) == 219_168
    assert time.process_time() - began < 60


def test_the_first_and_the_last_known_year(capsys: Capture) -> None:
    assert len(periods(capsys, "2.0TD", "peninsula", "2000-01-01", "2001-01-01")) == 8784
    last = periods(capsys, "2.0TD", "canarias", "2099-01-01", "2100-01-01")
    assert (len(last), last[-1]["start"]) == (8760, "2099-12-31T23:00:00+00:00")


def test_for_people_there_are_columns_and_the_sum(capsys: Capture) -> None:
    run(["tariff", "periods", "--tariff", "2.0TD", "--zone", "peninsula", "--from", "2026-10-25", "--to", "2026-10-27"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Start", "Energy", "period", "Power", "period"]
    assert lines[1].split() == ["2026-10-25T00:00:00+02:00", "P3", "P2"]
    assert lines[-1] == "49 hours: P1 8, P2 8, P3 33"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--tariff", "2.0", "--zone", "peninsula", "--from", "2026-01-01", "--to", "2026-02-01"],
            "Tariff '2.0' is unknown",
        ),
        (
            ["--tariff", "2.0TD", "--zone", "madrid", "--from", "2026-01-01", "--to", "2026-02-01"],
            "peninsula, baleares",
        ),
        (["--tariff", "2.0TD", "--zone", "", "--from", "2026-01-01", "--to", "2026-02-01"], "is unknown"),
        (
            ["--tariff", "2.0TD", "--zone", "peninsula", "--from", "2026-02-01", "--to", "2026-01-01"],
            "--to is excluded",
        ),
        (["--tariff", "2.0TD", "--zone", "peninsula", "--from", "2026-02-01", "--to", "2026-02-01"], "there is no day"),
        (["--tariff", "2.0TD", "--zone", "peninsula", "--from", "2026-02-30", "--to", "2026-03-01"], "not a date"),
        (["--tariff", "2.0TD", "--zone", "peninsula", "--from", "1999-12-31", "--to", "2000-03-01"], "2000-01-01"),
        (["--tariff", "2.0TD", "--zone", "peninsula", "--from", "2026-01-01"], "Missing option '--to'"),
        (["--zone", "peninsula", "--from", "2026-01-01", "--to", "2026-02-01"], "Missing option '--tariff'"),
    ],
)
def test_wrong_use_ends_with_2_and_prints_nothing(capsys: Capture, arguments: list[str], said: str) -> None:
    assert run(["tariff", "periods", *arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_it_starts_without_what_talks_to_services() -> None:
    code = (
        "import sys; from services.staff.cli import run; run(['tariff', 'periods', '--tariff', '2.0TD', '--zone',"
        " 'ceuta', '--from', '2026-01-01', '--to', '2026-01-02', '--json']);"
        " sys.exit(', '.join({'grpc', 'google.protobuf', 'sqlalchemy'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 24
