"""What an estimate of some days rests on besides the hours and readings of those days themselves."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.contract import year_before
from services.metering.domain.estimation.explain import Code
from services.metering.domain.estimation.historical_mean import LOOK_BACK_DAYS

LOOK_BACK = timedelta(days=LOOK_BACK_DAYS)

ON_WEEKS_BEFORE = frozenset({Code.INTERPOLATED, Code.HISTORICAL_MEAN})
"""Drawn from measured hours shortly before the days."""

ON_LAST_YEAR = frozenset({Code.LAST_YEAR, Code.CONTRACTED_POWER})
"""Made of what was measured in the same days last year, or for want of it."""


def reaches_back_to(period: DatePeriod, start: date, end: date) -> bool:
    """Whether an estimate of ``period`` can rest on the days [start, end) that lie outside it, whatever it was made of."""
    return _in_weeks_before(period, start, end) or _in_last_year(period, start, end)


def rests_on(codes: Collection[Code], period: DatePeriod, start: date, end: date) -> bool:
    """Whether an estimate of ``period``, made for the reasons ``codes``, may come out otherwise when [start, end) changes."""
    if _in_weeks_before(period, start, end) and not ON_WEEKS_BEFORE.isdisjoint(codes):
        return True
    return _in_last_year(period, start, end) and not ON_LAST_YEAR.isdisjoint(codes)


def _in_weeks_before(period: DatePeriod, start: date, end: date) -> bool:
    return start < period.start and end > period.start - LOOK_BACK


def _in_last_year(period: DatePeriod, start: date, end: date) -> bool:
    then = year_before(period)
    return start < then.end and end > then.start
