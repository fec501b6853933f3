"""What metering tells of its imports to those who watch."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from services.chassis.telemetry.metrics import Reading, looked_up
from services.chassis.watch import Watched, age
from services.metering.repository.quarantine import OPEN
from services.metering.tables import quarantined_row, readings_import

RECENT = timedelta(days=7)
"""An import that broke off longer ago was either repeated or given up."""

IMPORTS_OPEN = looked_up("coop_imports_open", "Files of readings of the last 7 days that were not stored to their end")
IMPORTS_AGE = looked_up("coop_imports_age_seconds", "Age of the oldest of them; 0 when there is none")
IMPORTS_READINGS = looked_up("coop_imports_open_readings", "Readings taken so far from those files")
QUARANTINED = looked_up("coop_quarantined_rows", "Rows of files that could not be taken and wait for a decision")


def watched() -> list[Watched]:
    return [Watched("imports", _imports), Watched("quarantine", _quarantine)]


def _imports(connection: Connection, now: datetime) -> list[Reading]:
    table = readings_import
    taken = table.c.accepted + table.c.duplicates + table.c.of_unknown_meters + table.c.register_readings
    query = select(func.count(), func.min(table.c.received_at), func.sum(taken)).where(
        table.c.finished_at.is_(None), table.c.received_at > now - RECENT
    )
    number, oldest, readings = connection.execute(query).one()
    return [
        Reading(IMPORTS_OPEN, number),
        Reading(IMPORTS_AGE, age(oldest, now)),
        Reading(IMPORTS_READINGS, readings or 0),
    ]


def _quarantine(connection: Connection, _now: datetime) -> list[Reading]:
    query = select(func.count()).where(quarantined_row.c.state == OPEN)
    return [Reading(QUARANTINED, connection.execute(query).scalar_one())]
