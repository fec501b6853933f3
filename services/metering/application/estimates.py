"""Estimating curves: on request for a range of days, and again whenever what an estimate rests on has changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from services.chassis.clock import local_date
from services.chassis.db import Database, Transaction
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod, zone
from services.metering.application.assessing import Assessment, assess, segments
from services.metering.application.closes import closes_between
from services.metering.application.corrections import tell_corrections, tell_participants
from services.metering.application.reasons import reasons_between
from services.metering.application.store import Changes
from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.estimation.contract import most_wh_of
from services.metering.domain.estimation.explain import Reason, reason_to_plain
from services.metering.domain.estimation.series import HourSeries
from services.metering.domain.hours import (
    END_DAY,
    FIRST_DAY,
    HOURS_MAX,
    LocalDays,
    day_number,
    local_days,
)
from services.metering.domain.overlay import CurveRows
from services.metering.domain.readings import IMPORT, MISSING
from services.metering.repository import curves, estimates, holdings, overlay, points
from services.metering.repository.estimates import Due, Estimation
from services.metering.repository.points import ContractTariff, Point

SLICE = 50
"""Points estimated in one transaction."""

LONGEST_RANGE = 400
"""Days one call may ask for."""

ELECTRICITY = "electricity"


@dataclass(frozen=True)
class Estimated:
    """What an estimation came to for one point: hours estimated, Wh measured and afterwards, and why, case by case."""

    point: Point
    account_number: str
    hours: int
    measured_wh: int
    after_wh: int
    reasons: tuple[Reason, ...]
    problem: str


class Estimator:
    """Estimates the curves of one cooperative, whose clocks all stand in one time zone."""

    def __init__(self, database: Database, time_zone: str) -> None:
        self._database, self._time_zone = database, time_zone

    def run(self, period: DatePeriod, supply_ids: Sequence[str], dry_run: bool, actor: str) -> Iterator[Estimated]:
        """Estimates the gaps of a range of days for some supplies, or for every one that has hourly curves.

        Yields those that needed it, or could not be helped. Made again it changes nothing. Days that have not ended are
        left alone. Raises Invalid for a range that is too long or has not begun, NotFound for a supply of nobody.
        """
        past = self._past(period)
        with self._database.read() as connection:
            keys = _points(connection, supply_ids)
            accounts = holdings.account_numbers(connection, {point.supply_id for point in keys})
        for begin in range(0, len(keys), SLICE):
            some = keys[begin : begin + SLICE]
            if dry_run:
                with self._database.read() as connection:
                    found = self._assess_all(connection, some, past)
            else:
                with self._database.write() as tx:
                    points.lock_points(tx, [point.key for point in some])
                    found = self._assess_all(tx.connection, some, past)
                    save(tx, self._days, found, actor, estimates.REQUESTED)
            for point, made in found:
                answer = _answer(point, accounts.get(point.supply_id, ""), made)
                if answer.hours or answer.reasons or answer.problem:
                    yield answer

    def settle_one(self) -> bool:
        """Makes the estimation that waits longest again; False when none waits."""
        with self._database.write() as tx:
            due = estimates.next_due(tx.connection)
            if due is None:
                return False
            points.lock_points(tx, [due.point_key])
            if estimates.take_due(tx, due):
                self._again(tx, due)
            return True

    def _again(self, tx: Transaction, due: Due) -> None:
        point = points.points_by_key(tx.connection, [due.point_key])[due.point_key]
        made = self._assess(tx.connection, point, due.period)
        save(tx, self._days, [(point, made)], "service:metering", due.cause)
        span = {point.key: _span([due.period, *(one.period for one in made)])}
        tell_corrections(tx, span)
        tell_participants(tx, span)

    @property
    def _days(self) -> LocalDays:
        return local_days(self._time_zone)

    def _assess_all(
        self, connection: Connection, some: Sequence[Point], period: DatePeriod
    ) -> list[tuple[Point, list[Assessment]]]:
        needing = self._needing(connection, some, period)
        return [(point, self._assess(connection, point, period)) for point in needing]

    def _assess(self, connection: Connection, point: Point, period: DatePeriod) -> list[Assessment]:
        return assess(connection, self._days, point, period)

    def _needing(self, connection: Connection, some: Sequence[Point], period: DatePeriod) -> list[Point]:
        """Points with a gap, an incredible hour, a close or an earlier estimate: the others are as they should be."""
        keys = [point.key for point in some]
        first, end = day_number(period.start), day_number(period.end)
        rows = curves.curves_between(connection, keys, first, end)
        whole = self._days.start_of(end) - self._days.start_of(first)
        present: dict[int, int] = dict.fromkeys(keys, 0)
        contracts = holdings.contracts_of_points(connection, keys)
        for owner in np.unique(rows.owner).tolist():
            mine = rows.owner == owner
            most = _most_wh(contracts.get(owner, ()), period)
            credible = (rows.curves.quality[mine] != MISSING) & (rows.curves.values[mine, :, IMPORT] <= most)
            present[owner] = int(credible.sum())
        looked_at = set(closes_between(connection, keys, period.start, period.end))
        looked_at |= set(overlay.estimates_between(connection, keys, first, end).owner.tolist())
        return [point for point in some if present[point.key] < whole or point.key in looked_at]

    def _past(self, period: DatePeriod) -> DatePeriod:
        if period.days > LONGEST_RANGE:
            raise Invalid(
                f"The range has {period.days} days: estimate at most {LONGEST_RANGE} at once.", field="period"
            )
        today = local_date(self._database.clock.now(), zone(self._time_zone))
        end = min(period.end, today)
        if period.start < FIRST_DAY or period.start >= end or end > END_DAY:
            raise Invalid(
                f"The range {period.start} to {period.end} has no day that has ended: estimate days of the past.",
                field="period",
            )
        return DatePeriod(period.start, end)


def _most_wh(contracts: Sequence[ContractTariff], period: DatePeriod) -> int:
    """The most that an hour of the period can have counted under any of the contracts."""
    limits = [most_wh_of(power_w) for _, _, power_w in segments(contracts, period)]
    return min((one for one in limits if one is not None), default=np.iinfo(np.int64).max)


def save(
    tx: Transaction, days: LocalDays, found: Sequence[tuple[Point, Sequence[Assessment]]], actor: str, cause: str
) -> None:
    """Puts estimates in the place of earlier ones; days that stay as they were are not touched. Points must be locked."""
    changes = Changes(settled=True)
    spans: dict[int, tuple[date, date]] = {}
    for point, assessments in found:
        changed = [_save(tx, days, point, one, actor, cause, changes) for one in assessments if one.laid is not None]
        if any(changed):
            spans[point.key] = _span([one.period for one in assessments])
    changes.emit(tx)
    tell_corrections(tx, spans)
    tell_participants(tx, spans)


def _save(
    tx: Transaction, days: LocalDays, point: Point, made: Assessment, actor: str, cause: str, changes: Changes
) -> bool:
    """Whether a day of the estimate changed."""
    assert made.laid is not None
    first, end = day_number(made.period.start), day_number(made.period.end)
    number = np.arange(first, end)
    new = _as_days(days, number, made.laid.series)
    before = overlay.estimates_between(tx.connection, [point.key], first, end)
    under = curves.curves_between(tx.connection, [point.key], first, end)
    differs = _changed(number, new, before, under)
    if len(before.day):
        differs |= np.isin(number, _explained_otherwise(tx.connection, days, point, made))
    changed = np.flatnonzero(differs)
    revision = curves.Revision(tx, tx.clock.now(), None)
    if not len(changed):
        return False
    overlay.save_estimates(tx, point.key, number[changed].tolist(), new.take(changed), revision.number)
    hours = (new.quality[changed] != MISSING).sum(axis=1)
    owner = np.full(len(changed), point.key, np.int64)
    changes.note(curves.Stored(owner, number[changed], hours, int(hours.sum()), 0, 0), revision)
    period = made.period
    if made.laid.hours:
        reasons = [reason_to_plain(reason) for reason in made.laid.reasons]
        estimates.add(
            tx,
            Estimation(
                point.key,
                period.start,
                period.end,
                revision.number,
                actor,
                cause,
                made.tariff,
                made.profile,
                made.reading_ids,
                reasons,
            ),
        )
    else:
        estimates.supersede(tx, point.key, period.start, period.end, revision.number)
    return True


def _as_days(days: LocalDays, number: NDArray[np.int64], series: HourSeries) -> DayCurves:
    """A series of whole local days as day curves, import alone."""
    found = blank_days(days.lengths(number))
    inside = np.arange(HOURS_MAX) < found.length[:, None]
    found.values[:, :, IMPORT][inside] = series.values
    found.quality[inside] = series.methods
    return found


def _changed(number: NDArray[np.int64], new: DayCurves, before: CurveRows, under: CurveRows) -> NDArray[np.bool_]:
    """Days (n,) whose estimate is another now, or would no longer count because what lies under it has changed."""
    old = blank_days(new.length)
    at = np.searchsorted(number, before.day)
    old.values[at], old.quality[at] = before.curves.values, before.curves.quality
    differs = (old.quality != new.quality).any(axis=1) | (old.values != new.values).any(axis=(1, 2))
    made_at = np.zeros(len(number), np.int64)
    made_at[at] = before.revision
    below = np.searchsorted(number, under.day)
    measured_at, covers = np.zeros(len(number), np.int64), np.zeros(len(number), bool)
    measured_at[below] = under.revision
    covers[below] = ((new.quality[below] != MISSING) & (under.curves.quality != MISSING)).any(axis=1)
    return np.asarray(differs | (covers & (made_at < measured_at)))


def _explained_otherwise(connection: Connection, days: LocalDays, point: Point, made: Assessment) -> list[int]:
    """Days whose estimate may stay but whose reason tells other figures now: fewer hours are missing around them, say."""
    assert made.laid is not None
    first, end = day_number(made.period.start), day_number(made.period.end)
    told = reasons_between(connection, days, point, first, end)
    hours = np.array(list(told), np.int64)
    numbers = days.day_and_slot(hours)[0].tolist()
    now: dict[tuple[int, str], Reason] = {}
    for reason in made.laid.reasons:
        span = range(day_number(reason.days.start), day_number(reason.days.end))
        now.update(((number, reason.tariff_period), reason) for number in span)
    return sorted(
        {
            number
            for number, before in zip(numbers, told.values(), strict=True)
            if now.get((number, before.tariff_period)) != before
        }
    )


def _points(connection: Connection, supply_ids: Sequence[str]) -> list[Point]:
    if not supply_ids:
        return holdings.points_with_curves(connection, ELECTRICITY)
    found = []
    for supply_id in dict.fromkeys(supply_ids):
        point = points.point_of_supply(connection, supply_id)
        if point is None or point.kind != ELECTRICITY:
            raise NotFound(
                f"There is no electricity supply {supply_id[:60]!r}: only its curve can be estimated.",
                "SUPPLY_NOT_FOUND",
            )
        found.append(point)
    return found


def _answer(point: Point, account_number: str, made: Sequence[Assessment]) -> Estimated:
    laid = [one for one in made if one.laid is not None]
    return Estimated(
        point,
        account_number,
        sum(one.laid.hours for one in laid if one.laid),
        sum(int(one.stored.values.sum()) for one in made),
        sum(int(one.laid.after.values.sum()) for one in laid if one.laid),
        tuple(reason for one in laid if one.laid for reason in one.laid.reasons),
        " ".join(one.problem for one in made if one.problem),
    )


def _span(periods: Sequence[DatePeriod]) -> tuple[date, date]:
    return min(period.start for period in periods), max(period.end for period in periods)
