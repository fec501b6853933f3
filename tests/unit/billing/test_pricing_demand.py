"""Excess power and reactive energy of contracts above 15 kW, against worked figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.billing.domain.adjustments import BillTerms, StatedLine
from services.billing.domain.bill import Bill, Energy, PeriodEnergy
from services.billing.domain.own_demand import with_own_demand
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.pricing import price
from services.billing.jurisdictions.es.demand import cos_phi
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import FIXED, OCTOBER, amounts, book, energy, policy, spanish_supply

MADRID = ZoneInfo("Europe/Madrid")
SIX = tuple(f"P{number}" for number in range(1, 7))
PRICES = dict.fromkeys(SIX, "0.14")
LARGE = {**FIXED, "energy": PRICES}
OCTOBER_WH = {"P4": 1_200_000, "P5": 300_000, "P6": 500_000}


def read(demand_w: dict[str, int] | None = None, varh: dict[str, int] | None = None) -> Energy:
    return replace(energy(**OCTOBER_WH), max_demand_w=demand_w or {}, reactive_varh=varh or {})


def large_bill(
    found: Energy,
    *,
    watts: int = 20_000,
    tariff: str = "3.0TD",
    period: DatePeriod = OCTOBER,
    terms: BillTerms = BillTerms(),
    **contract: Any,
) -> Bill:
    supply = spanish_supply(powers=tuple((name, watts) for name in SIX), tariff=tariff, meter_rental="", **contract)
    segments = plan(supply, period, book(LARGE))
    return price("s", period, segments, [found] * len(segments), policy("es"), date(2026, 11, 3), terms)


def test_a_bill_of_six_periods():
    """20 kW × 31 days × (toll + charge of 2026) ÷ 365 in each of six power periods; three energy periods in October."""
    found = amounts(large_bill(read()))
    assert {name: found[f"power {name}"] for name in SIX} == {
        "P1": D("34.61"),  # 20.376927
        "P2": D("18.04"),  # 10.617621
        "P3": D("7.61"),  # 4.481534
        "P4": D("6.60"),  # 3.886333
        "P5": D("4.27"),  # 2.513851
        "P6": D("2.45"),  # 1.442287
    }
    assert [found[f"energy {name}"] for name in SIX] == [D(0), D(0), D(0), D("168.00"), D("42.00"), D("70.00")]
    # 353.58 and its electricity tax of 18.08, 0.77 of financing; 21 % of 372.43 is 78.21.
    assert (found["iee"], found["iva"], found["total"]) == (D("18.08"), D("78.21"), D("450.64"))


def test_excess_of_a_maximeter():
    """Type 4, P4: 20 kW contracted, 26.4 read, 31 days of 2026: 0.021891 × 6.4 × 31 = 4.34."""
    bill = large_bill(read({"P4": 26_400, "P5": 20_000, "P6": 3_000}))
    (line,) = [line for line in bill.lines if line.concept == "excess_power"]
    assert (line.period, line.quantity, line.days, line.unit_price, line.amount) == (
        "P4",
        D("6.4"),
        31,
        D("0.021891"),
        D("4.34"),
    )
    assert line.taxed_by == ("iee", "iva")


def test_no_excess_up_to_the_contracted_power():
    assert not any(line.concept == "excess_power" for line in large_bill(read({"P4": 20_000})).lines)


def test_excess_of_a_maximeter_in_high_voltage():
    """6.1TD, P4: 0.038455 × 6.4 kW × 31 days of 2026."""
    bill = large_bill(read({"P4": 26_400}), tariff="6.1TD")
    assert [line.amount for line in bill.lines if line.concept == "excess_power"] == [D("7.63")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period": DatePeriod.month("2025-03")}, "excess_power 3.0TD.*2025-03-01"),
    ],
)
def test_an_excess_without_price_is_refused_by_table_and_date(change: dict[str, Any], words: str):
    with pytest.raises(HeldBill, match=words) as held:
        large_bill(read({"P4": 70_000}), **change)
    assert held.value.reason == "NO_TABLE_ROW"


def test_an_excess_stated_by_hand_needs_no_table():
    terms = BillTerms(stated=(StatedLine("excess_power", D("12.50")),))
    assert amounts(large_bill(read({"P4": 70_000}), watts=60_000, terms=terms))["excess_power"] == D("12.50")


@pytest.mark.parametrize("control", ["", "maximeter"])
def test_2_0td_pays_excess_only_with_a_maximeter(control: str):
    """The meter's breaker enforces the contracted power: 0.279426 × 1.4 kW × 31 days only where there is a maximeter."""
    segments = plan(spanish_supply(power_control=control), OCTOBER, book())
    found = replace(energy(P1=1, P2=1, P3=1), max_demand_w={"P1": 6_000})
    bill = price("s", OCTOBER, segments, [found], policy("es"), date(2026, 11, 3))
    assert [line.amount for line in bill.lines if line.concept == "excess_power"] == ([D("12.13")] if control else [])


def test_reactive_energy():
    """P4: 1,200 kWh and 700 kVArh; cos φ 0.86; 700 − 33 % of 1,200 = 304 kVArh × 0.041554 = 12.63."""
    bill = large_bill(read(varh={"P4": 700_000, "P5": 99_000, "P6": 900_000}))
    (line,) = [line for line in bill.lines if line.concept == "reactive"]  # P5 is at 33 %, P6 is never charged
    assert (line.period, line.quantity, line.unit_price, line.amount) == ("P4", D(304), D("0.041554"), D("12.63"))
    assert cos_phi(D(1_200), D(700)) == D("0.86")
    assert line.taxed_by == ("iee", "iva")


