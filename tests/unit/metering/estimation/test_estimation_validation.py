"""Checks on hours and closes, priority of readings, corrections, profiles: each rule with its number and source."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.curve import blank_days
from services.metering.domain.estimation.closes import Origin, rank, standing, supersedes
from services.metering.domain.estimation.contract import most_wh_of
from services.metering.domain.estimation.explain import Case, Code, Reason, letter
from services.metering.domain.estimation.profiles import COLUMNS, EvenProfile, load_profiles, sample_profile
from services.metering.domain.estimation.regularisation import claimable, correction
from services.metering.domain.estimation.series import series_of
from services.metering.domain.estimation.validation import (
    Problem,
    check_amount,
    check_registers,
    check_window,
    coherent,
    without_absurd_hours,
)
from services.metering.domain.hours import day_number
from services.metering.domain.readings import MISSING, REAL
from services.metering.domain.register_closes import Kept, closes, without_overlaps
from services.metering.domain.registers import WH
from tests.unit.metering.estimation.estimation_examples import (
    AUTUMN,
    MADRID,
    MONDAY,
    OCTOBER,
    SPRING,
    SUNDAY,
    close,
    curve,
    reading,
)


def test_more_than_55_kwh_in_an_hour_is_a_gap_for_type_5_only() -> None:
    measured = curve(SUNDAY, [55_000, 55_001])
    kept, absurd = without_absurd_hours(measured, most_wh_of((4_600, 15_000)))
    assert absurd == 1 and kept.methods[:2].tolist() == [REAL, MISSING] and kept.values[:2].tolist() == [55_000, 0]
    assert measured.methods[1] == REAL, "the original stays as it was"
    assert most_wh_of((4_600, 15_001)) is None and most_wh_of((300_000,) * 6) is None
    assert most_wh_of(()) is None, "of whom nothing is known, may be a large consumer"
    assert without_absurd_hours(measured, None) == (measured, 0)


def test_registers_never_run_backwards_and_add_up() -> None:
    initial = reading(date(2026, 10, 1), 5_000, 7_000, origin=Origin.REMOTE)
    final = replace(reading(date(2026, 11, 1), 6_000, 6_000, origin=Origin.REMOTE), total_wh=12_500)
    backwards, unequal = check_registers(initial, final)
    assert backwards.problem is Problem.BACKWARDS
    assert backwards.sentence() == "Register P2 runs backwards: 7,000 Wh, then 6,000 Wh."
    assert unequal.problem is Problem.SUM_DIFFERS
    assert "12,000 Wh, the total register shows 12,500 Wh" in unequal.sentence()
    assert [found.problem for found in check_registers(initial, final, tolerance_wh=500)] == [Problem.BACKWARDS]
    assert check_registers(initial, replace(initial, total_wh=12_000)) == []


@pytest.mark.parametrize(
    ("wh", "months", "problem"),
    [
        (119_999, [90_000, 100_000], None),
        (120_000, [90_000, 100_000], Problem.GROWTH),
        (0, [0], None),
        (2_566_800, [], None),
        (2_566_801, [], Problem.ABOVE_POWER),
    ],
)
def test_a_close_is_credible_below_120_percent_or_contracted_power(wh: int, months: list[int], problem) -> None:
    """3.45 kW x 744 h = 2,566.8 kWh bounds a supply without history."""
    found = check_amount(wh, months, 3_450, 744)
    assert [one.problem for one in found] == ([problem] if problem else [])
    assert all("{" not in one.sentence() for one in found)


def test_window_of_three_days() -> None:
    due = date(2026, 11, 1)
    assert check_window(date(2026, 11, 4), due) == [] == check_window(date(2026, 10, 29), due)
    (found,) = check_window(date(2026, 11, 5), due)
    assert found.sentence() == "The reading of 2026-11-05 is more than 3 days from 2026-11-01, the day it was due."


def test_coherence_is_one_kwh_the_limit_included() -> None:
    assert coherent(10_000, 9_000) and coherent(9_000, 10_000) and not coherent(10_001, 9_000)


def test_technician_before_member_before_estimate() -> None:
    day = date(2026, 11, 1)
    estimate = reading(day, 1, origin=Origin.ESTIMATED, received=9)
    member = reading(day, 1, origin=Origin.SELF_READING, received=8)
    visual = reading(day, 1, origin=Origin.VISUAL, received=2)
    remote = reading(day, 1, origin=Origin.REMOTE, received=3)
    assert standing([estimate, visual, member, remote]) is remote, "of two technicians' readings the later received"
    assert standing([estimate, member]) is member
    assert supersedes(member, estimate) and not supersedes(member, visual) and not supersedes(remote, remote)
    assert rank(Origin.NONE) < rank(Origin.CALCULATED) < rank(Origin.SELF_READING) < rank(Origin.PORTABLE)
    with pytest.raises(ValueError, match="no reading to choose from"):
        standing([])


def test_worked_self_reading_235_kwh_then_15_kwh_in_the_members_favour() -> None:
    """Real 12,340 on 1 Oct; self-reading 12,575 on 28 Oct: 235 kWh; real 12,560 on 1 Nov wins: 15 kWh back."""
    last_real = reading(date(2026, 10, 1), 12_340_000, origin=Origin.REMOTE)
    own = reading(date(2026, 10, 28), 12_575_000, origin=Origin.SELF_READING)
    real = reading(date(2026, 11, 1), 12_560_000, origin=Origin.REMOTE, received=2)
    (provisional,) = closes([Kept("a", WH, last_real), Kept("b", WH, own)])
    assert provisional.used == (235_000,) and provisional.origin is Origin.SELF_READING
    assert correction(own, real).total_wh == -15_000
    with pytest.raises(Invalid, match="technician comes before member"):
        correction(real, own)
    with pytest.raises(Invalid, match="do not correct each other"):
        correction(own, replace(real, meter="OTHER"))


def test_worked_twelve_of_fourteen_months_are_claimable() -> None:
    """1,400 kWh over 14 months found on 1 Nov 2026: 1,200 kWh claimable, 200 kWh lapsed (RD 88/2026 art. 45.2)."""
    months = [DatePeriod.month(text) for text in ("2025-09", "2025-10", "2025-11", "2025-12")]
    months += [DatePeriod.month(f"2026-{number:02}") for number in range(1, 11)]
    assert len(months) == 14
    assert claimable([(month, 100_000) for month in months], date(2026, 11, 1)) == (1_200_000, 200_000)
    assert claimable([(DatePeriod.month("2025-11"), 30_000)], date(2026, 11, 11)) == (20_000, 10_000)
    assert claimable([(DatePeriod.month("2027-02"), 28)], date(2028, 2, 29)) == (1, 27), "from 28 February 2027 on"


def test_a_replaced_meter_is_closed_on_each_meter() -> None:
    """Old meter 990 -> 1,000 kWh, new one 0 -> 25: 35 kWh, not -965."""
    old = [
        reading(date(2026, 10, 1), 990_000, origin=Origin.REMOTE, meter="OLD"),
        reading(date(2026, 10, 9), 1_000_000, origin=Origin.VISUAL, meter="OLD"),
    ]
    new = [
        reading(date(2026, 10, 9), 0, origin=Origin.VISUAL, meter="NEW"),
        reading(date(2026, 11, 1), 25_000, origin=Origin.REMOTE, meter="NEW"),
    ]
    found = without_overlaps(one for some in (old, new) for one in closes(Kept(str(r.day), WH, r) for r in some))
    assert [(one.meter, one.used) for one in found] == [("OLD", (10_000,)), ("NEW", (25_000,))]
    assert found[0].period.start == OCTOBER.start and found[-1].period.end == OCTOBER.end
    with pytest.raises(Invalid, match="-1 Wh"):
        close(OCTOBER, 5, -1)


def test_a_close_is_as_good_as_its_worst_reading() -> None:
    real = reading(date(2026, 10, 1), 1, origin=Origin.REMOTE)
    estimate = reading(date(2026, 11, 1), 2, origin=Origin.ESTIMATED)
    for pair in ([real, estimate], [replace(real, origin=Origin.ESTIMATED), replace(estimate, origin=Origin.REMOTE)]):
        assert [one.origin for one in closes(Kept(str(r.day), WH, r) for r in pair)] == [Origin.ESTIMATED]


def test_a_series_out_of_day_curves() -> None:
    three = DatePeriod(date(2026, 10, 24), date(2026, 10, 27))
    day = np.array([day_number(date(2026, 10, 25)), day_number(date(2026, 10, 24)), day_number(date(2026, 10, 27))])
    curves = blank_days(MADRID.lengths(day))
    curves.values[:, :, 0] = np.arange(25)
    curves.values[:, :, 1] = 7
    curves.quality[curves.length[:, None] > np.arange(25)] = REAL
    series = series_of(MADRID, three, day, curves)
    assert len(series) == 24 + 25 + 24
    assert series.values.tolist() == [*range(24), *range(25), *([0] * 24)]
    assert series.methods.tolist() == [REAL] * 49 + [MISSING] * 24
    assert series_of(MADRID, three, day, curves, channel=1).values[:49].tolist() == [7] * 49


@pytest.mark.parametrize("tariff", ["2.0TD", "3.0TD"])
def test_the_shipped_sample_is_whole_and_says_what_it_is(tariff: str) -> None:
    profile = sample_profile(tariff)
    assert all("sample" in source and "not published by REE" in source for source in profile.sources)
    year = DatePeriod(date(2026, 1, 1), date(2027, 1, 1))
    weights = profile.weights(MADRID, curve(year, 0).hours)
    assert len(weights) == 8_760 and weights.min() > 0
    assert abs(int(weights.sum()) - 10**12) < 10**9, "the shares of 2026 add up to one, within the clock changes"
    assert len(profile.weights(MADRID, curve(SPRING, 0).hours)) == 23
    autumn = profile.weights(MADRID, curve(AUTUMN, 0).hours)
    assert len(autumn) == 25 and autumn[2] == autumn[3]


def test_holidays_saturdays_and_working_days_differ() -> None:
    rows = [
        f"2.0TD,2026-01-01,,,{kind},{hour},0.{share},x"
        for kind, share in (("working", 1), ("saturday", 2), ("holiday", 3))
        for hour in range(1, 25)
    ]
    profile = load_profiles([",".join(COLUMNS), *rows]).profiles["2.0TD"]

    def share(day: date) -> int:
        return int(profile.weights(MADRID, np.array([MADRID.start_of(day_number(day))]))[0]) // 10**11

    days = [date(2026, 10, 9), date(2026, 10, 10), date(2026, 10, 11), date(2026, 10, 12), date(2026, 4, 3)]
    assert [share(day) for day in days] == [1, 2, 3, 3, 1], "12 October is a holiday, Good Friday is none"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("2.0TD,2026-01-01,,1,working,1,0.1", "The row has 7 cells, not 8."),
        (",2026-01-01,,1,working,1,0.1,x", "must name its tariff"),
        ("2.0TD,1/1/2026,,1,working,1,0.1,x", 'from is "1/1/2026": write a date'),
        ("2.0TD,2026-01-01,2026-01-01,1,working,1,0.1,x", "no day lies between"),
        ("2.0TD,2026-01-01,,13,working,1,0.1,x", 'month is "13": it must be a number from 1 to 12'),
        ("2.0TD,2026-01-01,,1,lunes,1,0.1,x", 'day_type is "lunes"'),
        ("2.0TD,2026-01-01,,1,working,0,0.1,x", 'hour is "0": it must be a number from 1 to 24'),
        ("2.0TD,2026-01-01,,1,working,1,zero,x", 'coefficient is "zero"'),
        ("2.0TD,2026-01-01,,1,working,1,NaN,x", "between 0 and 1"),
        ("2.0TD,2026-01-01,,1,working,1,1.5,x", "between 0 and 1"),
        ("2.0TD,2026-01-01,,1,working,1,0.1234567890123,x", "more than 12 decimal places"),
        ("2.0TD,2026-06-01,2026-07-01,,any,24,0.1,x", "Another row gives a coefficient for the same days"),
        ('2.0TD,2026-01-01,,1,working,1,0.1,"x', "The row is no CSV: unexpected end of data."),
        ("2.0TD,2026-01-01,,1,working,1,0.1," + "x" * 200_000, "The row is no CSV: field larger than"),
    ],
    ids=lambda told: told[:50],
)
def test_a_bad_row_is_named_and_stops_no_other(row: str, sentence: str) -> None:
    good = "2.0TD,2026-01-01,,,any,24,0.5,x"
    loaded = load_profiles([",".join(COLUMNS), "# remark", good, row, "3.0TD,2026-01-01,,,any,1,0.5,y"])
    (refused,) = loaded.refused
    assert refused.line == 4 and sentence in refused.reason and refused.value == row[:120]
    assert set(loaded.profiles) == {"2.0TD", "3.0TD"}


def test_a_published_profile_by_date_and_hour_fits_the_format() -> None:
    rows = [
        f"2.0TD,2026-10-{day:02},2026-10-{day + 1:02},,any,{hour},0.00{day:02}{hour:02},REE"
        for day in (4, 5)
        for hour in range(1, 25)
    ]
    loaded = load_profiles([",".join(COLUMNS), *rows])
    weights = loaded.profiles["2.0TD"].weights(MADRID, curve(MONDAY, 0).hours)
    assert not loaded.refused and weights.tolist() == [(500 + hour) * 10**6 for hour in range(1, 25)]


def test_a_file_with_other_columns_or_a_tariff_without_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with the columns tariff,from,to"):
        load_profiles(["a,b", "1,2"])
    with pytest.raises(ValueError, match=r"no sample profile for '6\.1TD'"):
        sample_profile("6.1TD")
    assert EvenProfile().weights(MADRID, curve(SUNDAY, 0).hours).tolist() == [1] * 24


def test_reasons_can_be_translated_and_written_in_the_readers_figures() -> None:
    figures: dict[str, int | str] = {"hours": 24, "valid_wh": 23_500, "close_wh": 24_000}
    reason = Reason(Code.CURVE_COHERENT, Case.A1, SUNDAY, "P3", 1, figures)
    assert reason.office().startswith(
        "The curve is complete (24 hours, 23,500 Wh) and agrees with the close of 24,000 Wh"
    )
    spanish = reason.office(
        translate=lambda text: "Curva de {valid_wh} Wh, cierre {close_wh} Wh.",
        figure=lambda number: f"{number:,}".replace(",", "."),
    )
    assert spanish == "Curva de 23.500 Wh, cierre 24.000 Wh."
    assert reason.member(str.upper) == "MEASURED BY YOUR METER."
    assert [letter(method) for method in (0, 1, 2, 3, 4, 5, 6, 9)] == ["", "R", "E", "E", "E", "E", "E", "E"]
