"""Why a curve is as it is: every version of a day's hours, and the reasons of those that were estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from services.chassis.context import Principal
from services.chassis.db import Database
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.application.quarters import quarters_known
from services.metering.application.reasons import periods_under, reasons_between
from services.metering.application.views import check_known_at, visible_point
from services.metering.domain.calendar import FLAT, TARIFF_PERIODS, ZONE_TIME
from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.estimation.explain import Reason
from services.metering.domain.estimation.historical_mean import LOOK_BACK_DAYS, Recent, Usual
from services.metering.domain.estimation.series import series_of
from services.metering.domain.hours import (
    END_DAY,
    FIRST_DAY,
    LocalDays,
    day_number,
    local_days,
)
from services.metering.domain.overlay import lay_over
from services.metering.domain.readings import DOUBTFUL, EXPORT, IMPORT, MISSING, NO_QUARTERS, REAL
from services.metering.repository import acceptances, curves, estimates, holdings, overlay, points, sharing
from services.metering.repository.estimates import Estimation
from services.metering.repository.points import ContractTariff, Point

ACTS: Mapping[str, str] = {
    estimates.REQUESTED: "Estimated at the request of {actor}",
    estimates.READING: "Estimated anew, since a register was read",
    estimates.CURVE: "Estimated anew, since measured hours arrived",
    "withdrawn": "Estimate withdrawn: nothing is missing any more",
    "waiting": "Readings that had waited for their meter",
    "accepted": "Doubtful hours accepted by {actor}: {reason}",
}
"""What may have made a version known besides a file, as message ids."""


@dataclass(frozen=True)
class Source:
    """What made a version known: a file (``file_name``), or one of ACTS, asked for by ``actor`` or by nobody, for a ``reason``
    if one was given."""

    known_at: datetime
    file_name: str = ""
    act: str = ""
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Version:
    """What was known of an hour from an instant on; ``method`` MISSING when it was no more."""

    source: Source
    import_wh: int
    export_wh: int
    method: int


@dataclass(frozen=True)
class SharedHour:
    """Of a participant: the installation, what was taken from the grid and fed in; ``missing``: not known."""

    cau: str
    grid_wh: int
    fed_in_wh: int
    missing: bool


@dataclass(frozen=True)
class ExplainedHour:
    """An hour (start in hours since the epoch, UTC), its tariff period, its versions oldest first, and why it is estimated.

    ``usual``: what real hours of the same kind before it make usual, None where they are too few. ``shared``: what sharing an
    installation made of it, None where nothing is shared. ``quarters_wh``: import of its four quarters, empty where they are
    not known.
    """

    start: int
    tariff_period: str
    versions: tuple[Version, ...]
    reason: Reason | None
    usual: Usual | None
    shared: SharedHour | None = None
    quarters_wh: tuple[int, ...] = ()

    @property
    def unusual(self) -> bool:
        """Whether it was measured and lies outside of mean +- 2 s."""
        if self.usual is None or not self.versions or self.versions[-1].method not in (REAL, DOUBTFUL):
            return False
        return not self.usual.holds(self.versions[-1].import_wh)


@dataclass(frozen=True)
class Explanation:
    """A local day of a supply's service, hour by hour, with the reasons of its estimates."""

    point: Point
    account_number: str
    day: date
    time_zone: str
    hours: tuple[ExplainedHour, ...]
    reasons: tuple[Reason, ...]


def explain_day(
    database: Database,
    time_zone: str,
    caller: Principal,
    supply_id: str,
    day: date,
    service_id: str = "",
    known_at: datetime | None = None,
) -> Explanation:
    """Every version of the day, or those that were known at an instant.

    Raises NotFound for a supply of nobody, Invalid for a day out of range and for an instant to come.
    """
    check_known_at(known_at, database.clock.now())
    if not FIRST_DAY <= day < END_DAY:
        raise Invalid(f"The day {day} is outside {FIRST_DAY} to {END_DAY}.", field="day")
    days, number = local_days(time_zone), day_number(day)
    with database.read() as connection:
        point = visible_point(connection, caller, supply_id, service_id)
        then = None if known_at is None else curves.revision_known_at(connection, known_at)
        reasons = reasons_between(connection, days, point, number, number + 1, then)
        versions = _versions(connection, days, point, number, then)
        recent = _recent(connection, days, point, day, then)
        contracts = points.contracts_of(connection, point.key)
        accounts = holdings.account_numbers(connection, [point.supply_id])
        shared = _shared(connection, days, point, number, then)
        parts = quarters_known(connection, point.key, DatePeriod(day, day + timedelta(days=1)), then).wh[0]
    periods = _tariff_periods(days, point, contracts, day)
    first = days.start_of(number)
    hours = tuple(
        ExplainedHour(
            first + slot,
            f"P{periods[slot]}",
            _of_hour(versions, slot),
            reasons.get(first + slot),
            recent.usual(first + slot),
            shared.get(slot),
            tuple(parts[slot].tolist()) if parts[slot, 0] != NO_QUARTERS else (),
        )
        for slot in range(days.hours_in(number))
    )
    used = {id(reason): reason for reason in reasons.values()}
    return Explanation(
        point,
        accounts.get(point.supply_id, ""),
        day,
        time_zone,
        hours,
        tuple(sorted(used.values(), key=lambda reason: (reason.days.start, reason.tariff_period))),
    )


