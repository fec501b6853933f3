"""The worked bill of 55.44 € and its variants: 4.6 kW, 2.0TD, fixed price, 31 days, 245 kWh, every figure by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.policy import TaxFacts
from services.billing.domain.pricing import check_hours, price
from services.billing.jurisdictions import jurisdiction
from services.billing.jurisdictions.es.tables import SpanishTables
from services.billing.jurisdictions.es.taxes import iva_rate
from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BILL_A, FIXED, OCTOBER, amounts, book, energy, spanish_bill, spanish_supply

TABLES = SpanishTables()


def test_bill_a_to_the_cent():
    assert amounts(spanish_bill()) == {
        "power P1": D("10.82"),
        "power P2": D("0.28"),
        "energy P1": D("12.15"),
        "energy P2": D("7.04"),
        "energy P3": D("11.78"),
        "iee": D("2.15"),
        "social_bonus_financing": D("0.77"),
        "meter_rental": D("0.83"),
        "iva": D("9.62"),
        "total": D("55.44"),
    }
    iee, iva = spanish_bill().taxes
    assert (iee.base, iva.base) == (D("42.07"), D("45.82"))
    assert not iee.minimum_applied


def test_financing_inside_the_base_of_the_electricity_tax_is_a_switch():
    bill = spanish_bill(financing_in_iee_base=True)
    assert amounts(bill)["iee"] == D("2.19")
    assert bill.total == D("55.49")


def test_reduced_taxes_of_spring_2026_with_the_minimum_of_the_electricity_tax():
    """31 days accruing on 31 May 2026: 0.5 % of 42.07 is 0.21, under the minimum of 1 €/MWh, 0.25; IVA 10 %."""
    may = DatePeriod.month("2026-05")
    bill = spanish_bill(issued=date(2026, 5, 31), period=may)
    found = amounts(bill)
    assert (found["iee"], found["social_bonus_financing"], found["iva"]) == (D("0.25"), D("0.59"), D("4.37"))
    assert bill.taxes[0].minimum_applied and bill.taxes[0].quantity_mwh == D("0.245")
    assert bill.taxes[1].base == D("43.74")
    assert bill.total == D("48.11")


def test_the_whole_invoice_takes_the_rate_of_its_accrual_date():
    bill = spanish_bill(issued=date(2026, 6, 1), period=DatePeriod.month("2026-05"))
    assert [tax.rate for tax in bill.taxes] == [D("0.0511269632"), D("0.21")]


def test_empty_dwelling():
    bill = spanish_bill(energy(P1=0, P2=0, P3=0))
    assert (amounts(bill)["iee"], bill.taxes[1].base, bill.total) == (D("0.57"), D("13.27"), D("16.06"))


def test_surplus_compensation():
    bill = spanish_bill(energy(export_wh=180_000, P1=62_000, P2=55_000, P3=128_000))
    found = amounts(bill)
    assert (found["surplus"], found["iee"], found["iva"], bill.total) == (D("-10.80"), D("1.60"), D("7.24"), D("41.71"))
    assert [tax.base for tax in bill.taxes] == [D("31.27"), D("34.47")]


def test_surplus_never_makes_the_energy_term_negative():
    """700 kWh at 0.06 = 42.00, capped at the energy term 30.97: the total is the empty dwelling's."""
    bill = spanish_bill(energy(export_wh=700_000, P1=62_000, P2=55_000, P3=128_000))
    assert amounts(bill)["surplus"] == D("-30.97")
    assert bill.total == D("16.06")
    assert next(line for line in bill.lines if line.concept == "surplus").unit_price is None


def test_power_is_split_by_days_and_years():
    """16 days of 31 at 2026 prices: 4.6 × 27.704413 × 16/365 = 5.59; the 15 days before at 2025 prices and year."""
    period = DatePeriod(date(2025, 12, 17), date(2026, 1, 17))
    lines = [line for line in spanish_bill(period=period).lines if line.concept == "power" and line.period == "P1"]
    assert [(line.days, line.year_days, line.amount) for line in lines] == [
        (15, 365, D("5.09")),  # 4.6 × (22.958932 + 3.971618) × 15/365
        (16, 365, D("5.59")),
    ]


