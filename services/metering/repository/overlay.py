"""The curve as members are shown and billed by: what was measured, the estimates laid over it, and of participants in a shared
installation what they take from the grid and feed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, bindparam, insert, select, update

from services.chassis.db import Transaction
from services.metering.domain.curve import DayCurves, pack, unpack
from services.metering.domain.overlay import CurveRows, lay_over
from services.metering.domain.shared_curves import lay_shares
from services.metering.repository import curves
from services.metering.repository import sharing as sharing_repository
from services.metering.repository.sql import slices
from services.metering.tables import (
    day_curve,
    day_curve_history,
    estimated_day,
    estimated_day_history,
    readings_import,
    revision,
)


def curves_between(connection: Connection, owners: Sequence[int], start: int, end: int) -> CurveRows:
    """Curves of the points as known now with their estimates, shared where they share, local days [start, end), ordered by
    point and day.
    """
    rows = metered_between(connection, owners, start, end)
    for sharing in sharing_repository.sharings(connection, owners, start, end):
        rows = lay_shares(rows, sharing, metered_between(connection, [sharing.generation], sharing.start, sharing.end))
    return rows


def metered_between(connection: Connection, owners: Sequence[int], start: int, end: int) -> CurveRows:
    """What the points' own meters counted, as known now with their estimates, whatever is shared."""
    measured = curves.curves_between(connection, owners, start, end)
    return lay_over(measured, estimates_between(connection, owners, start, end))


def curves_of_version(connection: Connection, point_key: int, start: int, end: int, version: int) -> CurveRows:
    """Curve, estimates and sharing of one point, local days [start, end), as they stood at a revision: what an invoice rests
    on.
    """
    rows = metered_of_version(connection, point_key, start, end, version)
    for sharing in sharing_repository.sharings(connection, [point_key], start, end, version):
        own = metered_of_version(connection, sharing.generation, sharing.start, sharing.end, version)
        rows = lay_shares(rows, sharing, own)
    return rows


def metered_of_version(connection: Connection, point_key: int, start: int, end: int, version: int) -> CurveRows:
    """The same of one point as it stood at a revision."""
    measured = curves.curves_of_version(connection, point_key, start, end, version)
    return lay_over(measured, estimates_of_version(connection, point_key, start, end, version))


def estimates_of_version(connection: Connection, point_key: int, start: int, end: int, version: int) -> CurveRows:
    """The estimated hours alone, as they stood at a revision."""
    newest: dict[int, Any] = {}
    for row in estimate_versions(connection, point_key, start, end):
        if row.revision <= version:
            newest[row.day] = row
    return as_rows([newest[day] for day in sorted(newest)])


def estimates_between(connection: Connection, owners: Sequence[int], start: int, end: int) -> CurveRows:
    """The estimated hours alone, as they are now; days whose estimate was withdrawn have none."""
    table = estimated_day
    found: list[Any] = []
    columns = (table.c.point_key, table.c.day, table.c.revision, table.c.curve)
    for some in slices(sorted(set(owners))):
        query = select(*columns).where(table.c.point_key.in_(some), table.c.day >= start, table.c.day < end)
        found += connection.execute(query.order_by(table.c.point_key, table.c.day)).all()
    return as_rows(found)


def estimate_versions(connection: Connection, point_key: int, start: int, end: int) -> list[Any]:
    """Every version of the estimated days of a point (point_key, day, revision, curve), the oldest first."""
    return _versions(connection, (estimated_day_history, estimated_day), point_key, start, end)


def measured_versions(connection: Connection, point_key: int, start: int, end: int) -> list[Any]:
    """Every version of the measured days of a point, likewise."""
    return _versions(connection, (day_curve_history, day_curve), point_key, start, end)


def revisions(connection: Connection, numbers: Sequence[int]) -> dict[int, Any]:
    """When each revision became known (known_at), and the file it came by (file_name; None for none)."""
    found: dict[int, Any] = {}
    for some in slices(numbers):
        query = select(revision.c.id, revision.c.known_at, readings_import.c.file_name).outerjoin(
            readings_import, readings_import.c.id == revision.c.import_id
        )
        found.update((row.id, row) for row in connection.execute(query.where(revision.c.id.in_(some))))
    return found


def as_rows(rows: Sequence[Any]) -> CurveRows:
    """Stored rows (point_key, day, revision, curve), by point and day, as columns."""
    numbers = np.array([(row[0], row[1], row[2]) for row in rows], np.int64).reshape(len(rows), 3)
    return CurveRows(numbers[:, 0], numbers[:, 1], numbers[:, 2], unpack([row[3] for row in rows]))


def save_estimates(tx: Transaction, point_key: int, days: Sequence[int], estimates: DayCurves, number: int) -> None:
    """Put these days' estimates in the place of those before, which stay in the history."""
    table = estimated_day
    first, end = min(days), max(days) + 1
    query = select(table).where(table.c.point_key == point_key, table.c.day >= first, table.c.day < end)
    before = {row.day: row for row in tx.execute(query)}
    inserts, updates, history = [], [], []
    for day, blob in zip(days, pack(estimates), strict=True):
        if day in before:
            history.append(dict(before[day]._mapping))
            updates.append({"b_day": day, "revision": number, "curve": blob})
        else:
            inserts.append({"point_key": point_key, "day": day, "revision": number, "curve": blob})
    if inserts:
        tx.execute(insert(table), inserts)
    if history:
        tx.execute(insert(estimated_day_history), history)
        of_day = (table.c.point_key == point_key) & (table.c.day == bindparam("b_day"))
        changes: dict[str, Any] = {"revision": bindparam("revision"), "curve": bindparam("curve")}
        tx.execute(update(table).where(of_day).values(changes), updates)


def _versions(connection: Connection, tables: Sequence[Table], point_key: int, start: int, end: int) -> list[Any]:
    rows: list[Any] = []
    for table in tables:
        query = select(table.c.point_key, table.c.day, table.c.revision, table.c.curve).where(
            table.c.point_key == point_key, table.c.day >= start, table.c.day < end
        )
        rows += connection.execute(query).all()
    return sorted(rows, key=lambda row: (row.revision, row.day))
