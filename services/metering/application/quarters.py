"""Quarters of an hour as they are known: above a contract's power, of the few services for which a bill run asks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.calendar import TariffCalendar
from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.hours import HOURS_MAX, LocalDays, day_number
from services.metering.domain.overlay import CurveRows
from services.metering.domain.quarter_demands import Demands, demands
from services.metering.domain.quarter_hours import Ints, QuarterRows, blank_quarters, only_agreeing
from services.metering.repository import overlay, quarters


@dataclass(frozen=True)
class KnownQuarters:
    """Import Wh of each quarter (days, 25, 4), NO_QUARTERS where it is not known, and their last revision."""

    wh: Ints
    version: int


def power_limits(asked: Sequence[tuple[str, int]], tariff: TariffCalendar, field: str) -> dict[int, int]:
    """W by the number of the tariff period, of (period, W) as they are asked. Raises Invalid for a period that the tariff does
    not have, one that comes twice, and a power below zero.
    """
    names = {f"P{number}": number for number in range(1, tariff.periods + 1)}
    found: dict[int, int] = {}
    for at, (period, watts) in enumerate(asked):
        here = f"{field}[{at}]"
        if period not in names:
            raise Invalid(
                f"The tariff {tariff.tariff} has no period {period[:20]!r}: it has {', '.join(names)}.",
                field=f"{here}.period",
            )
        if names[period] in found:
            raise Invalid(f"{period} is asked for twice: give the power of each period once.", field=f"{here}.period")
        if watts < 0:
            raise Invalid(
                f"The power of {period} is {watts} W: give what is contracted, 0 or more.", field=f"{here}.watts"
            )
        found[names[period]] = watts
    return found


def quarter_demands(
    connection: Connection,
    days: LocalDays,
    tariff: TariffCalendar,
    period: DatePeriod,
    asked: Mapping[int, tuple[int, Mapping[int, int]]],
) -> dict[int, tuple[Demands, int]]:
    """What quarters say in the local days of a period, and their last revision, by who asks: point and limits of each.

    What the point's own meter counted decides, also where an installation is shared.
    """
    if not asked:
        return {}
    start, end = day_number(period.start), day_number(period.end)
    keys = [point for point, _ in asked.values()]
    metered = overlay.metered_between(connection, keys, start, end)
    parts = quarters.quarters_between(connection, keys, start, end)
    day = np.arange(start, end)
    found = {}
    for who, (point, limits) in asked.items():
        curves, wh, version = _on_days(start, end, metered, parts, point)
        found[who] = demands(tariff, days, day, curves, wh, limits), version
    return found


def quarters_known(
    connection: Connection, point_key: int, period: DatePeriod, version: int | None = None
) -> KnownQuarters:
    """The quarters of a point that count now, or counted at a revision, on the local days of a period."""
    start, end = day_number(period.start), day_number(period.end)
    if version is None:
        metered = overlay.metered_between(connection, [point_key], start, end)
        parts = quarters.quarters_between(connection, [point_key], start, end)
    else:
        metered = overlay.metered_of_version(connection, point_key, start, end, version)
        parts = quarters.quarters_between(connection, [point_key], start, end, version)
    curves, wh, newest = _on_days(start, end, metered, parts, point_key)
    return KnownQuarters(only_agreeing(wh, curves), newest)


def _on_days(start: int, end: int, metered: CurveRows, parts: QuarterRows, point: int) -> tuple[DayCurves, Ints, int]:
    """A point's hours and quarters on every local day of [start, end), blank where nothing is known, and the last revision of
    the quarters.
    """
    curves = blank_days(np.full(end - start, HOURS_MAX, np.int8))
    own = metered.owner == point
    at = metered.day[own] - start
    curves.length[at] = metered.curves.length[own]
    curves.values[at], curves.quality[at] = metered.curves.values[own], metered.curves.quality[own]
    wh = blank_quarters(end - start)
    own = parts.owner == point
    wh[parts.day[own] - start] = parts.wh[own]
    return curves, wh, int(parts.revision[own].max(initial=0))
