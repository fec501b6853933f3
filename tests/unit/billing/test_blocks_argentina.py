"""Fixed charge and blocks: by steps, by the category that the whole reaches, and in parts of their months."""

from datetime import date
from decimal import Decimal as D
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.blocks import Block, category, share_of_months, spread, steps
from services.billing.domain.closes import Close, days_of, used_within
from services.chassis.periods import DatePeriod

BLOCKS = (Block(150_000, D("52.10")), Block(None, D("68.40")))
THREE = (Block(10_000, D("1.00")), Block(30_000, D("2.00")), Block(None, D("5.00")))


def named(found):
    return [(step.label, step.used, step.amount) for step in found]


def test_marginal_worked_example():
    assert named(steps(221_000, BLOCKS, "marginal")) == [
        ("0–150", 150_000, D("7815.00")),
        ("> 150", 71_000, D("4856.40")),
    ]


def test_category_prices_the_whole_consumption_at_the_block_it_reaches():
    """221 kWh × 68.40 = 15,116.40; at the limit itself it is still the lower category."""
    assert named(steps(221_000, BLOCKS, "category")) == [("> 150", 221_000, D("15116.40"))]
    assert named(steps(150_000, BLOCKS, "category")) == [("0–150", 150_000, D("7815.00"))]
    assert named(steps(150_001, BLOCKS, "category")) == [("> 150", 150_001, D("10260.07"))]


@pytest.mark.parametrize(("used", "reached"), [(0, 0), (10_000, 0), (10_001, 1), (30_000, 1), (99_000, 2)])
def test_category_at_each_limit(used, reached):
    assert category(used, THREE) == reached


def test_middle_blocks_are_named_by_both_limits():
    assert [step.label for step in steps(40_000, THREE, "marginal")] == ["0–10", "10–30", "> 30"]
    assert steps(40_500, (Block(10_500, D(1)), Block(None, D(1))), "marginal")[1].label == "> 10.5"


def test_nothing_used_is_one_step_of_nothing():
    assert named(steps(0, THREE, "marginal")) == [("0–10", 0, D("0.00"))]


def test_ten_days_of_october_have_ten_thirty_firsts_of_each_limit():
    share = share_of_months(DatePeriod(date(2026, 10, 1), date(2026, 10, 11)))
    assert share == Fraction(10, 31)
    assert [step.used for step in steps(60_000, BLOCKS, "marginal", share)] == [48_387, 11_613]
    assert category(48_387, BLOCKS, share) == 0 and category(48_388, BLOCKS, share) == 1


@pytest.mark.parametrize(
    ("start", "end", "months", "share"),
    [
        (date(2026, 7, 1), date(2026, 10, 1), 3, Fraction(1)),
        (date(2026, 7, 1), date(2026, 10, 1), 1, Fraction(3)),
        (date(2024, 2, 1), date(2024, 2, 16), 1, Fraction(15, 29)),
        (date(2026, 1, 31), date(2026, 2, 15), 1, Fraction(1, 31) + Fraction(1, 2)),
    ],
)
def test_share_of_months(start, end, months, share):
    assert share_of_months(DatePeriod(start, end), months) == share


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=5, unique=True),
    st.fractions(Fraction(1, 31), 12),
    st.sampled_from(["marginal", "category"]),
)
def test_steps_hold_the_whole_consumption(used, limits, share, algorithm):
    blocks = [*(Block(limit, D(1)) for limit in sorted(limits)), Block(None, D(2))]
    found = steps(used, blocks, algorithm, share)
    assert sum(step.used for step in found) == used
    assert all(step.used >= 0 for step in found)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 400), min_size=1, max_size=6).filter(any))
def test_spread_keeps_the_sum_and_gives_no_day_less_than_nothing(used, days):
    parts = spread(used, days)
    assert sum(parts) == used and all(part >= 0 for part in parts)
    assert all(abs(part - Fraction(used * each, sum(days))) < 1 for part, each in zip(parts, days, strict=True))


def close(start, end, used, meter="A1"):
    return Close(meter, "total", DatePeriod(start, end), "litre", 1_000, 1_000 + used, used, "technician")


def test_a_close_is_spread_over_the_prices_of_its_days():
    """15 September to 15 October, 30,000 litres over 16 + 14 days."""
    september = DatePeriod(date(2026, 9, 1), date(2026, 10, 1))
    october = DatePeriod(date(2026, 10, 1), date(2026, 11, 1))
    one = close(date(2026, 9, 15), date(2026, 10, 15), 30_000)
    assert used_within([one], [september, october]) == (16_000, 14_000)
    two = close(date(2026, 10, 15), date(2026, 11, 1), 5_000, "B2")
    assert used_within([one, two], [september, october]) == (16_000, 19_000)
    assert days_of([one, two]) == 47
    with pytest.raises(ValueError, match="do not cover"):
        used_within([one], [october])