def test_a_bill_crossing_new_year_uses_each_years_days():
    """2024 has 366 days: 4.6 × (22.401746 + 2.989915) × 1/366 = 0.32, and one day of 2025: 4.6 × 26.930550 / 365 = 0.34."""
    supply = spanish_supply()
    segments = plan(supply, DatePeriod(date(2024, 12, 31), date(2025, 1, 2)), book())
    policy = jurisdiction("es").policy
    spans = [(days.days, row.value["P1"]) for days, row in policy.regulated_power("2.0TD").spans(segments[0].days)]
    assert spans == [(1, D("25.391661")), (1, D("26.930550"))]
    with pytest.raises(HeldBill, match="social_bonus_financing"):
        price("supply-1", segments[0].days, segments, [BILL_A], policy, date(2025, 1, 2))


def test_financing_of_2025_is_a_price_per_day():
    line = next(
        line
        for line in spanish_bill(period=DatePeriod.month("2025-12"), issued=date(2026, 1, 2)).lines
        if line.concept == "social_bonus_financing"
    )
    assert (line.amount, line.price_unit, line.unit_price) == (D("0.40"), "day", D("0.0127424301"))


def test_financing_is_split_where_its_price_changes():
    """June 2026: 25 days at 6.979247 and 5 days at 9.011295 a year."""
    lines = [
        line
        for line in spanish_bill(period=DatePeriod.month("2026-06"), issued=date(2026, 7, 2)).lines
        if line.concept == "social_bonus_financing"
    ]
    assert [(line.days, line.amount) for line in lines] == [(25, D("0.48")), (5, D("0.12"))]


def test_a_price_change_of_the_product_splits_the_energy():
    """Each span of prices is a segment of its own, whose energy is asked for separately."""
    cheaper = {**FIXED, "from": date(2026, 10, 17), "energy": {"P1": "0.100", "P2": "0.100", "P3": "0.100"}}
    segments = plan(spanish_supply(), OCTOBER, book({**FIXED, "to": date(2026, 10, 17)}, cheaper))
    assert [segment.days for segment in segments] == [
        DatePeriod(date(2026, 10, 1), date(2026, 10, 17)),
        DatePeriod(date(2026, 10, 17), date(2026, 11, 1)),
    ]
    halves = [energy(P1=10_000, P2=0, P3=0, hours=384), energy(P1=20_000, P2=0, P3=0, hours=361)]
    bill = price("supply-1", OCTOBER, segments, halves, jurisdiction("es").policy, date(2026, 11, 2))
    assert [line.amount for line in bill.lines if line.concept == "energy" and line.period == "P1"] == [
        D("1.96"),
        D("2.00"),
    ]
    assert bill.energy["electricity"].import_wh == 30_000
    assert bill.energy["electricity"].hours_expected == 745
    assert [line.days for line in bill.lines if line.concept == "meter_rental"] == [31]


def test_a_product_with_one_price_charges_it_at_all_hours():
    one_price = {**FIXED, "energy": {"P1": "0.15"}}
    bill = spanish_bill(prices=book(one_price))
    assert [line.unit_price for line in bill.lines if line.concept == "energy"] == [D("0.15")] * 3


def test_three_phase_meter():
    assert amounts(spanish_bill(supply=spanish_supply(meter_rental="three_phase")))["meter_rental"] == D("1.39")


def test_own_meter_pays_no_rental():
    assert "meter_rental" not in amounts(spanish_bill(supply=spanish_supply(meter_rental="")))


@pytest.mark.parametrize(
    ("day", "watts", "iee", "iva"),
    [
        (date(2026, 3, 21), 4600, "0.0511269632", "0.21"),
        (date(2026, 3, 22), 4600, "0.005", "0.10"),
        (date(2026, 4, 29), 10_000, "0.005", "0.21"),  # below 10 kW until 29 April,
        (date(2026, 4, 30), 10_000, "0.005", "0.10"),  # up to 10 kW from the 30th
        (date(2026, 4, 30), 10_100, "0.005", "0.21"),
        (date(2026, 5, 31), 4600, "0.005", "0.10"),
        (date(2026, 6, 1), 4600, "0.0511269632", "0.21"),
        (date(2025, 1, 1), 4600, "0.0511269632", "0.21"),
        (date(2024, 6, 30), 10_100, "0.038", "0.21"),
        (date(2024, 7, 1), 10_100, "0.0511269632", "0.21"),
        (date(2024, 3, 31), 10_100, "0.025", "0.21"),
        (date(2024, 4, 1), 10_100, "0.038", "0.21"),
        (date(2023, 12, 31), 10_100, "0.005", "0.21"),
        (date(2021, 9, 15), 10_100, "0.0511269632", "0.21"),
        (date(2021, 9, 16), 10_100, "0.005", "0.21"),
    ],
)
def test_tax_history(day, watts, iee, iva):
    facts = TaxFacts(day, plan(spanish_supply(watts), OCTOBER, book()), 245_000)
    assert TABLES.iee.at(day).rate == D(iee)
    assert iva_rate(TABLES, "electricity", facts) == D(iva)


