"""Members' own readings with their receipts, and what the form for the next one must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, insert, or_, select

from services.chassis.db import Transaction
from services.metering.domain.estimation.closes import TECHNICIAN, Origin
from services.metering.tables import (
    billed_period,
    measuring_point,
    meter,
    meter_assignment,
    register_reading,
    self_reading,
    supply,
)

_FEW = 20


@dataclass(frozen=True)
class PlaceOfReading:
    """A service with the meter that hangs there: where a self-reading is taken."""

    point_key: int
    service_id: str
    supply_id: str
    kind: str
    account_number: str
    cups: str
    meter_key: int
    meter: str
    since: date


@dataclass(frozen=True)
class LastReal:
    """The last good reading by a technician: the day (read at its first midnight), how, and Wh or litres per register."""

    day: date
    origin: Origin
    registers: tuple[int, ...]


@dataclass(frozen=True)
class SelfReadingRow:
    """A self-reading as it was taken. ``shown``: [register, whole kWh or m3]; ``read_on`` the member's day."""

    id: str
    receipt: str
    reading_id: str
    account_id: str
    supply_id: str
    service_id: str
    shown: list[tuple[str, int]]
    read_on: date
    photo_sha256: str
    photo_type: str
    received_at: datetime
    account_number: str
    meter_key: int
    meter: str
    day: date
    unit: str
    doubtful: bool


def service_ids(connection: Connection, supply_id: str) -> list[str]:
    """Services of a supply, electricity first."""
    table = measuring_point
    rows = connection.execute(
        select(table.c.service_id, table.c.kind, table.c.key).where(table.c.supply_id == supply_id)
    )
    return [row.service_id for row in sorted(rows, key=lambda row: (row.kind != "electricity", row.key))]


def place_on(connection: Connection, service_id: str, day: date) -> PlaceOfReading | None:
    """The service with the meter that hangs there on a day; None when none does."""
    hangs = meter_assignment
    query = (
        select(
            measuring_point.c.key.label("point_key"),
            measuring_point.c.service_id,
            measuring_point.c.supply_id,
            measuring_point.c.kind,
            supply.c.account_number,
            supply.c.cups,
            meter.c.key.label("meter_key"),
            meter.c.serial.label("meter"),
            hangs.c.start.label("since"),
        )
        .join(supply, supply.c.id == measuring_point.c.supply_id)
        .join(hangs, hangs.c.point_key == measuring_point.c.key)
        .join(meter, meter.c.key == hangs.c.meter_key)
        .where(measuring_point.c.service_id == service_id)
        .where(hangs.c.start <= day, or_(hangs.c.end.is_(None), hangs.c.end > day))
        .order_by(hangs.c.start.desc())
    )
    row = connection.execute(query).first()
    return PlaceOfReading(**row._mapping) if row else None


def last_real(connection: Connection, meter_key: int, since: date, channel: str) -> LastReal | None:
    """The last good reading of a meter by a technician, from the day it was hung on, that shows ``channel``.

    Only the latest few are looked at: a reading without the channel that is billed is a rare thing.
    """
    table = register_reading
    query = (
        select(table.c.day, table.c.origin, table.c.registers)
        .where(table.c.meter_key == meter_key, table.c.day >= since, table.c.doubtful == 0)
        .where(table.c.origin.in_([int(origin) for origin in TECHNICIAN]))
        .order_by(table.c.day.desc(), table.c.received_at.desc(), table.c.id.desc())
        .limit(_FEW)
    )
    for row in connection.execute(query):
        if row.registers.get(channel):
            return LastReal(row.day, Origin(row.origin), tuple(row.registers[channel]))
    return None


def billed_until(connection: Connection, service_id: str) -> date | None:
    """The day after the last one that was billed; None before the first bill."""
    query = select(func.max(billed_period.c.end)).where(billed_period.c.service_id == service_id)
    found: date | None = connection.execute(query).scalar()
    return found


def given_since(connection: Connection, supply_id: str, at: datetime) -> int:
    """How many self-readings of a supply were taken after an instant."""
    table = self_reading
    query = select(func.count()).where(table.c.supply_id == supply_id, table.c.received_at > at)
    return int(connection.execute(query).scalar_one())


def receipt_of_reading(connection: Connection, reading_id: str) -> str | None:
    """The receipt that was given for a register reading."""
    query = select(self_reading.c.receipt).where(self_reading.c.reading_id == reading_id)
    found: str | None = connection.execute(query).scalar()
    return found


def add(tx: Transaction, values: dict[str, Any]) -> None:
    """Keep a self-reading; it is never changed."""
    tx.execute(insert(self_reading).values(values))


def by_receipt(connection: Connection, receipt: str, supply_id: str = "") -> SelfReadingRow | None:
    """The self-reading of a receipt, of that supply when one is named."""
    query = _rows().where(self_reading.c.receipt == receipt)
    if supply_id:
        query = query.where(self_reading.c.supply_id == supply_id)
    row = connection.execute(query).first()
    return _row(row) if row else None


def page(
    connection: Connection, supply_id: str, size: int, after: tuple[datetime, str] | None
) -> Sequence[SelfReadingRow]:
    """Self-readings, the newest first, of a supply or (when it is empty) of all; from after (received, id) on."""
    table = self_reading
    query = _rows().order_by(table.c.received_at.desc(), table.c.id.desc()).limit(size)
    if supply_id:
        query = query.where(table.c.supply_id == supply_id)
    if after is not None:
        at, last = after
        query = query.where(or_(table.c.received_at < at, and_(table.c.received_at == at, table.c.id < last)))
    return [_row(row) for row in connection.execute(query)]


def _rows() -> Select[Any]:
    return (
        select(
            self_reading,
            supply.c.account_number,
            register_reading.c.meter_key,
            meter.c.serial.label("meter"),
            register_reading.c.day,
            register_reading.c.unit,
            register_reading.c.doubtful,
        )
        .join(register_reading, register_reading.c.id == self_reading.c.reading_id)
        .join(meter, meter.c.key == register_reading.c.meter_key)
        .join(supply, supply.c.id == self_reading.c.supply_id)
    )


def _row(row: Any) -> SelfReadingRow:
    values = dict(row._mapping)
    shown = [(str(register), int(value)) for register, value in values.pop("shown")]
    return SelfReadingRow(shown=shown, doubtful=bool(values.pop("doubtful")), **values)
