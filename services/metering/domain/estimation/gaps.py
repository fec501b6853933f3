"""Which hours an estimate is kept for: those that nothing better is known of.

* An hour that a meter measured stays, unless it is scaled to a real close (method 3).
* An hour that a distributor estimated stays, unless a close says otherwise; then it is estimated anew like a gap.
* Without a close only gaps are filled, with what the whole tariff period's estimate gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import Close
from services.metering.domain.estimation.contract import Contract, History
from services.metering.domain.estimation.estimate import EstimatedCurve, estimate, spans, usable
from services.metering.domain.estimation.explain import Code, Reason
from services.metering.domain.estimation.obtaining import SCALED
from services.metering.domain.estimation.profiles import Profile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.estimation.validation import coherent, without_absurd_hours
from services.metering.domain.hours import LocalDays
from services.metering.domain.readings import MISSING, REAL


@dataclass(frozen=True)
class Laid:
    """Estimated hours to lay over a measured curve: ``series`` holds them alone, the others are missing.

    ``after``: the curve with them. ``reasons``: those of the tariff periods in which something was estimated, or that say
    why a close cannot be met.
    """

    series: HourSeries
    after: HourSeries
    reasons: tuple[Reason, ...]

    @property
    def hours(self) -> int:
        """How many hours are estimated."""
        return int((self.series.methods != MISSING).sum())


def fill(
    days: DatePeriod,
    hours: LocalDays,
    stored: HourSeries,
    closes: Sequence[Close],
    history: History | None,
    contract: Contract,
    profile: Profile,
    before: HourSeries | None = None,
) -> Laid:
    """The estimates that ``stored``, the measured curve of the days, needs. Arguments and errors as ``estimate``.

    ``before``: the measured curve of the days just before, for historical means.
    """
    believed, _ = without_absurd_hours(stored, contract.most_wh)
    standing = _standing(days, hours, believed, closes, contract)
    methods = np.where(standing, REAL, believed.methods).astype(np.uint8)
    # What a distributor estimated may stand, and is no sample all the same: means rest on the methods as they were told.
    recent = None if before is None else believed.after(before)
    used = HourSeries(believed.first, believed.values, methods)
    made = estimate(days, hours, used, closes, history, contract, profile, recent)
    closed = _covered(days, hours, believed, closes)
    gap = believed.methods == MISSING
    measured = believed.measured | standing
    scaled = made.methods == SCALED
    estimated = (made.methods != methods) | (made.values != believed.values)
    keep = np.where(measured, scaled & estimated, estimated & (gap | closed))
    series = HourSeries(
        stored.first, np.where(keep, made.values, 0), np.where(keep, made.methods, MISSING).astype(np.uint8)
    )
    after = HourSeries(
        stored.first,
        np.where(keep, made.values, stored.values),
        np.where(keep, made.methods, stored.methods).astype(np.uint8),
    )
    return Laid(series, after, _reasons(made, keep))


def needs_history(
    days: DatePeriod, hours: LocalDays, stored: HourSeries, closes: Sequence[Close], contract: Contract
) -> bool:
    """Whether there is a gap that no close covers: only then last year is asked."""
    believed, _ = without_absurd_hours(stored, contract.most_wh)
    return bool(((believed.methods == MISSING) & ~_covered(days, hours, stored, closes)).any())


def _standing(
    days: DatePeriod, hours: LocalDays, curve: HourSeries, closes: Sequence[Close], contract: Contract
) -> NDArray[np.bool_]:
    """Hours that a distributor estimated and that stay: no close speaks against them."""
    theirs = (curve.methods != MISSING) & ~curve.measured
    stay = np.zeros(len(curve), bool)
    if not theirs.any():
        return stay
    period_of = contract.calendar.classify(curve.hours)
    for span, close in spans(days, usable(closes)):
        begin, end = (hour - curve.first for hour in bounds(hours, span))
        for number in range(1, contract.calendar.periods + 1):
            rows = begin + np.flatnonzero(period_of[begin:end] == number)
            complete = bool((curve.methods[rows] != MISSING).all())
            agrees = close is None or coherent(close.wh[number - 1], int(curve.values[rows].sum()))
            if complete and agrees:
                stay[rows] = theirs[rows]
    return stay


def _covered(days: DatePeriod, hours: LocalDays, curve: HourSeries, closes: Sequence[Close]) -> NDArray[np.bool_]:
    covered = np.zeros(len(curve), bool)
    for span, close in spans(days, usable(closes)):
        if close is not None:
            begin, end = (hour - curve.first for hour in bounds(hours, span))
            covered[begin:end] = True
    return covered


def _reasons(made: EstimatedCurve, keep: NDArray[np.bool_]) -> tuple[Reason, ...]:
    used = set(made.reason_of[keep].tolist())
    return tuple(
        reason
        for index, reason in enumerate(made.explanation)
        if index in used or reason.code is Code.NO_HOURS or reason.code is Code.SELF_READING_DISAGREES
    )
