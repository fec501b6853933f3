"""What metering keeps, how long and why."""

from __future__ import annotations

from services.chassis.db import Database
from services.chassis.retention import Kept, for_good, rows
from services.metering.tables import quarantined_row


def kept(database: Database) -> list[Kept]:
    return [
        for_good(
            "curves",
            "hours and their quarters, registers, estimates and sharing agreements with every version, and what was billed of them",
            "Invoices are calculated from them, and both are kept six years (Código de Comercio, art. 30; four for taxes, Ley "
            "58/2003, art. 66); nothing of it goes without the office.",
        ),
        rows(
            database,
            quarantined_row,
            quarantined_row.c.settled_at,
            "quarantine",
            "rows of meter files that could not be taken and are settled",
            "A trace of how they were settled, for a year of questions.",
            365,
            where=(quarantined_row.c.state != "open", quarantined_row.c.settled_at.is_not(None)),
            least=30,
        ),
    ]
