"""`coopctl curve` through the command itself: exact documents, clean streams, exit codes."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.metering.domain.hours import hour_number
from services.staff.cli import run
from tests.support.prime_files import hourly, meter, report, row

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).resolve().parents[3]
WORKING_DAY = datetime(2026, 10, 13, 22, tzinfo=UTC)  # local midnight of Wednesday 14 October 2026


def hour(*at: int) -> int:
    """Hour number of a UTC instant."""
    return hour_number(datetime(*at, tzinfo=UTC))  # type: ignore[misc]


def document(capsys: Capture, *arguments: object, code: int = 0) -> tuple[Any, str]:
    """The command's document and what it said on stderr."""
    assert run([*map(str, arguments), "--json"]) == code
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


@pytest.fixture
def day_file(tmp_path: Path) -> Path:
    """A working day in which the hour that starts at h has h + 1 Wh."""
    path = tmp_path / "day.xml"
    path.write_bytes(report(hourly("CIR1", hour_number(WORKING_DAY), range(1, 25))))
    return path


def test_inspect_gives_the_whole_document(tmp_path: Path, capsys: Capture) -> None:
    first = hour(2026, 9, 30, 20)  # 22:00 on the last local day of September
    rows = [
        row(first, 10),
        row(first + 1, 20, export=7),
        row(first + 2, 30),
        row(first + 3, "FFFF"),
        row(first + 4, 5, bc="08"),
    ]
    path = tmp_path / "a.xml"
    path.write_bytes(report(meter("CIR1", rows)))
    found, said = document(capsys, "curve", "inspect", path)
    assert said == ""
    (file,) = found["files"]
    assert list(file) == ["file", "format", "supplies", "quarantined"]
    assert (file["file"], file["format"]) == (str(path), "PRIME S02")
    september = {
        "month": "2026-09",
        "hours": 2,
        "import_wh": 30,
        "export_wh": 7,
        "real": 2,
        "estimated": 0,
        "first": "2026-09-30T22:00:00+02:00",
        "last": "2026-09-30T23:00:00+02:00",
    }
    october = september | {
        "month": "2026-10",
        "import_wh": 35,
        "export_wh": 0,
        "real": 1,
        "estimated": 1,
        "first": "2026-10-01T00:00:00+02:00",
        "last": "2026-10-01T02:00:00+02:00",
    }
    assert file["supplies"] == [{"supply": "CIR1", "months": [september, october]}]
    (refused,) = file["quarantined"]
    assert list(refused) == ["line", "value", "reason"]
    assert refused["line"] == 7
    assert "FFFF" in refused["value"]
    assert refused["reason"].endswith(".")


