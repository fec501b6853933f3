"""When each routine of the office was last done: backups, checks and what else the calendar starts."""

from __future__ import annotations

from datetime import datetime

from services.chassis.context import caller
from services.chassis.db import RequestKey, Transaction, insert_if_absent
from services.chassis.errors import Invalid
from services.identity import audit
from services.identity.application.core import Core
from services.identity.tables import routine

ROUTINES = ("backup", "retention", "audit-verification", "reminders", "bill-proposal")


def record(core: Core, key: RequestKey, name: str) -> datetime:
    """Notes that the routine was done now; the moment it was noted. Raises Invalid for a routine that is none."""
    if name not in ROUTINES:
        raise Invalid(f"{name!r} is not a routine: known are {', '.join(ROUTINES)}.", "ROUTINE", field="routine")

    def note(tx: Transaction) -> str:
        row = {"name": name, "done_at": tx.clock.now(), "done_by": caller().actor}
        if not insert_if_absent(tx.connection, routine, row):
            tx.execute(
                routine.update().where(routine.c.name == name).values(done_at=row["done_at"], done_by=row["done_by"])
            )
        audit.append(tx, "routine.done", name)
        return tx.clock.now().isoformat()

    with core.database.write() as tx:
        return datetime.fromisoformat(tx.once(key, lambda: note(tx)))
