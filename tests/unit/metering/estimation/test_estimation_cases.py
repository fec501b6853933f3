"""The cases of the estimation procedure, each with its worked number (P.O. 10.5; Resolution of 2 June 2015 and later)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import Close, Origin
from services.metering.domain.estimation.contract import (
    Contract,
    History,
    history_of,
    history_of_close,
    year_before,
)
from services.metering.domain.estimation.estimate import EstimatedCurve, estimate
from services.metering.domain.estimation.explain import Case, Code
from services.metering.domain.estimation.profiles import EvenProfile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.hours import local_days
from services.metering.domain.readings import DOUBTFUL, MISSING, REAL, is_estimated
from tests.unit.metering.estimation.estimation_examples import (
    AUTUMN,
    HOUSEHOLD,
    MADRID,
    MONDAY,
    OCTOBER,
    SAMPLE,
    SPRING,
    SUNDAY,
    close,
    curve,
    profile_of,
)

WORKED = [800, 700, 0, 0, 500]
"""Hours 1, 2 and 5 measured, 3 and 4 missing: 2,000 Wh valid."""


def run(
    days: DatePeriod,
    measured: HourSeries,
    *closes: Close,
    history: History | None = None,
    contract: Contract = HOUSEHOLD,
    profile=SAMPLE,
) -> EstimatedCurve:
    return estimate(days, MADRID, measured, closes, history, contract, profile)


def only(result: EstimatedCurve, period: str):
    (reason,) = [reason for reason in result.explanation if reason.tariff_period == period]
    return reason


def test_case_c_worked_2000_wh_over_two_gaps_are_909_and_1091() -> None:
    """4,000 - 2,000 = 2,000; hour 3: 2,000 x 0.15 / 0.33 = 909.09 -> 909; hour 4 takes the carry: 1,091."""
    result = run(
        SUNDAY, curve(SUNDAY, WORKED, [2, 3]), close(SUNDAY, 0, 0, 4_000), profile=profile_of(h3="0.15", h4="0.18")
    )
    assert result.values[:5].tolist() == [800, 700, 909, 1_091, 500]
    assert result.methods[:5].tolist() == [1, 1, 2, 2, 1]
    assert result.values.sum() == 4_000
    reason = result.why(int(result.hours[2]))
    assert (reason.code, reason.case, reason.method) == (Code.GAPS_FROM_CLOSE, Case.C, 2)
    assert reason.parameters["missing_wh"] == 2_000 and reason.parameters["gaps"] == 2


def test_case_c_prime_worked_720_630_450() -> None:
    """Close 1,800 below the 2,000 measured: gaps zero, the others x 0.9."""
    result = run(SUNDAY, curve(SUNDAY, WORKED, [2, 3]), close(SUNDAY, 0, 0, 1_800))
    assert result.values[:5].tolist() == [720, 630, 0, 0, 450]
    assert set(result.methods.tolist()) == {3}
    assert only(result, "P3").case is Case.C_PRIME


@pytest.mark.parametrize(("close_wh", "case"), [(24_000, "a1"), (25_000, "a1"), (23_000, "a1"), (25_001, "a2")])
def test_a_complete_curve_stands_within_one_kwh(close_wh: int, case: str) -> None:
    result = run(SUNDAY, curve(SUNDAY, 1_000), close(SUNDAY, 0, 0, close_wh))
    assert only(result, "P3").case == case
    if case == "a1":
        assert result.values.tolist() == [1_000] * 24 and set(result.methods.tolist()) == {REAL}
    else:
        assert result.values.sum() == close_wh and set(result.methods.tolist()) == {3}


def test_case_a2_scales_only_the_tariff_period_that_disagrees() -> None:
    """Monday: P1 8 h, P2 8 h, P3 8 h of 100 Wh; only P2's close is off."""
    result = run(MONDAY, curve(MONDAY, 100), close(MONDAY, 800, 4_000, 1_000))
    period = HOUSEHOLD.calendar.classify(result.hours)
    assert result.values[period == 2].tolist() == [500] * 8 and set(result.methods[period == 2].tolist()) == {3}
    assert result.values[period != 2].tolist() == [100] * 16 and set(result.methods[period != 2].tolist()) == {1}


