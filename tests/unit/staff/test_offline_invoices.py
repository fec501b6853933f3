"""`coopctl curve` on a distributor's file that carries invoice numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.staff.cli import run

Capture = pytest.CaptureFixture[str]
WORKING_DAY = datetime(2026, 10, 13, 22, tzinfo=UTC)  # local midnight of Wednesday 14 October 2026


def document(capsys: Capture, *arguments: object) -> tuple[Any, str]:
    """The command's document and what it said on stderr."""
    assert run([*map(str, arguments), "--json"]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_a_distributors_file_is_summed_by_invoice(tmp_path: Path, capsys: Capture) -> None:
    lines = []
    for index in range(48):
        end = (WORKING_DAY + timedelta(hours=index + 1)).astimezone(ZoneInfo("Europe/Madrid"))
        invoice = "F26-1" if index < 24 else "F26-2" if index < 30 else ""
        method = 3 if index % 24 == 0 else 1
        lines.append(f"ES0575000000000877HA1P;{end:%Y/%m/%d %H:%M};1;{index % 24 + 1};0;0;0;0;0;{method};1;{invoice};")
    lines.insert(3, "ES0575000000000877HA1P;2026/10/14 02:00;1;two;0;0;0;0;0;1;1;F26-1;")
    path = tmp_path / "F5D_0575_0762_20261101.0"
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    found, said = document(capsys, "curve", "inspect", path)
    assert said == ""
    (file,) = found["files"]
    assert file["format"] == "F5D"
    (month,) = file["supplies"][0]["months"]
    assert (month["hours"], month["import_wh"], month["real"], month["estimated"]) == (48, 600, 46, 2)
    assert [row["line"] for row in file["quarantined"]] == [4]
    found, _ = document(capsys, "curve", "periods", path, "--tariff", "2.0TD", "--zone", "peninsula")
    cups = "ES0575000000000877HA1P"
    assert found == [
        {"supply": cups, "invoice": "F26-1", "month": None, "hours": 24, "wh": {"P1": 132, "P2": 132, "P3": 36}},
        {"supply": cups, "invoice": "F26-2", "month": None, "hours": 6, "wh": {"P1": 0, "P2": 0, "P3": 21}},
        {"supply": cups, "invoice": None, "month": "2026-10", "hours": 18, "wh": {"P1": 132, "P2": 132, "P3": 15}},
    ]
