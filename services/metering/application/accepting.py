"""Doubtful readings that the office accepts: hours and registers that count as measured from then on, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, Refused
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.metering.application.aftermath import follow_up
from services.metering.application.closes import closes_of
from services.metering.application.registers import announce, spans_of
from services.metering.application.store import Changes
from services.metering.application.views import visible_point
from services.metering.domain.curve import blank_days
from services.metering.domain.hours import END_DAY, FIRST_DAY, day_number, local_days
from services.metering.domain.merge import Layer
from services.metering.domain.readings import DOUBTFUL, REAL
from services.metering.repository import acceptances, curves, holdings, points, readings
from services.metering.repository.acceptances import Acceptance
from services.metering.repository.points import Point

LONGEST_REASON = 500
LONGEST_RANGE = 400
"""Days one acceptance may cover: a year and a bit, as people look at curves."""


@dataclass(frozen=True)
class AcceptedRegister:
    """A register reading that counts now: its meter and its day (it was read at that day's first midnight)."""

    id: str
    meter: str
    day: date


@dataclass(frozen=True)
class Accepted:
    """What was accepted."""

    hours: int
    registers: tuple[AcceptedRegister, ...]


class Acceptor:
    """Accepts doubtful readings of one cooperative, whose clocks all stand in one time zone."""

    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._time_zone = database, time_zone

    def accept(
        self, key: RequestKey, caller: Principal, supply_id: str, service_id: str, period: DatePeriod, reason: str
    ) -> Accepted:
        """Everything doubtful of a service (the electricity where none is named) in the local days of a period counts as
        measured: hours as method 1, and register readings of the midnights that end one of its days.

        ``reason`` and ``caller`` are kept with it. Estimates that rest on it are made again and billing is told, as after any
        change. Repeated with the same key it changes nothing and gives the same answer. Raises Invalid for an empty reason
        or a range out of bounds, NotFound for a supply or service that is not there, Refused where nothing is doubtful.
        """
        reason = reason.strip()
        if not reason or len(reason) > LONGEST_REASON:
            raise Invalid(
                f"The reason has {len(reason)} characters: say in 1 to {LONGEST_REASON} why the readings are right.",
                field="reason",
            )
        if period.days > LONGEST_RANGE or period.start < FIRST_DAY or period.end > END_DAY:
            raise Invalid(
                f"The range {period.start} to {period.end} is longer than {LONGEST_RANGE} days, or outside {FIRST_DAY} to "
                f"{END_DAY}: accept a shorter one.",
                field="period",
            )

        def act(tx: Transaction) -> str:
            point = visible_point(tx.connection, caller, supply_id, service_id)
            return json.dumps(self._accept(tx, point, period, reason, caller.actor))

        with self._database.write() as tx:
            hours, registers = json.loads(tx.once(key, lambda: act(tx)))
        return Accepted(
            hours, tuple(AcceptedRegister(i, meter, date.fromisoformat(day)) for i, meter, day in registers)
        )

    def _accept(
        self, tx: Transaction, point: Point, period: DatePeriod, reason: str, actor: str
    ) -> tuple[int, list[tuple[str, str, str]]]:
        assignments = holdings.assignments_of_points(tx.connection, {point.key})
        serials = holdings.serials_of(tx.connection, {one.meter_key for one in assignments})
        # Meters before points, as everybody who changes readings holds them.
        points.lock_meters(tx, set(serials.values()))
        points.lock_points(tx, {point.key})
        revision = curves.Revision(tx, tx.clock.now(), None)
        hours = self._accept_hours(tx, point, period, revision)
        registers = _accept_registers(tx, point, period, set(serials))
        if not hours and not registers:
            raise Refused(
                f"Nothing is doubtful from {period.start} to {period.end - timedelta(days=1)}: there is nothing to accept.",
                "NOTHING_DOUBTFUL",
            )
        acceptances.add(
            tx,
            Acceptance(
                id=new_id(),
                point_key=point.key,
                period=period,
                revision=revision.number if hours else None,
                hours=hours,
                reading_ids=[one[0] for one in registers],
                reason=reason,
                actor=actor,
                accepted_at=tx.clock.now(),
            ),
        )
        return hours, registers

    def _accept_hours(self, tx: Transaction, point: Point, period: DatePeriod, revision: curves.Revision) -> int:
        first, end = day_number(period.start), day_number(period.end)
        rows = curves.curves_between(tx.connection, [point.key], first, end)
        doubtful = rows.curves.quality == DOUBTFUL
        some = np.flatnonzero(doubtful.any(axis=1))
        if not len(some):
            return 0
        laid = blank_days(local_days(self._time_zone).lengths(rows.day[some]))
        laid.values[doubtful[some]] = rows.curves.values[some][doubtful[some]]
        laid.quality[doubtful[some]] = REAL
        changes = Changes()
        changes.note(curves.store(tx, Layer(rows.owner[some], rows.day[some], laid), revision), revision)
        changes.emit(tx)
        return int(doubtful.sum())


def _accept_registers(
    tx: Transaction, point: Point, period: DatePeriod, meter_keys: set[int]
) -> list[tuple[str, str, str]]:
    """Id, serial and day of the readings accepted. The closes that they make are announced."""
    if not readings.any_of(tx.connection, meter_keys):
        return []
    assignments = [one for one in points.assignments_of_meters(tx, meter_keys) if one.meter_key in meter_keys]
    known = readings.around(tx.connection, meter_keys, FIRST_DAY, END_DAY)
    chosen = [
        one
        for one in known
        if one.doubtful and period.start < one.day <= period.end and _at(assignments, one.meter_key, one.day, point.key)
    ]
    if not chosen:
        return []
    ids = {one.id for one in chosen}
    before = closes_of(assignments, known)
    after = closes_of(assignments, [readings.accepted(one) if one.id in ids else one for one in known])
    readings.accept(tx, ids)
    announce(tx, after - before)
    follow_up(tx, spans_of(before ^ after), "reading")
    return [(one.id, one.meter, one.day.isoformat()) for one in chosen]


def _at(assignments: list[points.Assignment], meter_key: int, day: date, point_key: int) -> bool:
    """Whether the meter hung at the point on the day, the day it left included."""
    return any(
        one.meter_key == meter_key
        and one.point_key == point_key
        and one.start <= day
        and (one.end is None or day <= one.end)
        for one in assignments
    )
