"""A data folder as the services leave it, small."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from services.chassis.blobs import BlobStore
from services.chassis.eventlog.base import Record
from services.chassis.eventlog.sqlite import SqliteEventLog
from tests.support.migrated import Migrated

SERVICES = ("identity", "supplies", "metering", "billing", "notifications")


@pytest.fixture
def data_dir(tmp_path: Path, migrated: Migrated) -> Path:
    """Five migrated databases, an event log with one event, one stored document that billing knows, and a key."""
    folder = tmp_path / "var"
    (folder / "data").mkdir(parents=True)
    for service in SERVICES:
        migrated.on_sqlite(service, folder / "data" / f"{service}.db")
    with SqliteEventLog(folder / "data" / "eventlog.db") as log:
        log.ensure_topics(["coop.billing.invoice.v1"])
        log.append([Record("coop.billing.invoice.v1", "one", b"content", {"ce_id": "1"})])
    sha256 = BlobStore(folder / "documents").put(b"%PDF-1.7 an invoice")
    billing = sqlite3.connect(folder / "data" / "billing.db")
    billing.execute(
        "INSERT INTO document (kind, owner_id, sha256, file_name, created_at) VALUES ('invoice', '1', ?, 'E-1.pdf', ?)",
        (sha256, "2026-11-02 10:00:00.000000"),
    )
    billing.commit()
    billing.close()
    (folder / "keys").mkdir(mode=0o700)
    key = folder / "keys" / "billing.key.pem"
    key.write_text("a key")
    key.chmod(0o600)
    (folder / "profile").write_text("demo-es\n")
    (folder / "logs").mkdir()
    (folder / "logs" / "billing.log").write_text("a line\n")
    return folder