def _shared(
    connection: Connection, days: LocalDays, point: Point, number: int, then: int | None
) -> dict[int, SharedHour]:
    """By slot of the day, as known now or at a revision; empty where the point shares nothing."""
    found = sharing.sharings(connection, [point.key], number, number + 1, then)
    if not found:
        return {}
    if then is None:
        rows = overlay.curves_between(connection, [point.key], number, number + 1)
    else:
        rows = overlay.curves_of_version(connection, point.key, number, number + 1, then)
    day = rows.curves if len(rows.day) else blank_days(days.lengths(np.array([number])))
    values, quality, cau = day.values[0], day.quality[0], found[-1].coefficients.cau
    return {
        slot: SharedHour(cau, int(values[slot, IMPORT]), int(values[slot, EXPORT]), bool(quality[slot] == MISSING))
        for slot in range(days.hours_in(number))
    }


def _tariff_periods(days: LocalDays, point: Point, contracts: Sequence[ContractTariff], day: date) -> NDArray[np.uint8]:
    """Tariff period of every slot of the day under the contract in force."""
    in_force = [one.tariff for one in contracts if one.start <= day and (one.end is None or day < one.end)]
    tariff = in_force[-1] if in_force else FLAT
    known = tariff in TARIFF_PERIODS and point.tariff_zone in ZONE_TIME
    return periods_under(days, tariff if known else FLAT, point.tariff_zone, day_number(day))


def _recent(connection: Connection, days: LocalDays, point: Point, day: date, then: int | None) -> Recent:
    """What was measured (known now, or at a revision) in the weeks before the day and in the day."""
    period = DatePeriod(max(day - timedelta(days=LOOK_BACK_DAYS), FIRST_DAY), day + timedelta(days=1))
    first, end = day_number(period.start), day_number(period.end)
    if then is None:
        rows = curves.curves_between(connection, [point.key], first, end)
    else:
        rows = curves.curves_of_version(connection, point.key, first, end, then)
    return Recent(days, series_of(days, period, rows.day, rows.curves))


def _versions(
    connection: Connection, days: LocalDays, point: Point, number: int, then: int | None
) -> list[tuple[Source, DayCurves]]:
    """The day as it was known after each revision that touched it (up to ``then``), the oldest first."""
    measured = overlay.measured_versions(connection, point.key, number, number + 1)
    laid = overlay.estimate_versions(connection, point.key, number, number + 1)
    numbers = sorted({row.revision for row in [*measured, *laid] if then is None or row.revision <= then})
    known = overlay.revisions(connection, numbers)
    made = {one.revision: one for one in estimates.of_revisions(connection, point.key, numbers)}
    accepted = {one.revision: one for one in acceptances.of_revisions(connection, point.key, numbers)}
    laid_in = {row.revision for row in laid}
    found = []
    for revision in numbers:
        now = lay_over(
            overlay.as_rows([row for row in measured if row.revision <= revision][-1:]),
            overlay.as_rows([row for row in laid if row.revision <= revision][-1:]),
        )
        day = now.curves if len(now.day) else blank_days(days.lengths(np.array([number])))
        told, act = known[revision], accepted.get(revision)
        source = _source(told, made.get(revision), revision in laid_in)
        if act is not None:
            source = Source(told.known_at, "", ACTS["accepted"], act.actor, act.reason)
        found.append((source, day))
    return found


def _source(told: Any, made: Estimation | None, laid: bool) -> Source:
    if told.file_name:
        return Source(told.known_at, told.file_name)
    if made is not None:
        return Source(told.known_at, "", ACTS[made.cause], made.actor)
    return Source(told.known_at, "", ACTS["withdrawn" if laid else "waiting"])


def _of_hour(versions: Sequence[tuple[Source, DayCurves]], slot: int) -> tuple[Version, ...]:
    """The versions in which the hour changed."""
    found: list[Version] = []
    for source, day in versions:
        wh, export, method = (
            int(day.values[0, slot, IMPORT]),
            int(day.values[0, slot, EXPORT]),
            int(day.quality[0, slot]),
        )
        before = (found[-1].import_wh, found[-1].export_wh, found[-1].method) if found else (0, 0, MISSING)
        if (wh, export, method) != before:
            found.append(Version(source, wh, export, method))
    return tuple(found)
