"""Shared self-consumption: the worked hour, conservation to the Wh, and the file of coefficients."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import Invalid
from services.metering.domain.hours import hour_number
from services.metering.domain.sharing import settle, share_out
from services.metering.domain.sharing_file import HOURS, ONE, Agreements, read_coefficients

CAU = "ES1234000000000001JN0FA001"
ANA, LUIS = "ES0575000000000877HA1P", "ES0575000000000123PP1P"
MADRID = "Europe/Madrid"


def wh(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_the_worked_hour() -> None:
    """100 kWh between five equal participants: 85 used, 25 from the grid, 15 fed in."""
    share = share_out(wh(100_000), wh(1, 1, 1, 1, 1))
    found = settle(np.array([[20_000, 40_000, 25_000, 15_000, 10_000]]), share)
    assert found.share.tolist() == [[20_000] * 5]
    assert found.own.tolist() == [[20_000, 20_000, 20_000, 15_000, 10_000]]
    assert found.grid.tolist() == [[0, 20_000, 5_000, 0, 0]]
    assert found.surplus.tolist() == [[0, 0, 0, 5_000, 10_000]]
    assert (found.own.sum(), found.grid.sum(), found.surplus.sum()) == (85_000, 25_000, 15_000)


def test_a_month_of_sums_would_say_something_else() -> None:
    """Sun at noon and consumption at night: the sums would cancel, the hours do not."""
    found = settle(np.array([[0], [500]]), share_out(wh(500, 0), wh(1)))
    assert (found.own.sum(), found.grid.sum(), found.surplus.sum()) == (0, 500, 500)


@pytest.mark.parametrize(
    ("generation", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # the first of equal remainders
        (101, [1, 1, 1], [34, 34, 33]),
        (10, [135_464, 864_536], [1, 9]),
        (1, [400_000, 600_000], [0, 1]),
        (0, [1, 2], [0, 0]),
        (7, [0, 5], [0, 7]),
    ],
)
def test_the_rest_goes_to_the_largest_remainder(generation: int, weights: list[int], shares: list[int]) -> None:
    assert share_out(wh(generation), np.array(weights)).tolist() == [shares]


def test_each_hour_may_have_its_own_coefficients() -> None:
    assert share_out(wh(100, 100), np.array([[1, 3], [3, 1]])).tolist() == [[25, 75], [75, 25]]


@given(st.data())
def test_nothing_is_lost_and_nobody_gets_more_than_a_wh_too_much(data: st.DataObject) -> None:
    hours, people = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 8))
    matrix = st.lists(st.integers(0, 10**6), min_size=people, max_size=people)
    weights = np.array(data.draw(st.lists(matrix.filter(any), min_size=hours, max_size=hours)), np.int64)
    generation = wh(*data.draw(st.lists(st.integers(0, 2**32), min_size=hours, max_size=hours)))
    consumption = np.array(data.draw(st.lists(matrix, min_size=hours, max_size=hours)), np.int64)
    found = settle(consumption, share_out(generation, weights))
    assert ((found.own + found.surplus).sum(axis=1) == generation).all()
    assert (found.own + found.grid == consumption).all()
    assert all((part >= 0).all() for part in (found.share, found.own, found.grid, found.surplus))
    assert ((found.grid == 0) | (found.surplus == 0)).all()
    exact = generation[:, None] * weights
    total = weights.sum(axis=1)[:, None]
    assert (np.abs(found.share * total - exact) < total).all()


@pytest.mark.parametrize(("generation", "weights"), [(-1, [1]), (1, [0, 0]), (1, [2, -1])])
def test_what_cannot_be_shared(generation: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        share_out(wh(generation), np.array(weights))


# ------------------------------------------------------------------------------------------------ the coefficient file
CONSTANT = f"{ANA};0,25\n{LUIS};0,75;\n"


def constant(year: int = 2026, first: str = "0,25", second: str = "0,75"):
    return read_coefficients(f"{CAU}_{year}.txt", f"{ANA};{first}\n{LUIS};{second}\n")


def variable(year: int = 2026):
    """Ana has as many millionths as the hour's number."""
    rows = [f"{ANA};{hour};0,{hour:06d}\n{LUIS};{hour};0,{ONE - hour:06d}\n" for hour in range(1, HOURS + 1)]
    return read_coefficients(f"{CAU.lower()}_{year}.TXT", "".join(rows))


def of_ana(agreements: Agreements, *instants: datetime) -> list[int]:
    return agreements.weights(wh(*map(hour_number, instants)), MADRID)[:, 0].tolist()


def test_constant_coefficients() -> None:
    found = read_coefficients(f"{CAU}_2026.txt", "\ufeff" + CONSTANT)
    assert (found.cau, found.year, found.supplies) == (CAU, 2026, (ANA, LUIS))
    assert found.millionths.tolist() == [[250_000, 750_000]]
    assert read_coefficients(f"{CAU}_2026.txt", f"{ANA};1").millionths.tolist() == [[ONE]]


