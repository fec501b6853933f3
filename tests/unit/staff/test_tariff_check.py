"""`coopctl tariff check` through the command itself, on the tables as they are and on broken copies."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from services.billing.jurisdictions.check import FOLDER
from services.staff.cli import run

Capture = pytest.CaptureFixture[str]
PROFILES = Path(__file__).resolve().parents[3] / "profiles"


def broken(tmp_path: Path, file: str, old: str, new: str) -> Path:
    """A copy of the tables with one text replaced."""
    folder = tmp_path / "tables"
    for country in ("es", "ar"):
        shutil.copytree(FOLDER / country, folder / country, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = folder / file
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    return folder


def document(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    assert run(["tariff", "check", "--json", *arguments]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    found: dict[str, Any] = json.loads(captured.out)
    return found


def test_the_tables_have_neither_gap_nor_overlap(capsys: Capture) -> None:
    found = document(capsys)
    assert found["problems"] == []
    assert {each["jurisdiction"] for each in found["tables"]} == {"es", "ar"}
    (tolls,) = [each for each in found["tables"] if each["table"] == "tolls toll 2.0TD"]
    assert tolls == {
        "jurisdiction": "es",
        "file": "tolls.toml",
        "table": "tolls toll 2.0TD",
        "rows": 6,
        "from": "2021-06-01",
        "to": "2027-01-01",
    }


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "es/electricity_tax.toml",
            "from = 2024-07-01",
            "from = 2024-07-02",
            ("gap", "electricity_tax rate", "2024-07-01", "2024-07-02", "no row covers 2024-07-01 to 2024-07-02"),
        ),
        (
            "es/iva.toml",
            "to = 2024-01-01",
            "to = 2024-02-01",
            ("overlap", "iva electricity", "2024-01-01", "2024-02-01", "overlaps the row from 2024-01-01"),
        ),
        (
            "es/regulated.toml",
            "to = 2026-06-26",
            "to = 2025-06-26",
            ("order", "regulated social_bonus_financing", "2026-01-01", "2025-06-26", "not after it starts"),
        ),
        (
            "es/tolls.toml",
            'P1 = "23.469833"',
            'P1 = "23,469833"',
            ("unreadable", "tolls toll 2.0TD", None, None, "power.P1 = '23,469833' is not a number"),
        ),
        (
            "es/losses.toml",
            'source = "',
            'sauce = "',
            ("unreadable", "losses loss 2.0TD", None, None, "source is missing"),
        ),
        (
            "ar/iva.toml",
            "[[rule]]",
            "[[rule]",
            ("unreadable", "iva rule", None, None, "cannot be read as TOML"),
        ),
        (
            "es/charges.toml",
            "from = 2021-06-01",
            "from = 2021-07-01",
            ("gap", "charges charge 2.0TD", "2021-06-01", "2027-01-01", "a price is the sum of both"),
        ),
        (
            "es/tolls.toml",
            'P2 = "0.020624", ',
            "",
            ("unreadable", "tolls toll 2.0TD", None, None, "energy has P1, P3, and 2.0TD has P1, P2, P3"),
        ),
        (
            "es/charges.toml",
            "energy = ",
            "enery = ",
            ("unreadable", "charges charge 2.0TD", None, None, "enery is not a known field; did you mean 'energy'?"),
        ),
        (
            "es/iva.toml",
            "reduced = ",
            "reduct = ",
            ("unreadable", "iva electricity", None, None, "reduct is not a known field; did you mean 'reduced'?"),
        ),
        (
            "es/excess_power.toml",
            'tariff = "2.0TD"',
            'tariff = "2.0DT"',
            ("unreadable", "excess_power 2.0DT", None, None, "tariff = '2.0DT' is not known"),
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_days(
    tmp_path: Path, capsys: Capture, file: str, old: str, new: str, expected: tuple[str | None, ...]
) -> None:
    found = document(capsys, "--tables", str(broken(tmp_path, file, old, new)), code=1)
    kind, table, start, end, words = expected
    problem = next(each for each in found["problems"] if each["kind"] == kind)
    assert (problem["table"], problem["from"], problem["to"]) == (table, start, end)
    assert f"{problem['jurisdiction']}/{problem['file']}" == file
    assert str(words) in problem["problem"]


def test_all_the_faults_are_told_at_once_and_the_rows_hidden_by_a_long_one_too(tmp_path: Path, capsys: Capture) -> None:
    """Without its end the first rate covers every later one."""
    folder = broken(tmp_path, "es/electricity_tax.toml", "to = 2021-09-16\n", "")
    found = document(capsys, "--tables", str(folder), code=1)
    rates = [each for each in found["problems"] if each["table"] == "electricity_tax rate"]
    assert [each["kind"] for each in rates] == ["overlap"] * 6


def test_no_dated_table_is_left_out(capsys: Capture) -> None:
    """Whatever file a country gets, its rows with a first day are looked at."""
    found = document(capsys)["tables"]
    rows_of: Counter[tuple[str, str]] = Counter()
    for each in found:
        rows_of[each["jurisdiction"], each["file"]] += each["rows"]
    for path in sorted(FOLDER.glob("*/*.toml")):
        tables = [rows for rows in tomllib.loads(path.read_text(encoding="utf-8")).values() if isinstance(rows, list)]
        dated = sum(isinstance(row, dict) and "from" in row for rows in tables for row in rows)
        assert rows_of[path.parent.name, path.name] == dated, f"{path} has rows that no Source reads"


def test_for_people(tmp_path: Path, capsys: Capture) -> None:
    assert run(["tariff", "check"]) == 0
    assert "has exactly one row" in capsys.readouterr().out
    folder = broken(tmp_path, "es/electricity_tax.toml", "from = 2024-07-01", "from = 2024-07-02")
    assert run(["tariff", "check", "--tables", str(folder)]) == 1
    captured = capsys.readouterr()
    assert "es/electricity_tax.toml: In 'electricity_tax rate' no row covers" in captured.err
    assert "exactly one row" not in captured.out


def profile(tmp_path: Path, **files: str) -> Path:
    """A copy of the Spanish demonstration's profile with these files."""
    folder = shutil.copytree(PROFILES / "demo-es", tmp_path / "coop")
    for name, content in files.items():
        (folder / f"{name}.toml").write_text(content, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["demo-es", "demo-ar"])
