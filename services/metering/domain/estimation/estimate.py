"""From a curve with holes to a curve that closes: the procedure of P.O. 10.5, span by span and tariff period by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import TECHNICIAN, Close, Origin
from services.metering.domain.estimation.contract import LARGE, Contract, History
from services.metering.domain.estimation.explain import Case, Code, Reason
from services.metering.domain.estimation.historical_mean import Recent, means_of
from services.metering.domain.estimation.interpolation import interpolate
from services.metering.domain.estimation.methods import (
    Hours,
    Settled,
    by_means,
    interpolated,
    with_close,
    without_close,
)
from services.metering.domain.estimation.profiles import Profile
from services.metering.domain.estimation.series import HourSeries, bounds, energy_per_period
from services.metering.domain.estimation.validation import coherent
from services.metering.domain.hours import LocalDays
from services.metering.domain.readings import MISSING


@dataclass(frozen=True)
class EstimatedCurve:
    """Every hour of the days with a value and the method it came by, and why.

    ``hours``, ``values`` (Wh), ``methods``: (n,). ``explanation`` holds the reasons, ``reason_of`` (n,) the index into it.
    Methods of measured hours that stand are those of the input: 1, or 9 for a doubtful measurement.
    """

    days: DatePeriod
    hours: NDArray[np.int64]
    values: NDArray[np.int64]
    methods: NDArray[np.uint8]
    explanation: tuple[Reason, ...]
    reason_of: NDArray[np.int16]

    def why(self, hour: int) -> Reason:
        """The reason of the hour that starts at ``hour``; ValueError for one outside the days."""
        if not len(self.hours) or not self.hours[0] <= hour <= self.hours[-1]:
            raise ValueError(f"Hour {hour} is not in {self.days.start} to {self.days.end}.")
        return self.explanation[int(self.reason_of[hour - int(self.hours[0])])]

    @property
    def series(self) -> HourSeries:
        return HourSeries(int(self.hours[0]), self.values, self.methods)


def estimate(
    days: DatePeriod,
    hours: LocalDays,
    curve: HourSeries,
    closes: Sequence[Close],
    history: History | None,
    contract: Contract,
    profile: Profile,
    recent: HourSeries | None = None,
) -> EstimatedCurve:
    """The curve of the local days ``days`` without holes.

    ``curve`` covers exactly those days; give it the hours as measured: estimates in it (methods 2 to 6) count as missing,
    nothing is ever estimated from them. ``closes`` may each cover a part of the days and none overlaps another; one made
    of estimated or calculated readings is left aside. ``history`` is the same period last year. ``recent`` is the measured
    curve from some weeks before the days to their end: a large meter's gaps take their historical means from it.
    Raises Invalid for a curve or close that does not fit, Refused where the profile lacks a coefficient.
    """
    _check(days, hours, curve, closes, contract)
    first = curve.first
    values, methods = curve.values.copy(), curve.methods.copy()
    reason_of = np.zeros(len(curve), np.int16)
    period_of = contract.calendar.classify(curve.hours)
    reasons: list[Reason] = []
    before = Recent(hours, recent) if recent is not None and contract.meter_type in LARGE else None
    for span, close in spans(days, usable(closes)):
        begin, end = (hour - first for hour in bounds(hours, span))
        drawn = _drawn(curve.part(begin, end), close, contract)
        for number in range(1, contract.calendar.periods + 1):
            rows = begin + np.flatnonzero(period_of[begin:end] == number)
            if not len(rows):
                reasons += _unplaceable(span, number, close)
                continue
            some = _hours(span, number, curve, rows, hours, profile)
            if some.gaps and drawn is not None:
                settled = interpolated(some, drawn[rows - begin])
            elif close is not None:
                settled = with_close(some, close)
            else:
                settled = _without_close(some, curve.first + rows, history, contract, before)
            values[rows], methods[rows] = settled.values, settled.methods
            reason_of[rows] = len(reasons)
            reasons.append(settled.reason)
    return EstimatedCurve(days, curve.hours, values, methods, tuple(reasons), reason_of)


def _without_close(
    hours: Hours, starts: NDArray[np.int64], history: History | None, contract: Contract, before: Recent | None
) -> Settled:
    means = means_of(before, starts[~hours.measured]) if before is not None and hours.gaps else None
    return without_close(hours, history, contract) if means is None else by_means(hours, means)


def _hours(
    span: DatePeriod, number: int, curve: HourSeries, rows: NDArray[np.int64], days: LocalDays, profile: Profile
) -> Hours:
    def weights() -> NDArray[np.int64]:
        return profile.weights(days, curve.first + rows)

    values, methods, measured = curve.values[rows], curve.methods[rows], curve.measured[rows]
    return Hours(span, number, values, methods, measured, weights, "; ".join(profile.sources))


def _drawn(span: HourSeries, close: Close | None, contract: Contract) -> NDArray[np.int64] | None:
    """The span with its gaps interpolated, when that settles all of it: every gap is short and no close disagrees."""
    if contract.meter_type not in LARGE:
        return None
    drawn = interpolate(span)
    if drawn is None or close is None:
        return drawn
    whole = HourSeries(span.first, drawn, span.methods)
    sums = energy_per_period(contract.calendar, whole, np.ones(len(span), bool))
    return drawn if all(coherent(wh, summed) for wh, summed in zip(close.wh, sums, strict=True)) else None


def spans(days: DatePeriod, closes: Sequence[Close]) -> list[tuple[DatePeriod, Close | None]]:
    """The days cut at the closes, in order; what no close covers is a span of its own."""
    found: list[tuple[DatePeriod, Close | None]] = []
    at = days.start
    for close in sorted(closes, key=lambda one: one.period.start):
        if at < close.period.start:
            found.append((DatePeriod(at, close.period.start), None))
        found.append((close.period, close))
        at = close.period.end
    if at < days.end:
        found.append((DatePeriod(at, days.end), None))
    return found


def usable(closes: Sequence[Close]) -> list[Close]:
    """Closes that may be estimated from: those of real readings and of the member's own."""
    return [close for close in closes if close.origin in TECHNICIAN or close.origin is Origin.SELF_READING]


