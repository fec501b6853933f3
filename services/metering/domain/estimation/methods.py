"""The estimation methods on the hours of one tariff period: each gives values, method numbers and the reason.

``Hours`` are the hours of one tariff period within one span of days, in order, not necessarily consecutive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import ON_THE_SPOT, Close, Origin
from services.metering.domain.estimation.contract import Contract, History
from services.metering.domain.estimation.explain import Case, Code, Reason
from services.metering.domain.estimation.historical_mean import Means
from services.metering.domain.estimation.obtaining import BY_HISTORY, BY_POWER, BY_PROFILE, BY_SELF_READING, SCALED
from services.metering.domain.estimation.split import half_up, spread
from services.metering.domain.estimation.validation import coherent
from services.metering.domain.readings import REAL

UTILISATION_PERCENT = 33
"""Of the contracted power, when nothing else is known (method 6)."""


@dataclass(frozen=True)
class Hours:
    """``values`` (n,) Wh, ``methods`` (n,), ``measured`` (n,); ``weights()`` (n,) asks the profile only when needed."""

    days: DatePeriod
    number: int
    values: NDArray[np.int64]
    methods: NDArray[np.uint8]
    measured: NDArray[np.bool_]
    weights: Callable[[], NDArray[np.int64]]
    profile: str

    @property
    def valid_wh(self) -> int:
        return int(self.values[self.measured].sum())

    @property
    def gaps(self) -> int:
        return len(self.values) - int(self.measured.sum())

    def reason(self, code: Code, case: Case, method: int, **figures: int | str) -> Reason:
        known: dict[str, int | str] = {"hours": len(self.values), "gaps": self.gaps, "valid_wh": self.valid_wh}
        return Reason(code, case, self.days, f"P{self.number}", method, known | figures)

    def by_profile(self, wh: int, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The values with ``wh`` spread by the profile over ``rows``."""
        values = self.values.copy()
        values[rows] = spread(wh, self.weights()[rows])
        return values


@dataclass(frozen=True)
class Settled:
    """The hours after estimation."""

    values: NDArray[np.int64]
    methods: NDArray[np.uint8]
    reason: Reason


def with_close(hours: Hours, close: Close) -> Settled:
    """Cases a1, a2, c, c', d, d': the hours that agree with a close."""
    close_wh = close.wh[hours.number - 1]
    if close.origin is Origin.SELF_READING:
        return _with_self_reading(hours, close_wh)
    if hours.gaps == 0:
        return _complete(hours, close_wh)
    if _scaled_before(hours, close_wh):
        return _unchanged(hours, hours.reason(Code.ALREADY_SCALED, Case.A2, SCALED, close_wh=close_wh))
    missing = close_wh - hours.valid_wh
    if missing < 0:
        reason = hours.reason(Code.GAPS_ZERO_CURVE_SCALED, Case.C_PRIME, SCALED, close_wh=close_wh)
        return _scaled(hours, close_wh, reason)
    spot = close.origin in ON_THE_SPOT
    code, case = (Code.GAPS_FROM_READING, Case.D) if spot else (Code.GAPS_FROM_CLOSE, Case.C)
    return _filled(hours, close_wh, missing, code, case, BY_PROFILE)


def without_close(hours: Hours, history: History | None, contract: Contract) -> Settled:
    """Cases b, e, e': the hours of a tariff period that no reading closes."""
    if hours.gaps == 0:
        return _unchanged(hours, hours.reason(Code.CURVE_IS_CLOSE, Case.B, REAL))
    everything = np.ones(len(hours.values), bool)
    found = history.expected(hours.number, len(hours.values)) if history else None
    if found:
        wh, then_wh, then_hours = found
        values = hours.by_profile(wh, everything)
        reason = hours.reason(
            Code.LAST_YEAR,
            Case.E,
            BY_HISTORY,
            result_wh=wh,
            history_wh=then_wh,
            history_hours=then_hours,
            gap_wh=int(values[~hours.measured].sum()),
            profile=hours.profile,
        )
        return Settled(values, _marked(hours, everything, BY_HISTORY), reason)
    power = contract.power_in(hours.number)
    wh = half_up(power * len(hours.values) * UTILISATION_PERCENT, 100)
    values = hours.by_profile(wh, everything)
    reason = hours.reason(
        Code.CONTRACTED_POWER,
        Case.E_PRIME,
        BY_POWER,
        result_wh=wh,
        power_w=power,
        gap_wh=int(values[~hours.measured].sum()),
        profile=hours.profile,
    )
    return Settled(values, _marked(hours, everything, BY_POWER), reason)


