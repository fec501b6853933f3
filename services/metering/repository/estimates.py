"""Estimations: from what each was made and why, and those that later data made stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, select, update

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.explain import Code
from services.metering.domain.estimation.resting import reaches_back_to, rests_on
from services.metering.domain.hours import day_number
from services.metering.repository.sql import insert_missing, slices
from services.metering.tables import estimated_day, estimation, estimation_due

REQUESTED, READING, CURVE = "requested", "reading", "curve"
"""What makes an estimation necessary."""


@dataclass(frozen=True)
class Estimation:
    """One estimation of the local days [start, end) of a point. ``reasons`` as explain.reason_to_plain writes them."""

    point_key: int
    start: date
    end: date
    revision: int
    actor: str
    cause: str
    tariff: str
    profile: str
    reading_ids: Sequence[str]
    reasons: Sequence[dict[str, Any]]
    id: int = 0


@dataclass(frozen=True)
class Due:
    """An estimation to be made again."""

    point_key: int
    period: DatePeriod
    cause: str


def add(tx: Transaction, made: Estimation) -> None:
    """Keep an estimation; those of its point that no day rests on any more are superseded by it."""
    values = {name: value for name, value in vars(made).items() if name != "id"}
    values |= {"reading_ids": list(made.reading_ids), "reasons": list(made.reasons)}
    tx.execute(insert(estimation), values)
    supersede(tx, made.point_key, made.start, made.end, made.revision)


def supersede(tx: Transaction, point_key: int, start: date, end: date, number: int) -> None:
    """Estimations that touch [start, end) and hold no day any more end with revision ``number``."""
    table, days = estimation, estimated_day
    query = select(table.c.id, table.c.revision, table.c.start, table.c.end).where(
        table.c.point_key == point_key,
        table.c.superseded_by.is_(None),
        table.c.revision < number,
        table.c.start < end,
        table.c.end > start,
    )
    for row in tx.execute(query).all():
        holds = exists().where(
            days.c.point_key == point_key,
            days.c.revision == row.revision,
            days.c.day >= day_number(row.start),
            days.c.day < day_number(row.end),
        )
        if not tx.execute(select(holds)).scalar():
            tx.execute(update(table).where(table.c.id == row.id).values(superseded_by=number))


def active(connection: Connection, spans: Mapping[int, tuple[date, date]]) -> list[tuple[int, DatePeriod]]:
    """Estimations in force that touch the span [start, end) of their point: point and days."""
    table, found = estimation, []
    for some in slices(sorted(spans)):
        query = select(table.c.point_key, table.c.start, table.c.end).where(
            table.c.point_key.in_(some), table.c.superseded_by.is_(None)
        )
        for row in connection.execute(query):
            start, end = spans[row.point_key]
            if row.start < end and row.end > start:
                found.append((row.point_key, DatePeriod(row.start, row.end)))
    return found


def resting_on(connection: Connection, spans: Mapping[int, tuple[date, date]]) -> list[tuple[int, DatePeriod]]:
    """Estimations in force that rest on the span [start, end) of their point though they do not touch it: point and days."""
    table, reaching = estimation, {}
    for some in slices(sorted(spans)):
        query = select(table.c.id, table.c.point_key, table.c.start, table.c.end).where(
            table.c.point_key.in_(some), table.c.superseded_by.is_(None)
        )
        for row in connection.execute(query):
            period = DatePeriod(row.start, row.end)
            if reaches_back_to(period, *spans[row.point_key]):
                reaching[row.id] = (row.point_key, period)
    # Reasons are long and estimations many, of which a late value reaches few.
    found = []
    for few in slices(sorted(reaching)):
        for made in connection.execute(select(table.c.id, table.c.reasons).where(table.c.id.in_(few))):
            key, period = reaching[made.id]
            if rests_on([Code(reason["code"]) for reason in made.reasons], period, *spans[key]):
                found.append((key, period))
    return found


def of_revisions(connection: Connection, point_key: int, numbers: Sequence[int]) -> list[Estimation]:
    """The estimations that were stored under these revisions."""
    table, found = estimation, []
    for some in slices(sorted(set(numbers))):
        query = select(table).where(table.c.point_key == point_key, table.c.revision.in_(some))
        for row in connection.execute(query.order_by(table.c.id)):
            values = {name: value for name, value in row._mapping.items() if name != "superseded_by"}
            found.append(Estimation(**values))
    return found


def mark_due(tx: Transaction, due: Sequence[tuple[int, DatePeriod]], cause: str) -> None:
    """These estimations wait to be made again; one that waits already goes on waiting."""
    now = tx.clock.now()
    rows = [
        {"point_key": key, "start": period.start, "end": period.end, "cause": cause, "since": now}
        for key, period in dict.fromkeys(due)
    ]
    insert_missing(tx, estimation_due, rows)


def next_due(connection: Connection) -> Due | None:
    """The estimation that waits longest."""
    table = estimation_due
    row = connection.execute(select(table).order_by(table.c.since, table.c.point_key, table.c.start).limit(1)).first()
    return Due(row.point_key, DatePeriod(row.start, row.end), row.cause) if row else None


def any_due(connection: Connection) -> bool:
    return next_due(connection) is not None


def take_due(tx: Transaction, due: Due) -> bool:
    """Stop waiting; False when another worker was faster. The point must be locked."""
    table = estimation_due
    this = and_(table.c.point_key == due.point_key, table.c.start == due.period.start, table.c.end == due.period.end)
    waits = tx.execute(select(table.c.cause).where(this)).first() is not None
    if waits:
        tx.execute(delete(table).where(this))
    return waits


def waiting(connection: Connection, spans: Mapping[int, tuple[date, date]]) -> list[tuple[int, DatePeriod]]:
    """Estimations that wait and touch the span [start, end) of their point: point and days."""
    table, found = estimation_due, []
    for some in slices(sorted(spans)):
        for row in connection.execute(select(table).where(table.c.point_key.in_(some))):
            start, end = spans[row.point_key]
            if row.start < end and row.end > start:
                found.append((row.point_key, DatePeriod(row.start, row.end)))
    return found
