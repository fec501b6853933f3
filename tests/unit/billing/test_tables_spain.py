"""The published figures that the Spanish tables must give, and the taxes by use and zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.adjustments import BillTerms
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.policy import TaxFacts
from services.billing.domain.pricing import price
from services.billing.jurisdictions.es.tables import SpanishTables
from services.billing.jurisdictions.es.taxes import iva_rate
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from tests.unit.billing.examples import BILL_A, OCTOBER, amounts, book, energy, policy, spanish_bill, spanish_supply

TABLES = SpanishTables()
DAY = date(2026, 7, 1)


@pytest.mark.parametrize(
    ("tariff", "percent"),
    [
        ("2.0TD", "16.7 16.3 18.0"),
        ("3.0TD", "16.6 17.5 16.5 16.5 13.8 18.0"),
        ("6.1TD", "6.7 6.8 6.5 6.5 4.3 7.7"),
    ],
)
@pytest.mark.parametrize("day", [date(2021, 6, 1), date(2025, 2, 6), DAY])
def test_losses_are_those_of_the_circular_since_its_tolls(tariff: str, percent: str, day: date):
    assert list(TABLES.losses[tariff].at(day).values()) == [D(value) / 100 for value in percent.split()]


def test_an_hour_of_high_voltage_has_a_price():
    """0.112 × 1.067 + toll and charge of P1 of 6.1TD in 2026."""
    on = date(2026, 1, 12)
    found = policy("es").hour_price("6.1TD", on, "P1", D("0.112"))
    assert found == D("0.119504") + TABLES.energy["6.1TD"].at(on)["P1"]


def test_excess_of_2026():
    assert TABLES.excess["3.0TD"].at(DAY)["P1"] == D("0.171373")
    assert TABLES.excess["6.1TD"].at(DAY)["P1"] == D("0.275735")
    assert TABLES.quarter_excess["6.1TD"].at(DAY)["P1"] == D("3.431797")


@pytest.mark.parametrize("day", [DAY, date(2025, 4, 1)])
@pytest.mark.parametrize("tariff", ["2.0TD", "3.0TD", "6.1TD"])
def test_excess_power_is_one_multiple_of_the_tolls(tariff: str, day: date):
    """The resolution derives each period's price from its toll: a slip in a digit breaks the proportion."""
    tolls, prices = TABLES.tolls[tariff].at(day).power, TABLES.excess[tariff].at(day)
    factor = prices["P1"] / tolls["P1"]
    assert all(abs(factor * tolls[period] - prices[period]) < D("0.0000015") for period in tolls)


@pytest.mark.parametrize("tariff", ["2.0TD", "3.0TD", "6.1TD"])
def test_the_multiple_of_excess_power_is_the_same_in_both_years(tariff: str):
    first, second = (
        TABLES.excess[tariff].at(day)["P1"] / TABLES.tolls[tariff].at(day).power["P1"]
        for day in (date(2025, 4, 1), DAY)
    )
    assert abs(first - second) < D("0.00000005")


@pytest.mark.parametrize(
    ("day", "within"),
    [
        (date(2024, 1, 1), D("0.0000025")),
        (date(2025, 1, 1), D("0.0000025")),
        (date(2025, 4, 1), D("0.0000015")),
        (DAY, D("0.00004")),
    ],
)
@pytest.mark.parametrize("tariff", ["3.0TD", "6.1TD"])
def test_excess_by_quarter_hours_is_one_multiple_of_the_tolls(tariff: str, day: date, within: D):
    """Before April 2025 with the six decimals of Kp. That of 2026 follows its tolls less closely: two publications of annex II
    have the same figures.
    """
    tolls, prices = TABLES.tolls[tariff].at(day).power, TABLES.quarter_excess[tariff].at(day)
    factor = prices["P1"] / tolls["P1"]
    assert all(abs(factor * tolls[period] - prices[period]) < within for period in tolls)


@pytest.mark.parametrize(
    ("tariff", "day", "term", "coefficients"),
    [
        ("3.0TD", date(2024, 12, 31), "3.395810", "1 0.640766 0.275670 0.232691 0.077884 0.077884"),
        ("6.1TD", date(2024, 1, 1), "3.566788", "1 0.620828 0.482845 0.381770 0.015816 0.015816"),
        ("3.0TD", date(2025, 3, 31), "3.361213", "1 0.528543 0.167641 0.128181 0.036261 0.036261"),
        ("6.1TD", date(2025, 1, 1), "3.332942", "1 0.528704 0.198416 0.139813 0.002956 0.002632"),
    ],
)
def test_excess_by_quarter_hours_was_a_term_and_a_coefficient(tariff: str, day: date, term: str, coefficients: str):
    """The published Kp are the tolls by that of P1, and what is charged is their product with the term."""
    tolls, prices = TABLES.tolls[tariff].at(day).power, TABLES.quarter_excess[tariff].at(day)
    for period, coefficient in zip(tolls, coefficients.split(), strict=True):
        assert round_half_up(tolls[period] / tolls["P1"], 6) == D(coefficient)
        assert prices[period] == round_half_up(D(term) * D(coefficient), 6)