def test_variable_coefficients_follow_the_hours_of_the_local_year() -> None:
    agreements = Agreements([variable()])
    assert of_ana(
        agreements,
        datetime(2025, 12, 31, 23, tzinfo=UTC),  # the first hour of 2026 in Madrid
        datetime(2026, 3, 29, 1, tzinfo=UTC),  # the first one of summer time
        datetime(2026, 12, 31, 22, tzinfo=UTC),
    ) == [1, 87 * 24 + 3, HOURS]


def test_the_leap_day_copies_the_day_before() -> None:
    agreements = Agreements([variable(2028)])
    february = [datetime(2028, 2, day, 11, tzinfo=UTC) for day in (28, 29)]
    march = datetime(2028, 3, 1, 11, tzinfo=UTC)
    assert of_ana(agreements, *february, march) == [58 * 24 + 13, 58 * 24 + 13, 59 * 24 + 13]
    assert of_ana(agreements, datetime(2028, 12, 31, 22, tzinfo=UTC)) == [HOURS]


def test_a_year_without_a_file_has_that_of_the_year_before() -> None:
    agreements = Agreements([constant(2027, "0,5", "0,5"), constant(2025)])
    noon = [datetime(year, 6, 1, 12, tzinfo=UTC) for year in (2025, 2026, 2027, 2028)]
    assert of_ana(agreements, *noon) == [250_000, 250_000, 500_000, 500_000]
    with pytest.raises(Invalid, match=r"no coefficients for 2024: those of .* begin with 2025"):
        of_ana(agreements, datetime(2024, 6, 1, tzinfo=UTC))


def test_a_participant_who_left_has_nothing() -> None:
    alone = read_coefficients(f"{CAU}_2027.txt", f"{LUIS};1")
    assert of_ana(Agreements([constant(), alone]), datetime(2027, 6, 1, tzinfo=UTC)) == [0]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("coefficients.txt", CONSTANT, "is not the name of a file of coefficients"),
        (f"{CAU}_26.txt", CONSTANT, "is not the name"),
        (f"{CAU}_2026.csv", CONSTANT, "is not the name"),
        (f"{CAU}_2026.txt", "\n", "is empty"),
        (f"{CAU}_2026.txt", ANA, "has 1 fields"),
        (f"{CAU}_2026.txt", f"{ANA};1;0,5;x", "has 4 fields"),
        (f"{CAU}_2026.txt", f"{ANA};0,5\n{LUIS};1;0,5", "line 2: .* has 3 fields, and the first line 2"),
        (f"{CAU}_2026.txt", "ES057500000000877HA;1", "line 1: 'ES057500000000877HA' is not a CUPS"),
        (f"{CAU}_2026.txt", f"{ANA};0.5\n{LUIS};0,5", "line 1: '0.5' is not a coefficient; write 0 to 1 with a comma"),
        (f"{CAU}_2026.txt", f"{ANA};1,000001", "is not a coefficient"),
        (f"{CAU}_2026.txt", f"{ANA};0,1234567", "is not a coefficient"),
        (f"{CAU}_2026.txt", f"{ANA};-0,5", "is not a coefficient"),
        (f"{CAU}_2026.txt", f"{ANA};0,5\n{ANA[:20]};0,5", "line 2: .* stands twice"),
        (f"{CAU}_2026.txt", f"{ANA};0,333333\n{LUIS};0,666666", "sum to 0,999999, and they must sum to 1 exactly"),
        (f"{CAU}_2026.txt", f"{ANA};0;1", "'0' is not an hour of the year, 1 to 8760"),
        (f"{CAU}_2026.txt", f"{ANA};8761;1", "'8761' is not an hour"),
        (f"{CAU}_2026.txt", f"{ANA};1;1\n{ANA};1;1", "line 2: .* has hour 1 twice"),
        (f"{CAU}_2026.txt", f"{ANA};1;1", "has no coefficient for hour 2; give every hour 1 to 8760"),
    ],
)
def test_each_fault_of_a_file_is_named(name: str, text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_coefficients(name, text)


def test_the_sum_of_an_hour_is_checked_by_its_hour() -> None:
    rows = [f"{ANA};{hour};{'0,9' if hour == 4_000 else '1'}" for hour in range(1, HOURS + 1)]
    with pytest.raises(Invalid, match="of hour 4000 sum to 0,900000"):
        read_coefficients(f"{CAU}_2026.txt", "\n".join(rows))


def test_files_that_do_not_belong_together() -> None:
    other = read_coefficients(f"{CAU[:-1]}2_2026.txt", CONSTANT)
    with pytest.raises(Invalid, match="several installations"):
        Agreements([constant(), other])
    with pytest.raises(Invalid, match="same year"):
        Agreements([constant(), constant()])
    with pytest.raises(Invalid, match="no file of coefficients"):
        Agreements([])
