"""On a full disk nothing is half-written, callers are told, and everything goes on once there is room."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
from sqlalchemy.exc import OperationalError

from services.chassis import disk
from services.chassis.errors import StorageFull
from services.gateway.statuses import status_of
from tests.support.needs import missing, require

ROOT = Path(__file__).resolve().parents[3]


def test_a_full_disk_takes_nothing_by_halves(tmp_path: Path) -> None:
    unshare = require("unshare", "util-linux")
    alone = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--mount", "--map-root-user"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        missing("This machine lets nobody make a mount namespace: a full disk cannot be shown here.")
    done = subprocess.run(
        [*alone, sys.executable, "-m", "tests.integration.chassis.full_disk", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["blobs"] == {"refused": True, "left": True, "readable": True, "later": 300_000}
    assert found["databases"] == {
        "refused": True,
        "kept": 1,
        "log_refused": True,
        "published": 2,
        "appended": 2,
        "sound": "ok",
    }


def test_what_says_that_a_disk_is_full() -> None:
    sqlite = sqlite3.OperationalError("database or disk is full")
    sqlite.sqlite_errorcode = sqlite3.SQLITE_FULL  # type: ignore[misc]
    postgresql = OperationalError("INSERT", {}, psycopg.errors.DiskFull("could not extend file"))
    postgresql.__cause__ = postgresql.orig
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert all(disk.is_full(error) for error in (sqlite, postgresql, wrapped, OSError(errno.EDQUOT, "quota")))
    assert not any(disk.is_full(error) for error in (ValueError("else"), OSError(errno.ENOENT, "gone"), None))
    assert status_of(StorageFull("full")) == 507
