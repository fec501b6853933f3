"""What the office decided on held bills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from services.billing.tables import bill_release
from services.chassis.periods import DatePeriod


@dataclass(frozen=True)
class Release:
    """The office lets the bill of a supply and month ("2026-10") go in spite of `reason`, and says `why`."""

    supply_id: str
    period: str
    reason: str
    explanation: str
    why: str
    released_by: str
    released_at: datetime


def keep(connection: Connection, release: Release) -> None:
    connection.execute(insert(bill_release), release.__dict__)


def find(connection: Connection, supply_id: str, period: str, reason: str) -> Release | None:
    query = select(bill_release).where(
        bill_release.c.supply_id == supply_id, bill_release.c.period == period, bill_release.c.reason == reason
    )
    row = connection.execute(query).mappings().first()
    return Release(**row) if row else None


def released(connection: Connection, supply_ids: Sequence[str], period: DatePeriod) -> dict[str, set[str]]:
    """By supply, the reasons in spite of which it may be billed for the month; without any it is not there."""
    query = select(bill_release.c.supply_id, bill_release.c.reason).where(
        bill_release.c.supply_id.in_(list(supply_ids)), bill_release.c.period == f"{period.start:%Y-%m}"
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.supply_id, set()).add(row.reason)
    return found
