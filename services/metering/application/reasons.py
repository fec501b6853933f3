"""Why estimated hours have their values: the reasons kept with each estimation, hour by hour."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from services.metering.domain.calendar import calendar
from services.metering.domain.estimation.explain import Reason, reason_of_plain
from services.metering.domain.hours import LocalDays, day_of_number
from services.metering.domain.overlay import CurveRows, counting
from services.metering.domain.readings import MISSING
from services.metering.domain.totals import day_periods
from services.metering.repository import curves, estimates, overlay
from services.metering.repository.estimates import Estimation
from services.metering.repository.points import Point


def reasons_between(
    connection: Connection, days: LocalDays, point: Point, first: int, end: int, version: int | None = None
) -> dict[int, Reason]:
    """By hour (its start), why it has its value, for the estimated hours of local days [first, end) that are shown.

    As known now, or as it stood at a revision: estimations are never deleted, those that later ones replaced included.
    """
    if version is None:
        laid = overlay.estimates_between(connection, [point.key], first, end)
    else:
        laid = overlay.estimates_of_version(connection, point.key, first, end, version)
    if not len(laid.day):
        return {}
    made: dict[int, list[Estimation]] = defaultdict(list)
    reasons: dict[int, list[Reason]] = {}
    for one in estimates.of_revisions(connection, point.key, np.unique(laid.revision).tolist()):
        made[one.revision].append(one)
        reasons[one.id] = [reason_of_plain(data) for data in one.reasons]
    if version is None:
        under = curves.curves_between(connection, [point.key], first, end)
    else:
        under = curves.curves_of_version(connection, point.key, first, end, version)
    shown = _shown(laid, under)
    found: dict[int, Reason] = {}
    for index, number in enumerate(laid.day.tolist()):
        day = day_of_number(number)
        of_day = [one for one in made[int(laid.revision[index])] if one.start <= day < one.end]
        if not of_day or not shown[index].any():
            continue
        # Under the tariff of the estimation: a meter with one register is estimated without tariff periods.
        periods = periods_under(days, of_day[0].tariff, point.tariff_zone, number)
        by_period = {one.tariff_period: one for one in reasons[of_day[0].id] if one.days.contains(day)}
        start = days.start_of(number)
        for slot in np.flatnonzero(shown[index]).tolist():
            reason = by_period.get(f"P{periods[slot]}")
            if reason is not None:
                found[start + slot] = reason
    return found


def periods_under(days: LocalDays, tariff: str, zone: str, number: int) -> NDArray[np.uint8]:
    """Tariff period of every slot of a day (25,) under a tariff that has a calendar."""
    return day_periods(calendar(tariff, zone), days, np.array([number]))[0]


def _shown(laid: CurveRows, measured: CurveRows) -> NDArray[np.bool_]:
    """Which of the estimated hours (n, 25) count."""
    quality = np.full(laid.curves.quality.shape, MISSING, np.uint8)
    revision = np.zeros(len(laid.day), np.int64)
    _, at, under = np.intersect1d(laid.day, measured.day, return_indices=True)
    quality[at], revision[at] = measured.curves.quality[under], measured.revision[under]
    return counting(quality, revision, laid.curves.quality, laid.revision)
