"""What must hold for every curve, close and profile: nothing lost, nothing invented, nothing twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import Close, Origin
from services.metering.domain.estimation.contract import Contract, History
from services.metering.domain.estimation.estimate import EstimatedCurve, estimate
from services.metering.domain.estimation.explain import MEMBER, OFFICE, Case, Code
from services.metering.domain.estimation.profiles import sample_profile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.estimation.split import half_up, spread
from services.metering.domain.readings import MISSING, REAL
from tests.unit.metering.estimation.estimation_examples import MADRID

many = settings(max_examples=150, deadline=None)

STARTS = [date(2026, 3, 28), date(2026, 10, 24), date(2026, 10, 12), date(2026, 1, 1), date(2028, 2, 28)]
REMOTE = (Origin.REMOTE, Origin.REMOTE_MANAGEMENT, Origin.VISUAL, Origin.PORTABLE)


@dataclass
class Situation:
    days: DatePeriod
    curve: HourSeries
    closes: list[Close]
    history: History | None
    contract: Contract

    def run(self, curve: HourSeries | None = None) -> EstimatedCurve:
        profile = sample_profile(self.contract.tariff)
        curve = self.curve if curve is None else curve
        return estimate(self.days, MADRID, curve, self.closes, self.history, self.contract, profile)

    def periods(self) -> np.ndarray:
        return self.contract.calendar.classify(self.curve.hours)


@st.composite
def situations(draw: st.DrawFn, origins: tuple[Origin, ...] = tuple(Origin)) -> Situation:
    start = draw(st.sampled_from(STARTS))
    days = DatePeriod(start, start + timedelta(days=draw(st.integers(1, 4))))
    tariff, count = draw(st.sampled_from([("2.0TD", 3), ("3.0TD", 6)]))
    zone = draw(st.sampled_from(["peninsula", "baleares", "ceuta"]))
    first, end = bounds(MADRID, days)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = random.integers(0, draw(st.sampled_from([1, 3, 2_000, 55_000])), end - first)
    choices = draw(st.sampled_from([[REAL], [MISSING], [REAL, MISSING], [REAL, REAL, MISSING, 9], [REAL, 2, 4, 5, 6]]))
    methods = random.choice(np.array(choices, np.uint8), end - first)
    values[methods == MISSING] = 0
    closes = []
    for origin in draw(st.lists(st.sampled_from(origins), max_size=1)):
        wh = st.integers(0, draw(st.sampled_from([0, 900, 30_000, 2_000_000])))
        closes.append(Close(days, tuple(draw(wh) for _ in range(count)), origin))
    history = None
    if draw(st.booleans()):
        amounts = tuple(draw(st.none() | st.integers(0, 10**6)) for _ in range(count))
        history = History(days, amounts, tuple(draw(st.integers(0, 90)) for _ in range(count)))
    contract = Contract(tariff, zone, (3_450,) * count, draw(st.sampled_from([3, 5])))
    return Situation(days, HourSeries(first, values, methods), closes, history, contract)


@many
@given(situations())
def test_every_hour_has_a_value_a_method_and_a_reason(one: Situation) -> None:
    result = one.run()
    assert result.values.min() >= 0
    assert MISSING not in result.methods
    for position in (0, len(result.values) - 1):
        reason = result.why(int(result.hours[position]))
        assert reason.tariff_period == f"P{one.periods()[position]}"
        assert "{" not in reason.office() and reason.member()


@many
@given(situations(REMOTE))
def test_the_sum_is_the_close_exactly_wherever_hours_were_estimated(one: Situation) -> None:
    result, periods = one.run(), one.periods()
    if not one.closes:
        return
    for reason in result.explanation:
        number = int(reason.tariff_period[1:])
        close_wh = one.closes[0].wh[number - 1]
        summed = int(result.values[periods == number].sum())
        if reason.code in (Code.CURVE_COHERENT, Code.INTERPOLATED):
            assert abs(close_wh - summed) <= 1_000
        elif reason.code is not Code.NO_HOURS:
            assert summed == close_wh


@many
@given(situations())
def test_measured_hours_stay_as_they_are_unless_the_case_scales_or_discards_them(one: Situation) -> None:
    result, periods, measured = one.run(), one.periods(), one.curve.measured
    for reason in result.explanation:
        if reason.case in (Case.A2, Case.C_PRIME, Case.E, Case.E_PRIME):
            continue
        kept = measured & (periods == int(reason.tariff_period[1:]))
        assert (result.values[kept] == one.curve.values[kept]).all()
        assert (result.methods[kept] == one.curve.methods[kept]).all()


@many
@given(situations())
def test_an_estimate_of_the_result_is_the_result(one: Situation) -> None:
    once = one.run()
    twice = one.run(once.series)
    assert (twice.values == once.values).all()
    assert (twice.methods == once.methods).all()


@many
@given(situations(), st.integers(0, 2**32))
def test_estimates_in_the_input_change_nothing(one: Situation, seed: int) -> None:
    estimated = (one.curve.methods >= 2) & (one.curve.methods <= 6)
    other = one.curve.values.copy()
    other[estimated] = np.random.default_rng(seed).integers(0, 10**6, int(estimated.sum()))
    erased = one.curve.methods.copy()
    erased[estimated] = MISSING
    plain = one.run()
    for changed in (replace(one.curve, values=other), replace(one.curve, methods=erased)):
        again = one.run(changed)
        assert (again.values == plain.values).all() and (again.methods == plain.methods).all()


@many
@given(
    st.integers(0, 10**15),
    st.lists(st.integers(0, 10**12) | st.integers(0, 3) | st.just(2**62), min_size=1, max_size=60),
)
def test_shares_close_and_stay_within_one_wh_of_their_proportion(total: int, weights: list[int]) -> None:
    shares = spread(total, np.array(weights, np.int64)).tolist()
    whole = sum(weights)
    assert sum(shares) == total and min(shares) >= 0
    if whole:
        assert all(abs(share * whole - total * weight) <= whole for share, weight in zip(shares, weights, strict=True))
    else:
        assert max(shares) - min(shares) <= 1


def test_shares_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="-1 Wh cannot be shared out"):
        spread(-1, np.array([1]))
    with pytest.raises(ValueError, match="no hour to take them"):
        spread(5, np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="-3 is no weight"):
        spread(5, np.array([1, -3]))
    assert spread(0, np.zeros(0, np.int64)).tolist() == []
    assert (half_up(5, 2), half_up(4, 3), half_up(0, 7)) == (3, 1, 0)


def test_every_code_has_its_sentences() -> None:
    assert set(OFFICE) == set(Code) == set(MEMBER)