def test_a_complete_curve_of_zeros_takes_the_close_by_profile() -> None:
    result = run(SUNDAY, curve(SUNDAY, 0), close(SUNDAY, 0, 0, 5_000))
    assert result.values.sum() == 5_000 and result.values.min() > 0 and set(result.methods.tolist()) == {3}
    assert only(result, "P3").code is Code.EMPTY_CURVE_PROFILED


def test_case_b_without_a_close_the_curve_is_the_close() -> None:
    result = run(MONDAY, curve(MONDAY, 321))
    assert {reason.case for reason in result.explanation} == {Case.B}
    assert set(result.values.tolist()) == {321} and set(result.methods.tolist()) == {REAL}


@pytest.mark.parametrize("origin", [Origin.VISUAL, Origin.PORTABLE])
def test_case_d_a_reading_on_the_spot_replaces_the_close(origin: Origin) -> None:
    result = run(
        SUNDAY,
        curve(SUNDAY, WORKED, [2, 3]),
        close(SUNDAY, 0, 0, 4_000, origin=origin),
        profile=profile_of(h3="0.15", h4="0.18"),
    )
    assert result.values[2:4].tolist() == [909, 1_091] and result.methods[2:4].tolist() == [2, 2]
    assert only(result, "P3").case is Case.D


def test_case_d_prime_a_self_reading_fills_with_method_4() -> None:
    result = run(
        SUNDAY,
        curve(SUNDAY, WORKED, [2, 3]),
        close(SUNDAY, 0, 0, 4_000, origin=Origin.SELF_READING),
        profile=profile_of(h3="0.15", h4="0.18"),
    )
    assert result.values[2:4].tolist() == [909, 1_091] and result.methods[:5].tolist() == [1, 1, 4, 4, 1]
    assert only(result, "P3").case is Case.D_PRIME


def test_a_self_reading_never_changes_what_the_meter_measured() -> None:
    low = close(SUNDAY, 0, 0, 1_800, origin=Origin.SELF_READING)
    with_gaps = run(SUNDAY, curve(SUNDAY, WORKED, [2, 3]), low)
    assert with_gaps.values[:5].tolist() == WORKED and with_gaps.methods[:5].tolist() == [1, 1, 4, 4, 1]
    assert only(with_gaps, "P3").code is Code.SELF_READING_BELOW_CURVE
    complete = run(SUNDAY, curve(SUNDAY, 1_000), low)
    assert set(complete.methods.tolist()) == {REAL} and only(complete, "P3").code is Code.SELF_READING_DISAGREES


def test_case_e_takes_the_same_period_last_year_in_proportion_to_the_hours() -> None:
    """October 2025 had 184 P1 hours, October 2026 has 168: 184,000 Wh then are 168,000 Wh now."""
    last_year = year_before(OCTOBER)
    history = history_of(HOUSEHOLD, curve(last_year, 1_000), last_year)
    assert history.wh == tuple(1_000 * hours for hours in history.hours) and sum(history.hours) == 745
    result = run(OCTOBER, curve(OCTOBER, 77, [5, 12]), history=history)
    period = HOUSEHOLD.calendar.classify(result.hours)
    energy = {number: int(result.values[period == number].sum()) for number in (1, 2, 3)}
    assert energy == {1: 168_000, 2: 168 * 77, 3: 409_000}
    assert set(result.methods[period == 1].tolist()) == {5}, "the curve of a period with gaps is discarded"
    assert set(result.methods[period == 2].tolist()) == {1}, "a whole period is its own close (b)"
    assert only(result, "P1").parameters["history_hours"] == 184


def test_case_e_on_another_weekday_uses_the_mean_of_all_hours() -> None:
    """A Monday estimated from a Sunday: 24 hours of 500 Wh, all P3; each tariff period gets 8 hours of the mean."""
    sunday = DatePeriod(date(2025, 10, 5), date(2025, 10, 6))
    history = history_of(HOUSEHOLD, curve(sunday, 500), sunday)
    result = run(MONDAY, curve(MONDAY, 0, list(range(24))), history=history)
    assert [reason.parameters["result_wh"] for reason in result.explanation] == [4_000, 4_000, 4_000]


