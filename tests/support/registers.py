"""Register readings for tests: rows as the border gives them, and the events they leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

from coop.metering.events.v1 import events_pb2
from google.protobuf.message import Message
from sqlalchemy import select

from services.chassis.db import TABLES
from services.metering.application.registers import StoredReadings, store_readings
from services.metering.domain.estimation.closes import Origin
from services.metering.domain.registers import LITRE, WATER, WH, RegisterRow
from tests.support.metering import Metering

MessageT = TypeVar("MessageT", bound=Message)


def reading(
    day: str, *kwh: int, meter: str = "M1", supply: str = "", origin: Origin = Origin.REMOTE, **more: Any
) -> RegisterRow:
    """Import registers in whole kWh at local midnight of a day; a reading that names a supply names no meter."""
    values = tuple(1_000 * value for value in kwh)
    return RegisterRow("" if supply else meter, supply, date.fromisoformat(day), origin, WH, {"import": values}, **more)


def water(day: str, litres: int, meter: str = "W1", origin: Origin = Origin.VISUAL) -> RegisterRow:
    """What a water meter showed."""
    return RegisterRow(meter, "", date.fromisoformat(day), origin, LITRE, {WATER: (litres,)})


def store(metering: Metering, *rows: RegisterRow, import_id: str | None = None) -> StoredReadings:
    """Store readings an hour after whatever came before."""
    metering.clock.advance(timedelta(hours=1))
    with metering.database.write() as tx:
        return store_readings(tx, rows, import_id)


def told(metering: Metering, kind: type[MessageT]) -> list[MessageT]:
    """The events of one kind left in the outbox, in order."""
    table = TABLES.outbox_event
    with metering.database.read() as connection:
        rows = connection.execute(select(table).order_by(table.c.id)).all()
    name = kind.DESCRIPTOR.full_name
    return [kind.FromString(row.value) for row in rows if row.headers["ce_type"] == name]


def closed(metering: Metering) -> list[tuple[str, str, str, list[int], str]]:
    """Closes announced: meter, start, end, used, origin."""
    events: Sequence[events_pb2.PeriodClosed] = told(metering, events_pb2.PeriodClosed)
    return [(e.meter, e.period.start, e.period.end, list(e.used), e.origin) for e in events]
