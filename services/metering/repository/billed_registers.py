"""Water on invoices: what was billed of a register, and what billing was told of it last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, insert, select, update

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.repository.sql import slices
from services.metering.tables import billed_register, measuring_point


@dataclass(frozen=True)
class Counted:
    """Litres between a first and a last reading; ``read`` is None where nothing was read."""

    litres: int
    read: DatePeriod | None


@dataclass(frozen=True)
class BilledWater:
    """The water of a point on an invoice of local days ``period``, and what billing was told of it last."""

    invoice_id: str
    point_key: int
    supply_id: str
    service_id: str
    period: DatePeriod
    billed_litres: int
    told: Counted


def save(tx: Transaction, invoice_id: str, service_id: str, period: DatePeriod, counted: Counted) -> None:
    """Insert or replace what an invoice says: billing knows as much."""
    table = billed_register
    tx.execute(delete(table).where(table.c.invoice_id == invoice_id, table.c.service_id == service_id))
    values = {
        "invoice_id": invoice_id,
        "service_id": service_id,
        "start": period.start,
        "end": period.end,
        "billed_litres": counted.litres,
        **_told(counted),
    }
    tx.execute(insert(table).values(values))


def billed_in(connection: Connection, spans: Mapping[int, tuple[date, date]]) -> list[BilledWater]:
    """What was billed in periods in which a close of the span [start, end) of its point may have been read."""
    found = []
    table, point = billed_register, measuring_point
    for some in slices(sorted(spans)):
        query = (
            select(table, point.c.key, point.c.supply_id)
            .join(point, point.c.service_id == table.c.service_id)
            .where(
                point.c.key.in_(some),
                table.c.start < max(spans[key][1] for key in some),
                table.c.end >= min(spans[key][0] for key in some),
            )
            .order_by(table.c.start, table.c.invoice_id)
        )
        for row in connection.execute(query).all():
            start, end = spans[row.key]
            if row.start < end and row.end >= start:
                read = None if row.told_from is None else DatePeriod(row.told_from, row.told_to)
                found.append(
                    BilledWater(
                        row.invoice_id,
                        row.key,
                        row.supply_id,
                        row.service_id,
                        DatePeriod(row.start, row.end),
                        row.billed_litres,
                        Counted(row.told_litres, read),
                    )
                )
    return found


def told(tx: Transaction, billed: BilledWater, counted: Counted) -> None:
    """Remember what billing was told."""
    table = billed_register
    here = (table.c.invoice_id == billed.invoice_id) & (table.c.service_id == billed.service_id)
    tx.execute(update(table).where(here).values(_told(counted)))


def _told(counted: Counted) -> dict[str, int | date | None]:
    read = counted.read
    return {
        "told_litres": counted.litres,
        "told_from": read.start if read else None,
        "told_to": read.end if read else None,
    }