def test_history_with_estimates_is_no_history() -> None:
    last_year = year_before(MONDAY)
    estimated = curve(last_year, 500)
    estimated.methods[12] = 2
    history = history_of(HOUSEHOLD, estimated, last_year)
    assert history.wh[2] is None and history.hours == (0, 0, 24)
    assert history.expected(3, 8) is None


def test_case_e_prime_contracted_power_by_hours_by_a_third() -> None:
    """3,450 W x 8 h x 33 % = 9,108 Wh in each tariff period of a working day."""
    result = run(MONDAY, curve(MONDAY, 0, list(range(24))))
    assert [reason.parameters["result_wh"] for reason in result.explanation] == [9_108] * 3
    assert result.values.sum() == 27_324 and set(result.methods.tolist()) == {6}
    valley = run(MONDAY, curve(MONDAY, 0, list(range(24))), contract=replace(HOUSEHOLD, power_w=(3_450, 1_000)))
    assert only(valley, "P3").parameters["result_wh"] == 2_640, "P3 runs on the power of P2"


def test_without_power_there_is_nothing_to_estimate_from() -> None:
    with pytest.raises(Invalid, match="no power in period P1"):
        run(MONDAY, curve(MONDAY, 0, [12]), contract=replace(HOUSEHOLD, power_w=()))


@pytest.mark.parametrize("origin", [Origin.ESTIMATED, Origin.CALCULATED, Origin.NONE])
def test_a_close_that_is_an_estimate_is_left_aside(origin: Origin) -> None:
    with_it = run(MONDAY, curve(MONDAY, 100, [12]), close(MONDAY, 9_000, 9_000, 9_000, origin=origin))
    without = run(MONDAY, curve(MONDAY, 100, [12]))
    assert with_it.values.tolist() == without.values.tolist()


def test_a_period_without_hourly_meter_follows_the_profile() -> None:
    """Closes alone (5.7): every hour is method 2 and shown as E, each tariff period closes."""
    result = run(OCTOBER, curve(OCTOBER, 0, list(range(745))), close(OCTOBER, 60_000, 50_000, 120_001))
    period = HOUSEHOLD.calendar.classify(result.hours)
    assert [int(result.values[period == number].sum()) for number in (1, 2, 3)] == [60_000, 50_000, 120_001]
    assert all(is_estimated(method) for method in result.methods.tolist())


def test_days_of_23_and_25_hours() -> None:
    spring = run(SPRING, curve(SPRING, 0, list(range(23))), close(SPRING, 0, 0, 9_999))
    assert len(spring.values) == 23 and spring.values.sum() == 9_999
    profile = profile_of(h3="0.05", h4="0.02")
    autumn = run(AUTUMN, curve(AUTUMN, 0, list(range(25))), close(AUTUMN, 0, 0, 34_000), profile=profile)
    assert autumn.values.sum() == 34_000
    assert autumn.values[:5].tolist() == [1_000, 1_000, 5_000, 5_000, 2_000], "the repeated hour repeats its value"


def test_the_canaries_have_their_own_midnight() -> None:
    canary = local_days("Atlantic/Canary")
    first, end = bounds(canary, AUTUMN)
    missing = HourSeries(first, np.zeros(end - first, np.int64), np.zeros(end - first, np.uint8))
    contract = Contract("2.0TD", "canarias", (3_450, 3_450))
    result = estimate(AUTUMN, canary, missing, [close(AUTUMN, 0, 0, 25_000)], None, contract, SAMPLE)
    assert len(result.values) == 25 and result.values.sum() == 25_000


def test_a_meter_replaced_inside_the_period_has_two_closes() -> None:
    first, second = (
        DatePeriod(date(2026, 10, 3), date(2026, 10, 4)),
        DatePeriod(date(2026, 10, 4), date(2026, 10, 5)),
    )
    weekend = DatePeriod(first.start, second.end)
    result = run(weekend, curve(weekend, 100, [1, 30]), close(second, 0, 0, 5_000), close(first, 0, 0, 2_400))
    assert result.values[1] == 100 and result.values[30] == 2_700
    assert [reason.days for reason in result.explanation] == [first, second]


def test_a_close_for_a_tariff_period_without_hours_says_so() -> None:
    result = run(SUNDAY, curve(SUNDAY, 100), close(SUNDAY, 3_000, 0, 2_400))
    assert only(result, "P1").code is Code.NO_HOURS and only(result, "P1").parameters["close_wh"] == 3_000


