"""Ley 24.240 art. 31: more than 75 % above the average of the season is presumed an error."""

from datetime import date
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.season_average import Billed, average, months_of

OCTOBER = date(2026, 10, 1)
LIMIT = D("75")
TWO_YEARS = [Billed(date(2024, 10, 1), 31, 190_000), Billed(date(2025, 10, 1), 31, 210_000)]


@pytest.mark.parametrize(("kwh", "held"), [(350, False), (360, True), (200, False), (0, False)])
def test_worked_numbers(kwh, held):
    """Average 200 kWh: 360 is +80 %, held; 350 is exactly +75 %, not."""
    usual = average(TWO_YEARS, "season", OCTOBER, 31)
    assert usual.rounded == 200_000 and usual.months == (date(2024, 10, 1), date(2025, 10, 1))
    assert usual.exceeded_by(kwh * 1000, LIMIT) is held


def test_one_watt_hour_above_the_limit_is_held():
    assert average(TWO_YEARS, "season", OCTOBER, 31).exceeded_by(350_001, LIMIT)


def test_only_the_same_month_counts_and_a_year_without_bill_does_not():
    other = [*TWO_YEARS[1:], Billed(date(2025, 9, 1), 30, 9_000_000), Billed(date(2023, 10, 1), 31, 9_000_000)]
    assert average(other, "season", OCTOBER, 31).rounded == 210_000
    assert average([], "season", OCTOBER, 31) is None
    assert average([Billed(date(2025, 10, 1), 0, 0)], "season", OCTOBER, 31) is None


def test_days_are_compared_with_days():
    """A February of 29 days and one of 28: 57,000 over 57 days are 28,000 for 28; half a month expects half."""
    february = [Billed(date(2024, 2, 1), 29, 29_000), Billed(date(2025, 2, 1), 28, 28_000)]
    assert average(february, "season", date(2026, 2, 1), 28).value == 28_000
    assert average(TWO_YEARS, "season", OCTOBER, 10).value == Fraction(400_000 * 10, 62)


def test_without_seasons_the_twelve_months_before_count():
    months = months_of("year", date(2026, 3, 1))
    assert (months[0], months[-1], len(months)) == (date(2025, 3, 1), date(2026, 2, 1), 12)
    history = [Billed(month, 30, 10_000) for month in months] + [Billed(date(2024, 3, 1), 31, 10**9)]
    assert average(history, "year", date(2026, 3, 1), 30).rounded == 10_000


def test_nothing_used_before_makes_any_use_an_error():
    """An average of zero is an average: a home that was empty for two years and now uses a little is looked at."""
    empty = [Billed(date(2025, 10, 1), 31, 0)]
    assert average(empty, "season", OCTOBER, 31).exceeded_by(1, LIMIT)
    assert not average(empty, "season", OCTOBER, 31).exceeded_by(0, LIMIT)


@given(st.integers(1, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))
def test_more_consumption_is_never_less_suspicious(usual, one, more):
    found = average([Billed(date(2025, 10, 1), 31, usual)], "season", OCTOBER, 31)
    assert found.exceeded_by(one, LIMIT) <= found.exceeded_by(one + more, LIMIT)
