"""What the law makes of a wrongly billed period, with the worked numbers: RD 88/2026 arts. 44.4 and 45.2."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.planning import add_months
from services.billing.domain.regularisation import (
    RegularisationRule,
    check_age,
    instalments,
    interest,
    is_claimable,
    most_instalments,
    overpaid,
)
from services.billing.jurisdictions.es.corrections import correction_law
from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod

LAW = correction_law()
FOUND = date(2026, 11, 1)
RULE: RegularisationRule = LAW.rules.at(FOUND)
MONTHS = [DatePeriod(add_months(FOUND, -n), add_months(FOUND, 1 - n)) for n in range(14, 0, -1)]


def eur(text: str) -> Decimal:
    return Decimal(text)


def test_of_fourteen_months_measured_too_little_twelve_may_be_claimed_in_up_to_twelve_instalments() -> None:
    missing = dict.fromkeys(MONTHS, 100)  # kWh: 1,400 over 14 months
    claimed = {month: kwh for month, kwh in missing.items() if is_claimable(month.start, FOUND, RULE)}
    assert sum(missing.values()) == 1_400
    assert sum(claimed.values()) == 1_200
    assert most_instalments(min(claimed).start, FOUND, RULE) == 12


@pytest.mark.parametrize(
    ("first", "found", "most"),
    [
        (date(2026, 10, 1), date(2026, 11, 1), 1),
        (date(2026, 10, 1), date(2026, 11, 21), 2),
        (date(2026, 11, 1), date(2026, 11, 1), 1),
        (date(2026, 4, 1), date(2026, 11, 1), 7),
        (date(2025, 9, 1), date(2026, 11, 1), 12),
    ],
)
def test_instalments_are_the_months_begun_at_most_twelve(first: date, found: date, most: int) -> None:
    assert most_instalments(first, found, RULE) == most


def test_a_period_that_began_more_than_a_year_before_may_not_be_claimed() -> None:
    assert is_claimable(date(2025, 11, 1), FOUND, RULE)
    assert not is_claimable(date(2025, 10, 31), FOUND, RULE)


def test_interest_of_the_worked_example_is_three_eighty() -> None:
    paid, until = date(2025, 3, 1), date(2025, 11, 1)
    assert LAW.legal_interest.at(paid) == eur("0.0325")
    assert interest([(paid, eur("120.00"))], until, LAW.legal_interest.at, RULE.points) == eur("3.80")


def test_interest_across_years_takes_each_years_rate_and_days() -> None:
    # 1,000 at 3 % + 1.5 from 1 Nov 2022 (two months), then at 3.25 % + 1.5 for one month and 14 days of 365.
    due = eur("1000") * (eur("0.045") * 2 / 12 + eur("0.0475") * 1 / 12 + eur("0.0475") * 14 / 365)
    assert interest([(date(2022, 11, 1), eur("1000"))], date(2023, 2, 15), LAW.legal_interest.at, RULE.points) == round(
        due, 2
    )


def test_a_year_without_a_certain_rate_is_refused_by_name() -> None:
    with pytest.raises(Refused, match=r"legal_interest.*2027-01-01"):
        interest([(date(2026, 3, 1), eur("120"))], date(2027, 3, 1), LAW.legal_interest.at, RULE.points)


def test_the_extended_budget_gives_2026_its_rate() -> None:
    assert LAW.legal_interest.at(date(2026, 1, 1)) == LAW.legal_interest.at(date(2026, 12, 31)) == eur("0.0325")


def test_before_the_decree_there_is_no_rule() -> None:
    with pytest.raises(Refused, match="2026-06-11"):
        LAW.rules.at(date(2026, 6, 11))


def test_what_was_paid_too_much_came_with_the_last_payments() -> None:
    first, second, third = date(2026, 1, 5), date(2026, 2, 5), date(2026, 3, 5)
    payments = [(first, eur("50")), (second, eur("30")), (third, eur("20"))]
    assert overpaid(eur("100"), eur("70"), payments) == [(second, eur("10")), (third, eur("20"))]
    assert overpaid(eur("100"), eur("100"), payments) == []
    assert overpaid(eur("100"), eur("70"), []) == []


def test_what_was_given_back_before_bears_no_interest_again() -> None:
    paid = [(date(2026, 1, 5), eur("100"))]
    assert overpaid(eur("80"), eur("70"), paid) == [(date(2026, 1, 5), eur("10"))]


def test_an_invoice_is_rectified_within_four_years() -> None:
    check_age(date(2022, 11, 1), FOUND, RULE)
    with pytest.raises(Refused, match="4 years"):
        check_age(date(2022, 10, 31), FOUND, RULE)


def test_instalments_are_equal_but_for_the_first_cents() -> None:
    parts = instalments(eur("100.00"), date(2026, 11, 30), 3, 12)
    assert [str(part.amount) for part in parts] == ["33.34", "33.33", "33.33"]
    assert [part.due_date for part in parts] == [date(2026, 11, 30), date(2026, 12, 30), date(2027, 1, 30)]
    with pytest.raises(Invalid, match="choose 1 to 2"):
        instalments(eur("100.00"), date(2026, 11, 30), 3, 2)


@given(cents=st.integers(1, 10**7), count=st.integers(1, 12))
def test_instalments_sum_to_the_debt(cents: int, count: int) -> None:
    amount = Decimal(cents) / 100
    parts = instalments(amount, date(2026, 1, 31), count, 12)
    assert sum(part.amount for part in parts) == amount
    assert all(part.amount > 0 for part in parts)
    assert max(part.amount for part in parts) - min(part.amount for part in parts) <= eur("0.01")
