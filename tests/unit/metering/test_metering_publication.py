"""Which days are shown: billed ones, and whole months from a day of the next one."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.environment import SettingsError
from services.chassis.periods import DatePeriod
from services.chassis.profile import load_profile
from services.metering.domain.publication import BILLED, MONTH_DAY, Publication, first_not_shown, joined
from services.metering.publishing import publication_of

ROOT = Path(__file__).resolve().parents[3]
MONTHLY = Publication(MONTH_DAY, 10)
YEAR = DatePeriod(date(2026, 1, 17), date(2026, 11, 3))


def days(start: str, end: str) -> DatePeriod:
    return DatePeriod.parse(start, end)


def test_billed_days_alone_as_the_bills_have_them() -> None:
    """Periods are those of the bills, which may be 22 January to 1 February."""
    billed = [days("2026-02-02", "2026-03-01"), days("2026-01-22", "2026-02-02"), days("2026-05-01", "2026-06-01")]
    shown = Publication(BILLED).shown(billed, YEAR, date(2026, 11, 21))
    assert shown == [days("2026-01-22", "2026-03-01"), days("2026-05-01", "2026-06-01")]


@pytest.mark.parametrize(
    ("today", "end"),
    [
        ("2026-10-09", "2026-09-01"),
        ("2026-10-10", "2026-10-01"),
        ("2026-12-10", "2026-12-01"),
        ("2027-01-09", "2026-12-01"),
        ("2027-06-01", "2026-12-01"),  # readings ended on 2 November: that month is shown whole, later ones are not
    ],
)
def test_month_m_from_day_ten_of_the_next(today: str, end: str) -> None:
    assert MONTHLY.shown([], YEAR, date.fromisoformat(today)) == [days("2026-01-17", end)]


def test_a_billed_day_is_shown_before_its_month_is() -> None:
    shown = MONTHLY.shown([days("2026-09-20", "2026-10-20")], YEAR, date(2026, 10, 21))
    assert shown == [days("2026-01-17", "2026-10-20")]


def test_nothing_read_yet() -> None:
    assert MONTHLY.shown([], None, date(2026, 11, 21)) == []
    assert MONTHLY.shown([], DatePeriod(date(2026, 11, 1), date(2026, 11, 20)), date(2026, 11, 21)) == []


_PERIODS = st.lists(
    st.builds(
        lambda start, length: DatePeriod(date.fromordinal(start), date.fromordinal(start + length)),
        st.integers(739_000, 739_200),
        st.integers(1, 40),
    ),
    max_size=8,
)


@given(_PERIODS)
def test_joined_ranges_have_the_same_days(periods: list[DatePeriod]) -> None:
    found = joined(periods)
    assert {day for one in found for day in one} == {day for one in periods for day in one}
    assert all(before.end < after.start for before, after in pairwise(found))


@given(_PERIODS, st.integers(738_990, 739_250), st.integers(1, 60))
def test_the_first_day_that_is_not_shown(periods: list[DatePeriod], start: int, length: int) -> None:
    asked = DatePeriod(date.fromordinal(start), date.fromordinal(start + length))
    hidden = [day for day in asked if not any(one.contains(day) for one in periods)]
    assert first_not_shown(joined(periods), asked) == (hidden[0] if hidden else None)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('publication = "always"', "publication is 'always'"),
        ('publication = "month_day"\nfrom_day = 29', "from_day is 29"),
        ('publication = "month_day"\nfrom_day = "ten"', "from_day is 'ten'"),
        ("from_day = 5", "under publication = month_day alone"),
    ],
)
def test_a_profile_that_says_it_wrongly_is_refused(tmp_path: Path, section: str, says: str) -> None:
    text = (ROOT / "profiles/demo-es/coop.toml").read_text(encoding="utf-8").split("[consumption]")[0]
    (tmp_path / "coop.toml").write_text(f"{text}\n[consumption]\n{section}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        publication_of(load_profile(tmp_path))


def test_the_profiles_policies() -> None:
    assert publication_of(load_profile(ROOT / "profiles/demo-es")) == Publication(BILLED)
    assert publication_of(load_profile(ROOT / "profiles/demo-ar")) == MONTHLY
