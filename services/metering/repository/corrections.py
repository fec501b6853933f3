"""Billed periods whose energy is known otherwise now, and what billing was told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, insert, select

from services.chassis.db import Transaction
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.metering.repository.sql import slices
from services.metering.tables import billed_period, measuring_point, reading_correction


@dataclass(frozen=True)
class Billed:
    """A billed period of a point; ``told_wh`` and ``told_version`` (of the curve) are what billing was told last, or billed."""

    invoice_id: str
    point_key: int
    supply_id: str
    service_id: str
    period: DatePeriod
    hours_expected: int
    billed_wh: int
    told_wh: int
    told_version: int


def billed_in(connection: Connection, spans: Mapping[int, tuple[date, date]]) -> list[Billed]:
    """The electricity billed in periods that touch the span [start, end) of their point."""
    found = []
    table, point = billed_period, measuring_point
    for some in slices(sorted(spans)):
        query = (
            select(table.c.invoice_id, point.c.key, point.c.supply_id, table.c.service_id)
            .add_columns(table.c.start, table.c.end, table.c.hours_expected, table.c.import_wh, table.c.curve_version)
            .join(point, point.c.service_id == table.c.service_id)
            .where(
                point.c.key.in_(some),
                point.c.kind == "electricity",
                table.c.start < max(spans[key][1] for key in some),
                table.c.end > min(spans[key][0] for key in some),
            )
            .order_by(table.c.start, table.c.invoice_id)
        )
        for row in connection.execute(query).all():
            start, end = spans[row.key]
            if row.start < end and row.end > start:
                told_wh, told_version = _told(connection, row.invoice_id) or (row.import_wh, 0)
                period = DatePeriod(row.start, row.end)
                found.append(
                    Billed(
                        row.invoice_id,
                        row.key,
                        row.supply_id,
                        row.service_id,
                        period,
                        row.hours_expected,
                        row.import_wh,
                        told_wh,
                        max(told_version, row.curve_version),
                    )
                )
    return found


def add(tx: Transaction, billed: Billed, known_wh: int, curve_version: int) -> None:
    """Remember that billing was told."""
    values = {
        "id": new_id(),
        "invoice_id": billed.invoice_id,
        "service_id": billed.service_id,
        "known_wh": known_wh,
        "billed_wh": billed.billed_wh,
        "curve_version": curve_version,
        "told_at": tx.clock.now(),
    }
    tx.execute(insert(reading_correction).values(values))


def _told(connection: Connection, invoice_id: str) -> tuple[int, int] | None:
    """Wh and curve version that billing was told last of an invoice."""
    table = reading_correction
    query = select(table.c.known_wh, table.c.curve_version).where(table.c.invoice_id == invoice_id)
    row = connection.execute(query.order_by(table.c.told_at.desc(), table.c.id.desc()).limit(1)).first()
    return None if row is None else (row.known_wh, row.curve_version)
