"""Energy that was billed and is known otherwise now: told to billing once per change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.events.v1.events_pb2 import ReadingCorrected
from numpy.typing import NDArray
from sqlalchemy import Connection

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.application.closes import closes_between
from services.metering.application.quarters import KnownQuarters, quarters_known
from services.metering.application.topics import CURVE_TOPIC
from services.metering.domain.estimation.contract import LARGE, meter_type_of
from services.metering.domain.hours import HOURS_MAX, day_number
from services.metering.domain.overlay import CurveRows
from services.metering.domain.readings import EXPORT, IMPORT, MISSING, REAL
from services.metering.domain.registers import WH
from services.metering.repository import corrections, holdings, overlay, points
from services.metering.repository.corrections import Billed
from services.metering.repository.sharing import sharing_owners, spans_of_participants


def tell_corrections(
    tx: Transaction,
    spans: Mapping[int, tuple[date, date]],
    unsettled: Collection[tuple[int, DatePeriod]] = (),
    newer_than: int = -1,
) -> None:
    """Announces each billed period in the local days [start, end) of a point whose energy, in sum or in its hours, differs
    from what was told last; of a point whose excess power its quarters decide, whose quarters do, too.

    ``unsettled``: points and days whose estimate is about to be made again; they are told then. ``newer_than``: only what
    a later revision of the curve changed. The points must be locked.
    """
    found = corrections.billed_in(tx.connection, spans)
    large = _large(tx.connection, found)
    for billed in found:
        if any(key == billed.point_key and period.intersection(billed.period) for key, period in unsettled):
            continue
        rows = _hours_now(tx.connection, billed)
        event = _known(tx.connection, billed, rows)
        parts = quarters_known(tx.connection, billed.point_key, billed.period) if billed.point_key in large else None
        if parts is not None:
            event.curve_version = max(event.curve_version, parts.version)
        if event.curve_version <= newer_than or not _differs(tx.connection, billed, event, rows, parts):
            continue
        corrections.add(tx, billed, event.known_wh, event.curve_version)
        tx.emit(CURVE_TOPIC, billed.supply_id, event)


def tell_participants(tx: Transaction, spans: Mapping[int, tuple[date, date]]) -> None:
    """The same for whoever shares the generation of installations among these points. They are locked here, after those."""
    sharing = spans_of_participants(tx.connection, dict(spans))
    if sharing:
        points.lock_points(tx, sharing)
        tell_corrections(tx, sharing)


def _large(connection: Connection, found: Collection[Billed]) -> set[int]:
    """Those of the points that contracted so much in a billed period that quarters of an hour decide its excess power."""
    contracts = holdings.contracts_of_points(connection, {billed.point_key for billed in found})
    return {
        billed.point_key
        for billed in found
        for one in contracts.get(billed.point_key, ())
        if meter_type_of(one.power_w) in LARGE
        and billed.period.intersection(DatePeriod(one.start, one.end or date.max)) is not None
    }


def _hours_now(connection: Connection, billed: Billed) -> CurveRows:
    start, end = day_number(billed.period.start), day_number(billed.period.end)
    return overlay.curves_between(connection, [billed.point_key], start, end)


def _differs(
    connection: Connection, billed: Billed, event: ReadingCorrected, rows: CurveRows, parts: KnownQuarters | None
) -> bool:
    """Whether the energy is not what billing knows: another sum, or the same in other hours or quarters, which may cost
    otherwise.
    """
    if event.known_wh != billed.told_wh:
        return True
    if not billed.told_version or event.curve_version <= billed.told_version:
        return False
    start, end = day_number(billed.period.start), day_number(billed.period.end)
    told = overlay.curves_of_version(connection, billed.point_key, start, end, billed.told_version)
    if not np.array_equal(_energy(rows, start, end), _energy(told, start, end)):
        return True
    if parts is None:
        return False
    then = quarters_known(connection, billed.point_key, billed.period, billed.told_version)
    return not np.array_equal(parts.wh, then.wh)


def _energy(rows: CurveRows, start: int, end: int) -> NDArray[np.int64]:
    """Import and export of every slot of the days (days, 25, 2), zero where an hour is missing."""
    found = np.zeros((end - start, HOURS_MAX, 2), np.int64)
    found[rows.day - start] = rows.curves.values[:, :, [IMPORT, EXPORT]]
    return found


def _known(connection: Connection, billed: Billed, rows: CurveRows) -> ReadingCorrected:
    """What is known of a billed period now: its hours, or without any, the closes read within it."""
    period = billed.period
    present = rows.curves.quality != MISSING
    real = int((rows.curves.quality == REAL).sum())
    wh = int(rows.curves.values[:, :, IMPORT][present].sum())
    days = day_number(period.start), day_number(period.end)
    if not present.any() and not sharing_owners(connection, [billed.point_key], *days):
        found = closes_between(connection, [billed.point_key], period.start, period.end).get(billed.point_key, [])
        read = [one for one in found if period.start < one.period.end <= period.end and one.unit == WH]
        wh = sum(sum(one.used) for one in read)
    return ReadingCorrected(
        supply_id=billed.supply_id,
        service_id=billed.service_id,
        invoice_id=billed.invoice_id,
        period=DatePeriodMessage(start=period.start.isoformat(), end=period.end.isoformat()),
        billed_wh=billed.billed_wh,
        known_wh=wh,
        curve_version=int(np.max(rows.revision, initial=0)),
        hours_estimated=int(present.sum()) - real,
        hours_missing=billed.hours_expected - int(present.sum()),
        unit=WH,
    )
