"""Water that was billed and is known otherwise now: told to billing once per change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from sqlalchemy import Connection

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.application.register_energy import closes_read
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.registers import LITRE
from services.metering.repository import billed_registers
from services.metering.repository.billed_registers import BilledWater, Counted


def tell_water_corrections(tx: Transaction, spans: Mapping[int, tuple[date, date]]) -> None:
    """Announces the water of each invoice in the local days [start, end) of a point that is not what was told last: other
    litres, or the same between other days, which may cost otherwise. The points must be locked.
    """
    for billed in billed_registers.billed_in(tx.connection, spans):
        known = _known(tx.connection, billed)
        if known == billed.told:
            continue
        billed_registers.told(tx, billed, known)
        event = ReadingCorrected(
            supply_id=billed.supply_id,
            service_id=billed.service_id,
            invoice_id=billed.invoice_id,
            period=DatePeriodMessage(start=billed.period.start.isoformat(), end=billed.period.end.isoformat()),
            unit=LITRE,
            billed_litres=billed.billed_litres,
            known_litres=known.litres,
        )
        tx.emit(CURVE_TOPIC, billed.supply_id, event)


def _known(connection: Connection, billed: BilledWater) -> Counted:
    """What a bill of the period would be made from now: the closes read in it."""
    found = closes_read(connection, [billed.point_key], billed.period).get(billed.point_key, [])
    closes = [one for one in found if one.unit == LITRE]
    if not closes:
        return Counted(0, None)
    days = DatePeriod(min(one.period.start for one in closes), max(one.period.end for one in closes))
    return Counted(sum(sum(one.used) for one in closes), days)
