"""The historical mean: its worked numbers, which hours are samples, and the gaps of large meters that it fills."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.contract import Contract, History
from services.metering.domain.estimation.explain import Case, Code, reason_of_plain, reason_to_plain
from services.metering.domain.estimation.gaps import Laid, fill
from services.metering.domain.estimation.historical_mean import LOOK_BACK_DAYS, Recent, Usual, means_of, usual_of
from services.metering.domain.estimation.profiles import EvenProfile
from services.metering.domain.estimation.series import HourSeries, bounds
from services.metering.domain.hours import day_number
from services.metering.domain.readings import DOUBTFUL, MISSING, REAL
from tests.unit.metering.estimation.estimation_examples import AUTUMN, HOUSEHOLD, MADRID, MONDAY, SUNDAY, close

LARGE = Contract("3.0TD", "peninsula", (60_000,) * 6, meter_type=3)
WEEKS = timedelta(days=LOOK_BACK_DAYS)


def before(days: DatePeriod, wh: int | None = None) -> HourSeries:
    """The eight weeks before: every hour 1,000 Wh a week ago, 1,001 two weeks ago, ... (or ``wh``), all measured."""
    first, end = bounds(MADRID, DatePeriod(days.start - WEEKS, days.start))
    day, _ = MADRID.day_and_slot(np.arange(first, end))
    values = 999 + (day_number(days.start) - day + 6) // 7 if wh is None else np.full(end - first, wh)
    return HourSeries(first, values.astype(np.int64), np.full(end - first, REAL, np.uint8))


def measured(days: DatePeriod, gaps: range, wh: int = 700) -> HourSeries:
    first, end = bounds(MADRID, days)
    values, methods = np.full(end - first, wh, np.int64), np.full(end - first, REAL, np.uint8)
    values[list(gaps)], methods[list(gaps)] = 0, MISSING
    return HourSeries(first, values, methods)


def filled(days: DatePeriod, curve: HourSeries, recent: HourSeries | None, contract: Contract = LARGE, *closes) -> Laid:
    return fill(days, MADRID, curve, closes, None, contract, EvenProfile(), recent)


def hour(day: date, slot: int = 0) -> int:
    return MADRID.start_of(day_number(day)) + slot


def test_the_worked_mean_and_its_band() -> None:
    """480, 500, 520, 540 stay: mean 510, s = sqrt(2,000 / 3) = 25.82; 510 - 51.64 = 458.36 and 510 + 51.64 = 561.64."""
    usual = usual_of([480, 900, 500, 100, 520, 540])
    assert usual == Usual(510, 459, 561)
    assert [usual.holds(wh) for wh in (458, 459, 561, 562)] == [False, True, True, False]


def test_a_half_is_rounded_up_and_no_band_goes_below_zero() -> None:
    """0, 0, 0, 2 stay: mean 0.5, s = 1, band -1.5 to 2.5. Of equal values the band is the value itself."""
    assert usual_of([0, 0, 0, 0, 2, 9_000]) == Usual(1, 0, 2)
    assert usual_of([300] * 6) == Usual(300, 300, 300)
    with pytest.raises(ValueError, match="made of 6 samples, not of 5"):
        usual_of([1] * 5)


@given(st.lists(st.integers(0, 10**9), min_size=6, max_size=6))
def test_the_band_is_exact(samples: list[int]) -> None:
    """wh lies within mean +- 2 s just when (wh - mean)^2 <= 4 s^2, in fractions."""
    kept = sorted(samples)[1:5]
    mean = Fraction(sum(kept), 4)
    reach = 4 * sum((wh - mean) ** 2 for wh in kept) / 3
    usual = usual_of(samples)
    assert abs(usual.mean - mean) <= Fraction(1, 2) and kept[0] <= usual.mean <= kept[3]
    for end, outside in ((usual.high, usual.high + 1), (usual.low, usual.low - 1)):
        assert (outside < 0 or (outside - mean) ** 2 > reach) and (end - mean) ** 2 <= max(reach, Fraction(1, 4))


def test_the_six_latest_hours_of_the_same_clock_hour_and_day_type_are_the_samples() -> None:
    """A Sunday: of the Sundays before, 1,000 to 1,005 Wh, the four from 1,001 on are 1,002.5 in the mean: 1,003 Wh."""
    curve = measured(SUNDAY, range(24)).after(before(SUNDAY))
    assert Recent(MADRID, curve).usual(hour(SUNDAY.start)) == Usual(1_003, 1_000, 1_005)
    # Monday 12 October 2026 is a holiday: alike are the Sundays (the latest 8 days before it), not the Mondays.
    holiday = DatePeriod(date(2026, 10, 12), date(2026, 10, 13))
    values = before(holiday)
    day, _ = MADRID.day_and_slot(values.hours)
    sundays = HourSeries(values.first, np.where((day + 3) % 7 == 6, 5_000, 9), values.methods)
    found = Recent(MADRID, measured(holiday, range(24)).after(sundays)).usual(hour(holiday.start))
    assert found == Usual(5_000, 5_000, 5_000)


def test_estimates_and_doubtful_hours_are_no_samples() -> None:
    """Eight Sundays and 15 August, four of them not measured for certain: five are too few, wherever they lie."""
    for method in (MISSING, 2, 3, 4, 5, 6, 7, DOUBTFUL):
        recent = before(SUNDAY)
        for weeks in (1, 4, 6, 8):
            recent.methods[hour(SUNDAY.start - timedelta(weeks=weeks)) - recent.first] = method
        found = Recent(MADRID, measured(SUNDAY, range(24)).after(recent))
        assert found.usual(hour(SUNDAY.start)) is None
        assert found.usual(hour(SUNDAY.start, 1)) == Usual(1_003, 1_000, 1_005)


def test_a_long_gap_of_a_large_meter_takes_its_means_and_measured_hours_stay() -> None:
    """Four hours are too long to draw; 4 x 1,003 Wh, with the ends of mean +- 2 s 4 x 1,000 and 4 x 1,005."""
    laid = filled(SUNDAY, measured(SUNDAY, range(6, 10)), before(SUNDAY))
    assert laid.series.values[6:10].tolist() == [1_003] * 4 and laid.hours == 4
    assert laid.series.methods[6:10].tolist() == [5] * 4
    assert laid.after.values.tolist() == [700] * 6 + [1_003] * 4 + [700] * 14
    (reason,) = laid.reasons
    assert (reason.code, reason.case, reason.method) == (Code.HISTORICAL_MEAN, Case.MEAN, 5)
    figures = {name: reason.parameters[name] for name in ("gaps", "gap_wh", "low_wh", "high_wh")}
    assert figures == {"gaps": 4, "gap_wh": 4_012, "low_wh": 4_000, "high_wh": 4_020}
    assert "4,012 Wh together" in reason.office() and "similar days shortly before" in reason.member()
    assert reason_of_plain(reason_to_plain(reason)) == reason


def test_short_gaps_are_drawn_closes_come_first_and_households_have_their_own_cases() -> None:
    assert filled(SUNDAY, measured(SUNDAY, range(6, 9)), before(SUNDAY)).reasons[0].code is Code.INTERPOLATED
    gap = measured(SUNDAY, range(6, 10))
    read = filled(SUNDAY, gap, before(SUNDAY), LARGE, close(SUNDAY, 0, 0, 0, 0, 0, 20_000))
    assert read.reasons[0].code is Code.GAPS_FROM_CLOSE and int(read.after.values.sum()) == 20_000
    assert filled(SUNDAY, gap, before(SUNDAY), HOUSEHOLD).reasons[0].code is Code.CONTRACTED_POWER
    assert filled(SUNDAY, gap, None).reasons[0].code is Code.CONTRACTED_POWER


def test_means_come_before_last_year_but_only_when_every_missing_hour_has_one() -> None:
    gap, last_year = measured(SUNDAY, range(6, 10)), History(SUNDAY, (0,) * 5 + (48_000,), (0,) * 5 + (24,))
    recent = before(SUNDAY)
    arguments = (SUNDAY, MADRID, gap, [], last_year, LARGE, EvenProfile())
    assert fill(*arguments, recent).reasons[0].code is Code.HISTORICAL_MEAN
    for weeks in (1, 2, 3, 4):
        recent.methods[hour(SUNDAY.start - timedelta(weeks=weeks), 9) - recent.first] = MISSING
    laid = fill(*arguments, recent)
    assert laid.reasons[0].code is Code.LAST_YEAR and laid.series.values[6:10].tolist() == [2_000] * 4


def test_the_repeated_hour_repeats_the_one_before_it() -> None:
    """25 October 2026 has 2 o'clock twice: the second takes what the first measured, else the mean of the first.

    The six holidays before, from 18 October back with the 12th: 1,001, 1,001, 1,002, 1,003 stay, mean 1,001.75.
    """
    recent = before(AUTUMN)
    laid = filled(AUTUMN, measured(AUTUMN, range(3, 7)), recent)
    assert laid.series.values[3:7].tolist() == [700, 1_002, 1_002, 1_002]
    laid = filled(AUTUMN, measured(AUTUMN, range(2, 7)), recent)
    assert laid.series.values[2:7].tolist() == [1_002] * 5
    # A week later the long day is one sample at 2 o'clock, its first hour.
    later = DatePeriod(date(2026, 11, 1), date(2026, 11, 2))
    recent = before(later, 100)
    recent.values[hour(AUTUMN.start, 3) - recent.first] = 9_999
    assert Recent(MADRID, measured(later, range(24)).after(recent)).usual(hour(later.start, 2)) == Usual(100, 100, 100)


def test_the_hour_that_spring_leaves_out_is_no_sample_and_takes_no_value() -> None:
    """29 March 2026 has 23 hours; the Sunday after takes its 2 o'clock from six others, its 3 o'clock from that day too."""
    sunday = DatePeriod(date(2026, 4, 5), date(2026, 4, 6))
    recent = Recent(MADRID, measured(sunday, range(24)).after(before(sunday)))
    assert recent.usual(hour(sunday.start, 2)) == Usual(1_004, 1_001, 1_006)
    assert recent.usual(hour(sunday.start, 3)) == Usual(1_003, 1_000, 1_005)
    spring = DatePeriod(date(2026, 3, 29), date(2026, 3, 30))
    laid = filled(spring, measured(spring, range(1, 8)), before(spring))
    assert (len(laid.series), laid.hours) == (23, 7) and set(laid.series.values[1:8].tolist()) == {1_003}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([SUNDAY, MONDAY, AUTUMN]), st.integers(4, 20))
def test_what_was_estimated_before_changes_no_mean(seed: int, days: DatePeriod, length: int) -> None:
    """Whatever stands in hours that no meter measured: the estimate is the same, of every gap or of none."""
    random = np.random.default_rng(seed)
    curve, recent = measured(days, range(1, 1 + length)), before(days)
    recent.values[:] = random.integers(0, 60_000, len(recent))
    recent.methods[:] = random.choice(np.array([REAL, REAL, REAL, MISSING, 2, 5, 7], np.uint8), len(recent))
    other = HourSeries(recent.first, np.where(recent.methods == REAL, recent.values, 1_234_567), recent.methods)
    first, second = (filled(days, curve, one) for one in (recent, other))
    assert np.array_equal(first.after.values, second.after.values) and first.reasons == second.reasons
    gaps = curve.hours[~curve.measured]
    means = means_of(Recent(MADRID, curve.after(recent)), gaps)
    assert means is None or means.low_wh <= int(means.values.sum()) <= means.high_wh + len(gaps)
    assert np.array_equal(first.after.values[curve.measured], curve.values[curve.measured])


def test_hours_that_do_not_follow_are_told() -> None:
    with pytest.raises(ValueError, match="are not followed by those from"):
        measured(MONDAY, range(0)).after(before(SUNDAY))
    with pytest.raises(ValueError, match="is not one of the 24"):
        Recent(MADRID, measured(MONDAY, range(0))).usual(hour(SUNDAY.start))