def test_doubtful_measurements_stay_and_keep_their_mark() -> None:
    doubtful = curve(SUNDAY, 100, [3], method=DOUBTFUL)
    result = run(SUNDAY, doubtful, close(SUNDAY, 0, 0, 2_500))
    assert result.values[3] == 200 and result.methods[3] == 2 and set(np.delete(result.methods, 3).tolist()) == {9}


def test_short_gaps_of_large_meters_are_interpolated() -> None:
    """100 . . . 500: 200, 300, 400. Four hours in a row are too many, and a close that disagrees comes first."""
    large = Contract("6.1TD", "peninsula", (500_000,) * 6, meter_type=3)
    values = [100] * 24
    values[5] = 500
    measured = curve(SUNDAY, values, [2, 3, 4])
    profile = EvenProfile("6.1TD")
    drawn = run(SUNDAY, measured, contract=large, profile=profile)
    assert drawn.values[1:6].tolist() == [100, 200, 300, 400, 500] and drawn.methods[2:5].tolist() == [2, 2, 2]
    assert only(drawn, "P6").case is Case.INTERPOLATED
    agreeing = run(SUNDAY, measured, close(SUNDAY, 0, 0, 0, 0, 0, 4_100), contract=large, profile=profile)
    assert agreeing.values.tolist() == drawn.values.tolist()
    disagreeing = run(SUNDAY, measured, close(SUNDAY, 0, 0, 0, 0, 0, 8_000), contract=large, profile=profile)
    assert only(disagreeing, "P6").case is Case.C and disagreeing.values.sum() == 8_000
    four = run(SUNDAY, curve(SUNDAY, values, [1, 2, 3, 4]), contract=large, profile=profile)
    assert only(four, "P6").case is Case.E_PRIME
    household = run(SUNDAY, measured)
    assert only(household, "P3").case is Case.E_PRIME


def test_history_out_of_a_real_close() -> None:
    last_year = year_before(OCTOBER)
    history = history_of_close(HOUSEHOLD, close(last_year, 184_000, 1, 2), MADRID)
    assert history is not None and history.expected(1, 168) == (168_000, 184_000, 184)
    assert history_of_close(HOUSEHOLD, close(last_year, 1, 1, 1, origin=Origin.SELF_READING), MADRID) is None
    assert history_of_close(HOUSEHOLD, close(last_year, 1), MADRID) is None


def test_the_year_before_a_leap_day() -> None:
    leap = DatePeriod(date(2028, 2, 29), date(2028, 3, 1))
    assert year_before(leap) == DatePeriod(date(2027, 2, 28), date(2027, 3, 1))
    assert year_before(DatePeriod.month("2028-02")) == DatePeriod.month("2027-02")


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(Invalid, match="2026-10-05 to 2026-10-06 are 24 hours"):
        run(MONDAY, curve(AUTUMN, 1))
    with pytest.raises(Invalid, match=r"has 1 tariff periods, 2\.0TD has 3"):
        run(MONDAY, curve(MONDAY, 1), close(MONDAY, 5))
    with pytest.raises(Invalid, match="reaches beyond"):
        run(MONDAY, curve(MONDAY, 1), close(OCTOBER, 5, 5, 5))
    with pytest.raises(Invalid, match="overlaps"):
        run(MONDAY, curve(MONDAY, 1), close(MONDAY, 5, 5, 5), close(MONDAY, 5, 5, 5))
    with pytest.raises(Invalid, match="-5 Wh"):
        run(MONDAY, curve(MONDAY, -5))
    with pytest.raises(Refused, match="no coefficient for 2020-01-06 hour 1: upload"):
        early = DatePeriod(date(2020, 1, 6), date(2020, 1, 7))
        run(early, curve(early, 0, list(range(24))), close(early, 0, 0, 5))
    with pytest.raises(ValueError, match="is not in"):
        run(MONDAY, curve(MONDAY, 1)).why(0)


def test_no_hour_stays_missing() -> None:
    assert MISSING not in run(OCTOBER, curve(OCTOBER, 5, list(range(0, 745, 7)))).methods.tolist()