@pytest.mark.parametrize("tariff", ["3.0TD", "6.1TD"])
def test_the_change_of_april_2025_cost_nobody_above_50_kw_anything(tariff: str):
    """The coefficient went into the price, which stayed what it was but for the rounding of the coefficient."""
    before, after = (TABLES.quarter_excess[tariff].at(day) for day in (date(2025, 3, 31), date(2025, 4, 1)))
    assert all(abs(before[period] - after[period]) <= D("0.000002") for period in before)


@pytest.mark.parametrize(
    ("use", "base", "tax", "minimum"),
    [
        # 31 days accruing on 31 May 2026 at 0.5 %: the minimum of 1 €/MWh on 0.245 MWh is 0.25, half of it 0.12.
        ("", "42.07", "0.25", True),
        ("industrial_plant", "42.07", "0.21", False),
        ("irrigation", "42.07", "0.21", False),
        ("listed_use", "6.31", "0.03", False),  # 15 % of the base and no minimum
    ],
)
def test_electricity_tax_by_use(use: str, base: str, tax: str, minimum: bool):
    bill = spanish_bill(supply=spanish_supply(electricity_tax=use), issued=date(2026, 5, 31))
    iee = bill.taxes[0]
    assert (iee.base, iee.amount, iee.minimum_applied) == (D(base), D(tax), minimum)


def test_high_voltage_has_the_lower_minimum():
    """1 MWh at 0.5 % of 20.98 €: 0.10 is less than 0.50 €/MWh, which is less than 1 €/MWh."""
    six = tuple((f"P{number}", 100) for number in range(1, 7))
    segments = plan(spanish_supply(powers=six, tariff="6.1TD", meter_rental=""), OCTOBER, book())
    cheap = replace(segments[0].product, energy=dict.fromkeys(("P4", "P5", "P6"), D("0.02")))
    found = replace(energy(P4=1_000_000, P5=0, P6=0), reactive_varh={})
    bill = price("s", OCTOBER, [replace(segments[0], product=cheap)], [found], policy("es"), date(2026, 5, 31))
    assert (bill.taxes[0].amount, bill.taxes[0].minimum_applied) == (D("0.50"), True)


def test_an_unknown_use_is_held_with_the_known_ones():
    with pytest.raises(HeldBill, match=r"'greenhouse'.*industrial_plant, irrigation, listed_use"):
        spanish_bill(supply=spanish_supply(electricity_tax="greenhouse"))


def test_vulnerable_households_need_neither_power_nor_market_price():
    facts = TaxFacts(date(2022, 8, 1), plan(spanish_supply(12_000, vulnerable=True), OCTOBER, book()), 245_000)
    assert iva_rate(TABLES, "electricity", facts) == D("0.05")


@pytest.mark.parametrize(("zone", "tax"), [("canarias", "IGIC"), ("ceuta", "IPSI"), ("melilla", "IPSI")])
def test_zones_with_another_tax_are_held(zone: str, tax: str):
    segments = plan(spanish_supply(), OCTOBER, book())
    with pytest.raises(HeldBill, match=f"{tax} rates for 2026-11-03") as held:
        price("s", OCTOBER, segments, [BILL_A], policy("es"), date(2026, 11, 3), BillTerms(zone=zone))
    assert held.value.reason == "NO_TABLE_ROW"


def test_the_market_price_of_the_bill_decides_the_reduced_iva():
    segments = plan(spanish_supply(), OCTOBER, book())
    day = date(2024, 4, 30)
    cheap, dear = (
        price("s", OCTOBER, segments, [BILL_A], policy("es"), day, BillTerms(market_price=D(market)))
        for market in ("45", "45.01")
    )
    assert (cheap.taxes[1].rate, dear.taxes[1].rate) == (D("0.21"), D("0.1"))
    with pytest.raises(Refused):
        iva_rate(TABLES, "electricity", TaxFacts(day, segments, 0))
    assert amounts(cheap)["iee"] == D("1.60")  # 3.8 % of 42.07
