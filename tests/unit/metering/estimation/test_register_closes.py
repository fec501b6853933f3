"""Which readings of a meter count, and what it counted between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import TECHNICIAN, Origin, Reading, rank
from services.metering.domain.register_closes import Kept, MeterClose, chain, closes, extended, joined, without_overlaps
from services.metering.domain.registers import WH

START = date(2026, 1, 1)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ORIGINS = [Origin.REMOTE, Origin.VISUAL, Origin.SELF_READING, Origin.ESTIMATED, Origin.CALCULATED]


def kept(day: int, wh: int, origin: Origin = Origin.REMOTE, received: int = 0, *, doubtful: bool = False) -> Kept:
    reading = Reading("M1", START + timedelta(days=day), (wh,), origin, NOW + timedelta(hours=received))
    return Kept(f"{day}-{wh}-{origin}-{received}", WH, reading, doubtful)


READINGS = st.lists(
    st.builds(
        kept,
        st.integers(0, 12),
        st.integers(0, 40),
        st.sampled_from(ORIGINS),
        st.integers(0, 5),
        doubtful=st.sampled_from([False, False, False, True]),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


@given(READINGS)
def test_what_counts_never_runs_backwards_and_never_lets_a_worse_reading_part_two_real_ones(found: list[Kept]) -> None:
    counting = chain(found)
    assert all(not one.doubtful for one in counting)
    assert [one.reading.day for one in counting] == sorted({one.reading.day for one in counting})
    for first, last in pairwise(counting):
        assert first.reading.registers_wh <= last.reading.registers_wh
    ranks = [rank(one.reading.origin) for one in counting]
    for place, mine in enumerate(ranks):
        assert not (mine < max(ranks[:place], default=0) and mine < max(ranks[place + 1 :], default=0))
    assert all(min(close.used) >= 0 for close in closes(found))


@given(READINGS)
def test_a_chain_that_grows_reading_by_reading_is_the_chain_of_all(found: list[Kept]) -> None:
    grown: list[Kept] = []
    for index, one in enumerate(found, 1):
        grown = extended(grown, found[:index], one)
        assert grown == chain(found[:index])


@given(READINGS)
def test_real_readings_in_order_all_count(found: list[Kept]) -> None:
    """As long as none contradicts another, no technician's reading is ever put aside."""
    real = {one.reading.day: one for one in found if one.reading.origin in TECHNICIAN and not one.doubtful}
    rising = [kept(day, 1_000 + 10 * day, one.reading.origin) for day, one in enumerate(real.values())]
    others = [one for one in found if one.reading.origin not in TECHNICIAN]
    assert {one.id for one in rising} <= {one.id for one in chain([*others, *rising])}


def test_the_members_reading_before_the_first_real_one_counts_unless_it_contradicts() -> None:
    first, member, real = kept(0, 100, Origin.SELF_READING), kept(3, 120, Origin.SELF_READING), kept(5, 130)
    assert chain([first, member, real]) == [first, member, real]
    # Two real readings tell what happened between them.
    assert chain([kept(0, 100), member, real]) == [kept(0, 100), real]
    assert chain([first, kept(3, 140, Origin.SELF_READING), real]) == [first, real]


def test_of_two_meters_on_one_point_each_day_is_counted_once() -> None:
    weak = closes([kept(0, 0, Origin.SELF_READING), kept(10, 50, Origin.SELF_READING)])
    strong: list[MeterClose] = closes([kept(5, 0), kept(8, 9)])
    assert without_overlaps([*weak, *strong]) == strong


def test_daily_closes_are_one_close_of_the_days_asked_for() -> None:
    daily = closes([kept(day, 1_000 * day) for day in range(12)])
    assert len(daily) == 11
    span = DatePeriod(START + timedelta(days=2), START + timedelta(days=10))
    assert [(one.period.days, one.used) for one in joined(daily, span)] == [
        *[(1, (1_000,))] * 2,
        (8, (8_000,)),
        (1, (1_000,)),
    ]
    (month,) = joined(daily, DatePeriod(START, START + timedelta(days=31)))
    assert month.reading_ids == (daily[0].reading_ids[0], daily[-1].reading_ids[1])


def test_long_closes_and_those_of_other_rank_stay_as_they_are() -> None:
    year = DatePeriod(START, START + timedelta(days=365))
    halves = closes([kept(0, 0), kept(15, 100), kept(31, 300)])
    assert joined(halves, year) == halves
    member = closes([kept(0, 0), kept(3, 100), kept(5, 300, Origin.SELF_READING)])
    assert joined(member, year) == member


def test_a_close_is_the_same_whatever_told_its_readings() -> None:
    daily, monthly = closes([kept(0, 0), kept(31, 300)]), closes([kept(0, 0, received=1), kept(31, 300, received=2)])
    assert set(daily) == set(monthly) and daily[0].reading_ids != monthly[0].reading_ids
