"""Tolls and charges from June 2021 to 2026: against their published sums, and against what one law says of another."""

from __future__ import annotations

from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.periods import DatePeriod

TABLES = SpanishTables()
TARIFFS = ("2.0TD", "3.0TD", "6.1TD")


def values(prices) -> str:
    return " ".join(map(str, prices.values()))


@pytest.mark.parametrize(
    ("day", "tariff", "power"),
    [
        (date(2021, 6, 1), "2.0TD", "30.672660 1.424359"),
        (date(2022, 5, 1), "2.0TD", "26.164043 1.143132"),  # the worked example of the comparison code's annex
        (date(2023, 7, 1), "2.0TD", "25.383055 1.342713"),
        (date(2023, 7, 1), "3.0TD", "13.982509 11.899074 4.002045 3.653973 2.732707 2.001136"),
        (date(2023, 7, 1), "6.1TD", "22.965215 19.841178 10.327582 8.560662 1.908583 1.148958"),
        (date(2024, 7, 1), "2.0TD", "25.391661 0.968852"),
        (date(2024, 7, 1), "3.0TD", "15.713047 9.547036 4.658211 4.142560 2.285209 1.553638"),
        (date(2024, 7, 1), "6.1TD", "24.414407 14.692911 11.328635 9.250764 1.727525 0.967900"),
        (date(2025, 7, 1), "2.0TD", "26.930550 0.697588"),
        (date(2025, 7, 1), "3.0TD", "19.658495 10.251651 4.262536 3.681551 2.328167 1.356394"),
        (date(2025, 7, 1), "6.1TD", "28.791866 15.077643 6.559170 5.172085 1.932805 0.916088"),
        (date(2026, 7, 1), "2.0TD", "27.704413 0.725423"),
        (date(2026, 7, 1), "3.0TD", "20.376927 10.617621 4.481534 3.886333 2.513851 1.442287"),
        (date(2026, 7, 1), "6.1TD", "29.595368 15.514709 6.801881 5.393829 2.125113 1.004181"),
    ],
)
def test_published_sums_of_power(day: date, tariff: str, power: str):
    assert values(TABLES.power[tariff].at(day)) == power


@pytest.mark.parametrize(
    ("day", "tariff", "energy"),
    [
        (date(2025, 7, 1), "2.0TD", "0.092539 0.028201 0.002994"),
        (date(2026, 7, 1), "2.0TD", "0.097553 0.029267 0.003292"),
        (date(2026, 7, 1), "3.0TD", "0.063352 0.038914 0.019279 0.009795 0.004706 0.002898"),
        (date(2026, 7, 1), "6.1TD", "0.046274 0.026717 0.012928 0.006678 0.002619 0.001588"),
    ],
)
def test_published_sums_of_energy(day: date, tariff: str, energy: str):
    assert values(TABLES.energy[tariff].at(day)) == energy


@pytest.mark.parametrize(
    ("day", "toll", "charge"),
    [
        (date(2021, 7, 1), "23.469833 0.961130", "7.202827 0.463229"),
        (date(2021, 9, 15), "23.469833 0.961130", "7.202827 0.463229"),
        (date(2021, 9, 16), "23.469833 0.961130", "0.281544 0.018107"),  # royal decree-law 17/2021
        (date(2022, 3, 30), "22.988256 0.938890", "4.970533 0.319666"),
        (date(2022, 3, 31), "22.988256 0.938890", "3.175787 0.204242"),  # royal decree-law 6/2022
        (date(2023, 7, 1), "22.393140 1.150425", "2.989915 0.192288"),
        (date(2024, 7, 1), "22.401746 0.776564", "2.989915 0.192288"),
        (date(2025, 7, 1), "22.958932 0.442165", "3.971618 0.255423"),
    ],
)
def test_power_of_2_0td_by_date(day: date, toll: str, charge: str):
    assert values(TABLES.tolls["2.0TD"].at(day).power) == toll
    assert values(TABLES.charges["2.0TD"].at(day).power) == charge


@pytest.mark.parametrize("tariff", TARIFFS)
def test_every_day_since_june_2021_has_tolls_and_charges_of_power_and_energy(tariff: str):
    all_days = DatePeriod(date(2021, 6, 1), date(2027, 1, 1))
    for table in (TABLES.power[tariff], TABLES.energy[tariff]):
        assert sum(days.days for days, _ in table.spans(all_days)) == all_days.days
        assert all(set(row.value) == set(table.rows[0].value) for row in table.rows)


@pytest.mark.parametrize("tariff", TARIFFS)
@pytest.mark.parametrize("before", [date(2021, 6, 1), date(2021, 9, 16), date(2022, 1, 1), date(2022, 3, 31)])
def test_charges_change_by_one_factor_for_every_tariff_and_period(tariff: str, before: date):
    """The coefficients of RD 148/2021 hold, so that what 2.0TD P1 changes by to 2023 every price changes by: a slip in a
    digit of a row breaks the proportion.
    """
    after = date(2023, 7, 1)
    for term in ("power", "energy"):
        old, new = (getattr(TABLES.charges[tariff].at(day), term) for day in (before, after))
        first_old, first_new = (getattr(TABLES.charges["2.0TD"].at(day), term)["P1"] for day in (before, after))
        for period, price in old.items():
            unit = D("0.0000005")  # each published figure is rounded to six decimals
            most = (price + unit) * (first_new + unit) / (first_old - unit) + unit
            least = (price - unit) * (first_new - unit) / (first_old + unit) - unit
            assert least <= new[period] <= most, (term, period)


@pytest.mark.parametrize("tariff", TARIFFS)
def test_no_period_costs_less_power_than_the_one_after(tariff: str):
    for table in (TABLES.tolls[tariff], TABLES.charges[tariff]):
        for row in table.rows:
            for prices in (row.value.power, row.value.energy):
                ordered = list(prices.values())
                assert ordered == sorted(ordered, reverse=True), row
