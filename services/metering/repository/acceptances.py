"""Doubtful readings that were accepted: by whom, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.repository.sql import slices
from services.metering.tables import acceptance


@dataclass(frozen=True)
class Acceptance:
    """What was doubtful of a point in local days and counts since then. ``revision``: of its hours, None without any."""

    id: str
    point_key: int
    period: DatePeriod
    revision: int | None
    hours: int
    reading_ids: list[str]
    reason: str
    actor: str
    accepted_at: datetime


def add(tx: Transaction, one: Acceptance) -> None:
    """Keep it."""
    values: dict[str, Any] = {
        "id": one.id,
        "point_key": one.point_key,
        "start": one.period.start,
        "end": one.period.end,
        "revision": one.revision,
        "hours": one.hours,
        "reading_ids": one.reading_ids,
        "reason": one.reason,
        "actor": one.actor[:80],
        "accepted_at": one.accepted_at,
    }
    tx.execute(insert(acceptance).values(values))


def of_point(connection: Connection, point_key: int) -> list[Acceptance]:
    """All of a point, the oldest first."""
    query = select(acceptance).where(acceptance.c.point_key == point_key)
    return [_acceptance(row) for row in connection.execute(query.order_by(acceptance.c.accepted_at, acceptance.c.id))]


def of_revisions(connection: Connection, point_key: int, numbers: Sequence[int]) -> list[Acceptance]:
    """Those of a point that made some revisions of its curve."""
    found: list[Acceptance] = []
    for some in slices(numbers):
        query = select(acceptance).where(acceptance.c.point_key == point_key, acceptance.c.revision.in_(some))
        found += [_acceptance(row) for row in connection.execute(query)]
    return found


def _acceptance(row: Any) -> Acceptance:
    return Acceptance(
        row.id,
        row.point_key,
        DatePeriod(row.start, row.end),
        row.revision,
        row.hours,
        row.reading_ids,
        row.reason,
        row.actor,
        row.accepted_at,
    )