def test_the_demonstrations_have_neither_gap_nor_overlap(name: str, capsys: Capture) -> None:
    found = document(capsys, "--profile", str(PROFILES / name))
    assert found["problems"] == []
    files = {each["file"] for each in found["tables"]}
    assert {"products.toml", "concepts.toml", "iva.toml"} <= files
    assert {each["jurisdiction"] for each in found["tables"]} == {name[-2:]}


def test_rows_of_a_profile_join_the_tables(tmp_path: Path, capsys: Capture) -> None:
    law = '[[electricity_tax.rate]]\nfrom = 2026-11-01\nto = 2026-12-01\nsource = "RDL 25/2026"\npercent = "0.5"\n'
    law += 'minimum_per_mwh = "1"\nreduced_minimum_per_mwh = "0.5"\n'
    before = {each["table"]: each["rows"] for each in document(capsys)["tables"] if each["jurisdiction"] == "es"}
    found = document(capsys, "--profile", str(profile(tmp_path, law=law)))
    after = {each["table"]: each["rows"] for each in found["tables"]}
    assert found["problems"] == []
    assert after["electricity_tax rate"] == before["electricity_tax rate"] + 2  # its own, and what follows it
    assert {name for name, rows in before.items() if after[name] != rows} == {"electricity_tax rate"}


BOOK = """
[[product]]
code = "fija"
kind = "fixed"
service = "electricity"
name = "Fija"
from = 2025-01-01
to = 2025-12-31
energy = { P1 = "0.2" }

[[product]]
code = "fija"
kind = "fixed"
service = "electricity"
name = "Fija"
from = 2026-01-01
to = 2026-09-01
energy = { P1 = "0.2" }

[[product]]
code = "fija"
kind = "fixed"
service = "electricity"
name = "Fija"
from = 2026-08-01
energy = { P1 = "0.2" }

[[product]]
code = "indexada"
kind = "indexed"
service = "electricity"
name = "Indexada"
from = 2026-01-01
managment_fee = "3.90"
"""


def test_every_fault_of_a_profile_is_told(tmp_path: Path, capsys: Capture) -> None:
    """A row of the law that begins after a day without one, a gap and an overlap of prices, and a misspelt fee."""
    law = '[[regulated.social_bonus_financing]]\nfrom = 2023-01-01\nto = 2024-12-31\nsource = "x"\nper_year = "1"\n'
    found = document(capsys, "--profile", str(profile(tmp_path, law=law, products=BOOK, concepts="[[concept]")), code=1)
    told = [(each["file"], each["table"], each["kind"], each["from"], each["to"]) for each in found["problems"]]
    assert told == [
        ("regulated.toml", "regulated social_bonus_financing", "gap", "2024-12-31", "2025-01-01"),
        ("products.toml", "product fija", "gap", "2025-12-31", "2026-01-01"),
        ("products.toml", "product fija", "overlap", "2026-08-01", "2026-09-01"),
        ("products.toml", "product indexada", "unreadable", None, None),
        ("concepts.toml", "concepts.toml", "unreadable", None, None),
    ]
    assert (
        "product 4: managment_fee is not a known field; did you mean 'management_fee'?"
        in found["problems"][3]["problem"]
    )


def test_a_law_that_cannot_be_read_is_one_fault(tmp_path: Path, capsys: Capture) -> None:
    found = document(capsys, "--profile", str(profile(tmp_path, law="[[iva.luz]]\n")), code=1)
    (problem,) = found["problems"]
    assert (problem["file"], problem["kind"]) == ("law.toml", "unreadable")
    assert "there is no table [[iva.luz]]" in problem["problem"]


def test_a_folder_that_is_no_profile(tmp_path: Path, capsys: Capture) -> None:
    assert run(["tariff", "check", "--profile", str(tmp_path)]) == 1
    assert "coop.toml does not exist" in capsys.readouterr().err


def test_a_folder_without_tables(tmp_path: Path, capsys: Capture) -> None:
    found = document(capsys, "--tables", str(tmp_path), code=1)
    assert {each["kind"] for each in found["problems"]} == {"unreadable"}