def _unplaceable(span: DatePeriod, number: int, close: Close | None) -> list[Reason]:
    wh = close.wh[number - 1] if close else 0
    return [Reason(Code.NO_HOURS, Case.C, span, f"P{number}", MISSING, {"close_wh": wh})] if wh else []


def _check(days: DatePeriod, hours: LocalDays, curve: HourSeries, closes: Sequence[Close], contract: Contract) -> None:
    first, end = bounds(hours, days)
    if curve.first != first or len(curve) != end - first:
        raise Invalid(
            f"The curve has {len(curve)} hours from hour {curve.first}; {days.start} to {days.end} are {end - first} hours "
            f"from hour {first}.",
            "CURVE_DOES_NOT_FIT",
        )
    negative = curve.measured & (curve.values < 0)
    if negative.any():
        raise Invalid(
            f"An hour measured {int(curve.values[negative][0]):,} Wh: energy is not negative.", "NEGATIVE_HOUR"
        )
    periods = contract.calendar.periods
    previous = days.start
    for close in sorted(closes, key=lambda one: one.period.start):
        span = f"The close of {close.period.start} to {close.period.end}"
        if len(close.wh) != periods:
            raise Invalid(
                f"{span} has {len(close.wh)} tariff periods, {contract.tariff} has {periods}.", "CLOSE_PERIODS"
            )
        if close.period.start < days.start or close.period.end > days.end:
            raise Invalid(f"{span} reaches beyond {days.start} to {days.end}: estimate whole closes.", "CLOSE_BEYOND")
        if close.period.start < previous:
            raise Invalid(f"{span} overlaps another close: choose the one that stands.", "CLOSES_OVERLAP")
        previous = close.period.end