def test_a_month_with_the_repeated_hour_has_745(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "october.xml"
    path.write_bytes(report(hourly("CIR1", hour(2026, 9, 30, 22), [100] * 745)))
    found, _ = document(capsys, "curve", "inspect", path)
    (month,) = found["files"][0]["supplies"][0]["months"]
    assert (month["hours"], month["import_wh"], month["real"]) == (745, 74_500, 745)
    assert (month["first"], month["last"]) == ("2026-10-01T00:00:00+02:00", "2026-10-31T23:00:00+01:00")
    energy, _ = document(capsys, "curve", "periods", path, "--tariff", "2.0TD", "--zone", "peninsula")
    assert energy == [
        {
            "supply": "CIR1",
            "invoice": None,
            "month": "2026-10",
            "hours": 745,
            "wh": {"P1": 16_800, "P2": 16_800, "P3": 40_900},
        }
    ]
    energy, _ = document(capsys, "curve", "periods", path, "--tariff", "3.0TD", "--zone", "peninsula")
    assert energy[0]["wh"] == {"P1": 0, "P2": 0, "P3": 0, "P4": 18_900, "P5": 14_700, "P6": 40_900}


def test_periods_of_a_working_day(day_file: Path, capsys: Capture) -> None:
    found, _ = document(capsys, "curve", "periods", day_file, "--tariff", "2.0TD", "--zone", "peninsula")
    assert [(one["hours"], one["wh"]) for one in found] == [(24, {"P1": 132, "P2": 132, "P3": 36})]
    found, _ = document(capsys, "curve", "periods", day_file, "--tariff", "2.0TD", "--zone", "ceuta")
    assert found[0]["wh"] == {"P1": 140, "P2": 124, "P3": 36}


def test_the_canaries_read_their_own_stamps(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(report(hourly("CIR1", hour(2026, 10, 13, 23), range(1, 25), zone="Atlantic/Canary")))
    found, _ = document(capsys, "curve", "inspect", path, "--zone", "canarias")
    assert found["files"][0]["supplies"][0]["months"][0]["first"] == "2026-10-14T00:00:00+01:00"
    found, _ = document(capsys, "curve", "periods", path, "--tariff", "2.0TD", "--zone", "canarias")
    assert found[0]["wh"] == {"P1": 132, "P2": 132, "P3": 36}


def test_argentine_hours_have_one_period(tmp_path: Path, capsys: Capture) -> None:
    zone = "America/Argentina/Buenos_Aires"
    path = tmp_path / "a.xml"
    path.write_bytes(report(hourly("CIR1", hour(2026, 10, 1, 3), [5, 6], zone=zone)))
    found, _ = document(capsys, "curve", "periods", path, "--tariff", "flat", "--zone", zone)
    assert found == [{"supply": "CIR1", "invoice": None, "month": "2026-10", "hours": 2, "wh": {"P1": 11}}]


def test_the_range_is_half_open_and_local(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(report(hourly("CIR1", hour(2026, 10, 22, 22), [1] * 97)))  # 23 to 26 October, one of 25 hours
    asked = ("curve", "periods", path, "--tariff", "2.0TD", "--zone", "peninsula")
    found, _ = document(capsys, *asked, "--from", "2026-10-25", "--to", "2026-10-26")
    assert [(one["hours"], one["wh"]["P3"]) for one in found] == [(25, 25)]
    found, _ = document(capsys, *asked, "--from", "2026-10-24")
    assert found[0]["hours"] == 73
    found, _ = document(capsys, *asked, "--to", "2026-10-24")
    assert found[0]["hours"] == 24
    found, _ = document(capsys, *asked, "--from", "2027-01-01")
    assert found == []


def test_packed_files_and_folders_are_read(day_file: Path, tmp_path: Path, capsys: Capture) -> None:
    content = day_file.read_bytes()
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    (folder / "a.gz").write_bytes(gzip.compress(content))
    (folder / "below" / "b").write_bytes(bz2.compress(content))
    (folder / ".hidden").write_bytes(b"x")
    with zipfile.ZipFile(folder / "c.dat", "w") as archive:
        archive.writestr("inside.xml", content)
    found, said = document(capsys, "curve", "inspect", folder, folder / "a.gz")
    assert said == ""
    assert [file["file"] for file in found["files"]] == [str(folder / name) for name in ("a.gz", "below/b", "c.dat")]
    assert {file["supplies"][0]["months"][0]["import_wh"] for file in found["files"]} == {300}
    energy, said = document(capsys, "curve", "periods", folder, "--tariff", "2.0TD", "--zone", "peninsula")
    assert said == ""
    assert [(one["hours"], sum(one["wh"].values())) for one in energy] == [(24, 300)]


def test_a_later_file_corrects_an_earlier_one_and_that_is_said(day_file: Path, tmp_path: Path, capsys: Capture) -> None:
    later = tmp_path / "later.xml"
    later.write_bytes(report(hourly("CIR1", hour_number(WORKING_DAY), [1, 1002])))
    asked = ("--tariff", "2.0TD", "--zone", "peninsula")
    found, said = document(capsys, "curve", "periods", day_file, later, *asked)
    assert (found[0]["hours"], found[0]["wh"]["P3"]) == (24, 1036)
    assert said == "CIR1: hours with different values in several files: 1; the file read last was believed.\n"


def test_bad_files_do_not_stop_the_good_ones(day_file: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "letter.txt").write_text("Dear cooperative,\n", encoding="utf-8")
    (tmp_path / "bare").mkdir()
    files = [tmp_path / name for name in ("empty", "letter.txt", "bare", "nowhere")]
    found, said = document(capsys, "curve", "inspect", *files, day_file)
    assert [file["file"] for file in found["files"]] == [str(day_file)]
    lines = said.splitlines()
    assert len(lines) == 4
    assert [str(path) in line for path, line in zip(files, lines, strict=True)] == [True] * 4
    found, said = document(capsys, "curve", "periods", *files, day_file, "--tariff", "2.0TD", "--zone", "peninsula")
    assert len(found) == 1
    assert len(said.splitlines()) == 4


@pytest.mark.parametrize("name", ["empty", "letter.txt", "bare", "nowhere", "cut.gz", "picture"])
def test_nothing_readable_ends_with_1_and_an_empty_document(tmp_path: Path, capsys: Capture, name: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "letter.txt").write_text("Dear cooperative,\n", encoding="utf-8")
    (tmp_path / "bare").mkdir()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"<Report/>")[:8])
    (tmp_path / "picture").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    path = tmp_path / name
    found, said = document(capsys, "curve", "inspect", path, code=1)
    assert found == {"files": []}
    assert str(path) in said and len(said.splitlines()) == 1
    found, said = document(capsys, "curve", "periods", path, "--tariff", "2.0TD", "--zone", "ceuta", code=1)
    assert found == []
    assert str(path) in said
    assert run(["curve", "inspect", str(path)]) == 1
    assert capsys.readouterr().out == ""
    assert run(["curve", "periods", str(path), "--tariff", "2.0TD", "--zone", "ceuta"]) == 1
    assert capsys.readouterr().out == ""


def test_a_report_cut_short_gives_what_it_has_and_says_so(day_file: Path, capsys: Capture) -> None:
    content = day_file.read_bytes()
    day_file.write_bytes(content[: len(content) // 2])
    found, said = document(capsys, "curve", "inspect", day_file)
    assert 5 < found["files"][0]["supplies"][0]["months"][0]["hours"] < 24
    assert said.startswith(f"{day_file}: ")


def test_a_file_name_that_is_no_text_is_still_a_document(day_file: Path, tmp_path: Path, capsys: Capture) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.xml")
    odd.write_bytes(day_file.read_bytes())
    found, _ = document(capsys, "curve", "inspect", odd)
    assert found["files"][0]["file"] == f"{tmp_path}/caf\\xe9.xml"


def test_for_people_there_are_tables(day_file: Path, capsys: Capture) -> None:
    day_file.write_bytes(day_file.read_bytes().replace(b'AI="9"', b'AI="x"'))
    assert run(["curve", "inspect", str(day_file)]) == 0
    said = capsys.readouterr().out
    assert f"{day_file} (PRIME S02)" in said
    assert ["CIR1", "2026-10", "23", "of", "745", "291", "0", "23", "0", "14", "00:00", "14", "23:00"] in [
        line.split() for line in said.splitlines()
    ]
    assert "Quarantined rows" in said
    assert run(["curve", "periods", str(day_file), "--tariff", "2.0TD", "--zone", "peninsula"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].split() == ["Supply", "Invoice", "Month", "Hours", "P1", "Wh", "P2", "Wh", "P3", "Wh", "Total", "Wh"]
    assert said[2].split() == ["CIR1", "2026-10", "23", "132", "123", "36", "291"]


def test_a_file_does_not_command_the_terminal(day_file: Path, capsys: Capture) -> None:
    evil = "\N{CONTROL SEQUENCE INTRODUCER}31m"
    day_file.write_bytes(day_file.read_bytes().replace(b'AI="9"', f'AI="{evil}"'.encode()))
    assert run(["curve", "inspect", str(day_file)]) == 0
    assert "\N{REPLACEMENT CHARACTER}31m" in capsys.readouterr().out
    found, _ = document(capsys, "curve", "inspect", day_file)
    assert evil in found["files"][0]["quarantined"][0]["value"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect"], "Missing argument"),
        (["inspect", "x", "--zone", "atlantis"], "Zone 'atlantis' is unknown"),
        (["inspect", "x", "--zone", "Asia/Kolkata"], "not a whole number of hours"),
        (["periods", "x", "--zone", "peninsula"], "Missing option '--tariff'"),
        (["periods", "x", "--tariff", "2.0TD"], "Missing option '--zone'"),
        (["periods", "x", "--tariff", "2.1A", "--zone", "peninsula"], "Tariff '2.1A' is unknown"),
        (["periods", "x", "--tariff", "2.0TD", "--zone", "Europe/Madrid"], "known are peninsula"),
        (
            ["periods", "x", "--tariff", "2.0TD", "--zone", "ceuta", "--from", "2026-02-01", "--to", "2026-01-01"],
            "--to is excluded",
        ),
        (["periods", "x", "--tariff", "2.0TD", "--zone", "ceuta", "--from", "May"], "not a date of the calendar"),
        (["curve"], "curve"),
    ],
)
def test_wrong_use_ends_with_2(capsys: Capture, arguments: list[str], said: str) -> None:
    assert run(["curve", *arguments, "--json"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_it_starts_without_what_talks_to_services(day_file: Path) -> None:
    code = (
        f"import sys; from services.staff.cli import run; run(['curve', 'inspect', {str(day_file)!r}, '--json']);"
        " sys.exit(', '.join({'grpc', 'google.protobuf', 'sqlalchemy'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["files"][0]["format"] == "PRIME S02"


def test_inspect_shows_register_readings_beside_the_rest(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "water.csv"
    path.write_text("meter;date;reading;unit\nW1;31/10/2026;12,5;m3\nW1;31/02/2026;13;m3\n")
    found, _ = document(capsys, "curve", "inspect", path)
    (file,) = found["files"]
    assert list(file) == ["file", "format", "supplies", "quarantined", "closes"]
    assert (file["format"], file["supplies"], [row["line"] for row in file["quarantined"]]) == ("Register CSV", [], [3])
    assert file["closes"] == [
        {
            "meter": "W1",
            "supply": "",
            "day": "2026-11-01",
            "since": None,
            "origin": "visual",
            "unit": "litre",
            "registers": {"water": [12_500]},
            "totals": {},
            "max_power": [],
            "line": 2,
        }
    ]
    assert run(["curve", "inspect", str(path)]) == 0
    said = capsys.readouterr()
    assert said.err == "" and said.out.splitlines()[2].split()[-2:] == ["12.500", "m3"]
    assert said.out.startswith(f"{path} (Register CSV): register readings\n")


def test_registers_say_what_they_count(tmp_path: Path, capsys: Capture) -> None:
    """Active energy in kWh, reactive in kvarh."""
    path = tmp_path / "S05.xml"
    path.write_text(
        '<Report IdRpt="S05"><Cnc Id="C"><Cnt Id="M1"><S05 Fh="20261101000000000W" Ctr="1" Pt="0">'
        '<Value AIa="308" AEa="0" R1a="185" R2a="0" R3a="0" R4a="2"/></S05></Cnt></Cnc></Report>',
        encoding="utf-8",
    )
    assert run(["curve", "inspect", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[-3:] for words in lines[2:]] == [
        ["import", "308", "kWh"],
        ["r1", "185", "kvarh"],
        ["r4", "2", "kvarh"],
    ]