@pytest.mark.parametrize(
    ("wh", "varh", "unit_price"),
    [
        (1_000_000, 340_000, None),  # cos φ 0.9467 rounds to 0.95: free
        (1_000_000, 350_000, "0.041554"),  # 0.9439
        (1_000_000, 750_000, "0.041554"),  # 0.80 exactly
        (1_000_000, 780_000, "0.062332"),  # 0.7885
        (0, 10_000, "0.062332"),
    ],
)
def test_bands_of_the_power_factor(wh: int, varh: int, unit_price: str | None):
    found = Energy({"P4": PeriodEnergy(wh)}, 745, 745, max_demand_w={}, reactive_varh={"P4": varh})
    prices = [line.unit_price for line in large_bill(found).lines if line.concept == "reactive"]
    assert prices == ([D(unit_price)] if unit_price else [])


def test_2_0td_pays_no_reactive_energy():
    segments = plan(spanish_supply(), OCTOBER, book())
    bill = price(
        "s",
        OCTOBER,
        segments,
        [replace(energy(P1=1000), reactive_varh={"P1": 900_000})],
        policy("es"),
        date(2026, 11, 3),
    )
    assert not any(line.concept == "reactive" for line in bill.lines)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (energy(**OCTOBER_WH), "NO_MAXIMUM_DEMAND"),
        (replace(energy(**OCTOBER_WH), max_demand_w={}), "NO_REACTIVE_ENERGY"),
    ],
)
def test_what_was_not_read_holds_the_bill(found: Energy, reason: str):
    """Not read is not zero: without the readings an invoice would silently leave money out."""
    with pytest.raises(HeldBill) as held:
        large_bill(found)
    assert held.value.reason == reason
    assert str(held.value).endswith("and run the month again.")


def test_the_demand_of_several_spans_is_the_highest_and_reactive_energy_is_summed():
    one = replace(energy(P1=1), max_demand_w={"P1": 5, "P2": 9}, reactive_varh={"P1": 5})
    other = replace(energy(P1=1), max_demand_w={"P1": 7}, reactive_varh={"P1": 6, "P2": 1})
    both = one + other
    assert (both.max_demand_w, both.reactive_varh) == ({"P1": 7, "P2": 9}, {"P1": 11, "P2": 1})
    assert (one + energy(P1=1)).max_demand_w is None
    # The close at the end of a month is of the days before a change of price, too: no other was read.
    assert (energy(P1=1) + other).max_demand_w == {"P1": 7}


def test_a_price_change_of_the_product_does_not_split_excess_or_power():
    dearer = {**LARGE, "from": date(2026, 10, 17), "energy": dict.fromkeys(SIX, "0.20")}
    supply = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD")
    segments = plan(supply, OCTOBER, book({**LARGE, "to": date(2026, 10, 17)}, dearer))
    assert len(segments) == 2
    bill = price("s", OCTOBER, segments, [read({"P4": 26_400})] * 2, policy("es"), date(2026, 11, 3))
    assert [line.days for line in bill.lines if line.concept in ("power", "excess_power")] == [31] * 7
    assert amounts(bill)["excess_power P4"] == D("4.34")


def test_a_product_whose_price_changes_inside_has_one_close_at_the_end():
    """6.4 kW × 31 days × 0.021891, though nothing was read in the first of the two spans."""
    dearer = {**LARGE, "from": date(2026, 10, 17), "energy": dict.fromkeys(SIX, "0.20")}
    supply = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD")
    segments = plan(supply, OCTOBER, book({**LARGE, "to": date(2026, 10, 17)}, dearer))
    parts = [replace(read(), max_demand_w=None), read({"P4": 26_400})]
    bill = price("s", OCTOBER, segments, parts, policy("es"), date(2026, 11, 3))
    assert amounts(bill)["excess_power P4"] == D("4.34")


@pytest.mark.parametrize(
    ("watts", "day", "own"),
    [
        (26_400, 20, True),
        (26_400, 5, False),  # before the contract, whose own demand nobody read
        (19_000, 5, True),  # whatever its own was, it was no higher
        (26_400, None, True),
    ],
)
def test_a_close_that_tells_of_days_before_the_contract_was_no_reading_of_its_own(
    watts: int, day: int | None, own: bool
):
    at = {} if day is None else {"P4": datetime(2026, 10, day, 9, 15, tzinfo=UTC)}
    found = replace(read({"P4": watts}), max_demand_at=at)
    supply = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD", start=date(2026, 10, 17))
    segments = plan(supply, OCTOBER, book(LARGE))
    assert with_own_demand(segments, [found], MADRID) == [found if own else replace(found, max_demand_w=None)]
    assert with_own_demand(segments, [None], MADRID) == [None]


def test_a_price_that_changes_does_not_begin_a_contract():
    """The close of the month is of both spans of one contract."""
    dearer = {**LARGE, "from": date(2026, 10, 17), "energy": dict.fromkeys(SIX, "0.20")}
    supply = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD")
    segments = plan(supply, OCTOBER, book({**LARGE, "to": date(2026, 10, 17)}, dearer))
    found = replace(read({"P4": 26_400}), max_demand_at={"P4": datetime(2026, 10, 5, 9, 15, tzinfo=UTC)})
    assert with_own_demand(segments, [None, found], MADRID) == [None, found]
