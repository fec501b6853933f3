"""What follows when readings or hours change: estimates that rest on them wait to be made again, billing hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from services.chassis.db import Transaction
from services.metering.application.corrections import tell_corrections, tell_participants
from services.metering.application.water_corrections import tell_water_corrections
from services.metering.repository import estimates


def follow_up(tx: Transaction, spans: Mapping[int, tuple[date, date]], cause: str) -> None:
    """After a change in the local days [start, end) of points, which must be locked. In the transaction of the change.

    ``cause``: "curve" or "reading". A worker makes the estimates again (application/estimates.py).
    """
    if not spans:
        return
    due = estimates.active(tx.connection, spans)
    due += [one for one in estimates.resting_on(tx.connection, spans) if one not in due]
    estimates.mark_due(tx, due, cause)
    tell_corrections(tx, spans, unsettled=due)
    tell_participants(tx, spans)
    tell_water_corrections(tx, spans)
