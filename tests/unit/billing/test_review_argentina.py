"""A bill is held when a service used far more than is usual in the season (Ley 24.240 art. 31)."""

from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.bill import Bill, Energy, PeriodEnergy
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.review import check_usual, months_to_compare
from services.billing.domain.season_average import Billed
from services.billing.jurisdictions import jurisdiction
from services.chassis.errors import Invalid
from tests.unit.billing.examples import BLOCKS, OCTOBER, book
from tests.unit.billing.test_services_argentina import METERED, supply, water_close

LAW = jurisdiction("ar").presumed_error
TWO_YEARS = [Billed(date(2024, 10, 1), 31, 180_000), Billed(date(2025, 10, 1), 31, 220_000)]


def bill(wh=0, litres=None):
    energy = {"electricity": Energy({"P1": PeriodEnergy(wh)}, 744, 744)}
    if litres is not None:
        energy["water"] = Energy(closes=(water_close(litres),))
    return Bill("supply", OCTOBER, date(2026, 11, 2), (), (), energy)


def check(found, history, law=LAW):
    check_usual(found, plan(supply(), OCTOBER, book(BLOCKS, METERED)), law, history)


def test_worked_360_is_held_and_the_sentence_says_the_average():
    with pytest.raises(HeldBill) as held:
        check(bill(360_000), {"electricity": TWO_YEARS})
    assert (held.value.reason, held.value.contract_id) == ("PRESUMED_ERROR", "electricity")
    assert "used 360 kWh in 31 days, 80 % more than the 200 kWh" in held.value.explanation
    assert "2024-10, 2025-10" in held.value.explanation and "Ley 24.240, art. 31" in held.value.explanation


def test_worked_350_is_not():
    check(bill(350_000), {"electricity": TWO_YEARS})


def test_nothing_to_compare_with_holds_nothing():
    check(bill(9_000_000, litres=900_000), {})


def test_water_has_its_own_average():
    usual = {"electricity": TWO_YEARS, "water": [Billed(date(2025, 10, 1), 31, 10_000)]}
    check(bill(200_000, litres=17_500), usual)
    with pytest.raises(HeldBill, match=r"used 17\.501 m³ in 31 days, 75 % more than the 10 m³"):
        check(bill(200_000, litres=17_501), usual)


def test_a_home_without_any_use_before_is_told_without_a_percentage():
    with pytest.raises(HeldBill, match="used 5 kWh in 31 days, against the 0 kWh"):
        check(bill(5_000), {"electricity": [Billed(date(2025, 10, 1), 31, 0)]})


def test_months_to_compare():
    month = date(2026, 10, 1)
    assert months_to_compare(LAW, month) == {date(2024, 10, 1), date(2025, 10, 1)}
    by_year = jurisdiction("ar", {"presumed_error": {"water": "year"}}).presumed_error
    assert len(months_to_compare(by_year, month)) == 13
    assert by_year["water"].at(month).excess_percent == D("75")
    assert jurisdiction("es").presumed_error == {}


@pytest.mark.parametrize("chosen", [{"gas": "year"}, {"water": "decade"}])
def test_a_wrong_choice_of_the_profile_is_named(chosen):
    with pytest.raises(Invalid, match="presumed_error"):
        jurisdiction("ar", {"presumed_error": chosen})
