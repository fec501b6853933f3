"""What identity tells of the office's routines to those who watch."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, select

from services.chassis.telemetry.metrics import Reading, looked_up
from services.chassis.watch import Watched
from services.identity.tables import routine

LAST_BACKUP = "last-backup.json"
"""Left in the data folder by `coopctl backup create`, which needs no service and nobody's session."""

ROUTINE_DONE = looked_up(
    "coop_routine_done_timestamp_seconds",
    "When a routine of the office was last done: backup, retention, audit-verification, reminders, bill-proposal",
    ["routine"],
)


def watched(data_dir: Path) -> list[Watched]:
    return [Watched("routines", partial(_routines, data_dir / LAST_BACKUP))]


def _routines(last_backup: Path, connection: Connection, _now: datetime) -> list[Reading]:
    done = {row.name: row.done_at.timestamp() for row in connection.execute(select(routine.c.name, routine.c.done_at))}
    if last_backup.exists():
        instant = datetime.fromisoformat(json.loads(last_backup.read_text(encoding="utf-8"))["instant"])
        done["backup"] = max(done.get("backup", instant.timestamp()), instant.timestamp())
    return [Reading(ROUTINE_DONE, at, (name,)) for name, at in sorted(done.items())]