def interpolated(hours: Hours, drawn: NDArray[np.int64]) -> Settled:
    """The gaps with the values ``drawn`` (n,) between their neighbours."""
    values = np.where(hours.measured, hours.values, drawn)
    reason = hours.reason(Code.INTERPOLATED, Case.INTERPOLATED, BY_PROFILE)
    return Settled(values, _marked(hours, ~hours.measured, BY_PROFILE), reason)


def by_means(hours: Hours, means: Means) -> Settled:
    """The gaps, in order, with their historical means; what was measured stays."""
    gaps = ~hours.measured
    values = hours.values.copy()
    values[gaps] = means.values
    reason = hours.reason(
        Code.HISTORICAL_MEAN,
        Case.MEAN,
        BY_HISTORY,
        gap_wh=int(means.values.sum()),
        low_wh=means.low_wh,
        high_wh=means.high_wh,
    )
    return Settled(values, _marked(hours, gaps, BY_HISTORY), reason)


def _complete(hours: Hours, close_wh: int) -> Settled:
    if coherent(close_wh, hours.valid_wh):
        return _unchanged(hours, hours.reason(Code.CURVE_COHERENT, Case.A1, REAL, close_wh=close_wh))
    if hours.valid_wh == 0:
        everything = np.ones(len(hours.values), bool)
        reason = hours.reason(Code.EMPTY_CURVE_PROFILED, Case.A2, SCALED, close_wh=close_wh, profile=hours.profile)
        return Settled(hours.by_profile(close_wh, everything), _marked(hours, everything, SCALED), reason)
    return _scaled(hours, close_wh, hours.reason(Code.SCALED_TO_CLOSE, Case.A2, SCALED, close_wh=close_wh))


def _with_self_reading(hours: Hours, close_wh: int) -> Settled:
    """A member's reading fills gaps but never changes what the meter measured: a technician's reading comes before it."""
    if hours.gaps == 0:
        agrees = coherent(close_wh, hours.valid_wh)
        code = Code.CURVE_COHERENT if agrees else Code.SELF_READING_DISAGREES
        case = Case.A1 if agrees else Case.D_PRIME
        return _unchanged(hours, hours.reason(code, case, REAL, close_wh=close_wh))
    missing = close_wh - hours.valid_wh
    if missing < 0:
        gaps = ~hours.measured
        values = np.where(gaps, 0, hours.values)
        reason = hours.reason(Code.SELF_READING_BELOW_CURVE, Case.D_PRIME, BY_SELF_READING, close_wh=close_wh)
        return Settled(values, _marked(hours, gaps, BY_SELF_READING), reason)
    return _filled(hours, close_wh, missing, Code.GAPS_FROM_SELF_READING, Case.D_PRIME, BY_SELF_READING)


def _filled(hours: Hours, close_wh: int, missing: int, code: Code, case: Case, method: int) -> Settled:
    gaps = ~hours.measured
    reason = hours.reason(code, case, method, close_wh=close_wh, missing_wh=missing, profile=hours.profile)
    return Settled(hours.by_profile(missing, gaps), _marked(hours, gaps, method), reason)


def _scaled(hours: Hours, close_wh: int, reason: Reason) -> Settled:
    """Measured hours in proportion to themselves, gaps zero, all of method 3. Some measured energy must be there."""
    weights = np.where(hours.measured, hours.values, 0)
    everything = np.ones(len(weights), bool)
    return Settled(spread(close_wh, weights), _marked(hours, everything, SCALED), reason)


def _scaled_before(hours: Hours, close_wh: int) -> bool:
    """Hours that an earlier run scaled to this very close stay: scaling them again would estimate from estimates."""
    return bool((hours.methods == SCALED).all()) and int(hours.values.sum()) == close_wh


def _unchanged(hours: Hours, reason: Reason) -> Settled:
    return Settled(hours.values, hours.methods, reason)


def _marked(hours: Hours, rows: NDArray[np.bool_], method: int) -> NDArray[np.uint8]:
    return np.where(rows, method, hours.methods).astype(np.uint8)
