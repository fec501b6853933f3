"""What programs read on stdout is one document, whatever the parts that coopctl shares with the services have to say."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from services.staff import show
from services.staff.cli import run


def test_log_lines_never_mix_with_the_document(tmp_path: Path) -> None:
    """With certificates, whose reading is logged; nobody answers at these addresses, which status says in its document."""
    assert run(["admin", "secrets", "--out", str(tmp_path / "secrets"), "--json"]) == 0
    nobody = {f"COOP_{name}_ADDRESS": "127.0.0.1:1" for name in
              ("IDENTITY", "SUPPLIES", "METERING", "BILLING", "NOTIFICATIONS")}  # fmt: skip
    environment = {
        **os.environ,
        **nobody,
        "COOP_TLS_DIR": str(tmp_path / "secrets" / "tls" / "office"),
        "COOP_CONFIG_DIR": str(tmp_path),
        "COOP_GATEWAY_URL": "http://127.0.0.1:1",
    }
    asked = subprocess.run(
        [sys.executable, "-m", "services.staff.cli", "status", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert asked.returncode == 1, asked.stderr
    assert not any(service["reachable"] for service in json.loads(asked.stdout)["services"])


def test_what_the_system_refuses_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder where a file is; a full disk behind the standard output."""
    file = tmp_path / "data" / "billing.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 1")
    assert run(["backup", "create", str(file / "backups"), "--data-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{file / 'backups'} cannot be used: Not a directory.\n"

    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(full, write_through=True))
        assert run(["version", "--json"]) == 1
    assert capsys.readouterr().err == "Nothing could be written: No space left on device.\n"


def test_what_a_file_says_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a picture for :x: nor a command to the terminal."""
    said = "root:x:0:0 [bold]\x1b[2J"
    show.say(said)
    show.facts("Movement", (("Why", said),))
    show.table("Movements", ("Why",), [(said,)])
    told = capsys.readouterr()
    assert (told.out + told.err).count("root:x:0:0 [bold]\N{REPLACEMENT CHARACTER}[2J") == 3