@pytest.mark.parametrize(("market", "rate"), [("45.01", "0.05"), ("45", "0.21"), ("30", "0.21")])
def test_reduced_iva_that_depends_on_the_market_price(market, rate):
    facts = TaxFacts(date(2022, 8, 1), plan(spanish_supply(), OCTOBER, book()), 245_000)
    assert iva_rate(TABLES, "electricity", replace(facts, market_price=D(market))) == D(rate)
    with pytest.raises(Refused, match="market price"):
        iva_rate(TABLES, "electricity", facts)


@pytest.mark.parametrize(
    ("supply", "reason", "words"),
    [
        (spanish_supply(product_code="verde"), "NO_PRODUCT", "'verde'.*agua, fija, residencial"),
        (spanish_supply(product_code="agua"), "NO_PRODUCT", "supplies electricity but its product 'agua' sells water"),
        (spanish_supply(tariff="6.2TD"), "NO_TARIFF", "'6.2TD'.*Correct its tariff, or give it a product with"),
        (spanish_supply(powers=(("P1", 4600),)), "NO_POWER", "needs P1, P2. Correct the powers"),
        (spanish_supply(meter_rental="six_phase"), "NO_TARIFF", "'six_phase'"),
    ],
)
def test_what_cannot_be_priced_is_held_with_a_sentence(supply, reason, words):
    with pytest.raises(HeldBill, match=words) as held:
        spanish_bill(supply=supply)
    assert held.value.reason == reason


def test_a_month_before_the_products_prices_is_held():
    with pytest.raises(HeldBill) as held:
        plan(spanish_supply(), DatePeriod.month("2021-05"), book())
    assert held.value.reason == "NO_PRICE"


def test_a_tariff_period_without_a_price_is_held():
    with pytest.raises(HeldBill, match=r"no energy price for P3.*\. Give the contract a product of its tariff, or"):
        spanish_bill(prices=book({**FIXED, "energy": {"P1": "0.2", "P2": "0.1"}}))


def test_contract_days_only():
    """A contract from 11 October pays 21 days."""
    bill = spanish_bill(supply=spanish_supply(start=date(2026, 10, 11)))
    assert {line.days for line in bill.lines if line.days} == {21}
    assert plan(spanish_supply(end=date(2026, 10, 1)), OCTOBER, book()) == ()


@pytest.mark.parametrize(
    ("found", "reason"),
    [(energy(P1=1, missing=38), "MISSING_READINGS"), (energy(P1=0, missing=745), "NO_READINGS")],
)
def test_missing_hours_hold_the_bill(found, reason):
    segment = plan(spanish_supply(), OCTOBER, book())[0]
    check_hours(segment, energy(P1=1, missing=37), D("0.95"))  # 708 of 745 is 0.9503
    with pytest.raises(HeldBill) as held:
        check_hours(segment, found, D("0.95"))
    assert held.value.reason == reason


def test_tables_refuse_gaps_and_overlaps():
    first = Row(date(2025, 1, 1), date(2026, 1, 1), "a", 1)
    with pytest.raises(Invalid, match="no row covers 2026-01-01 to 2026-01-02"):
        DatedTable("x", [first, Row(date(2026, 1, 2), None, "b", 2)])
    with pytest.raises(Invalid, match="overlaps"):
        DatedTable("x", [first, Row(date(2025, 12, 31), None, "b", 2)])
    with pytest.raises(Invalid, match="overlaps"):
        DatedTable("x", [Row(date(2025, 1, 1), None, "a", 1), Row(date(2026, 1, 1), None, "b", 2)])
    with pytest.raises(Refused, match="2024-12-31"):
        DatedTable("x", [first]).at(date(2024, 12, 31))


def test_a_binary_fraction_in_a_price_is_refused():
    with pytest.raises(Invalid, match="binary fraction"):
        book({**FIXED, "energy": {"P1": 0.196}})
