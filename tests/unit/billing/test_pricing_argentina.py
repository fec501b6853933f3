"""The worked Argentine bill: fixed 3,500.00; 150 kWh × 52.10 and 71 kWh × 68.40; IVA by holder and use."""

from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.billing.jurisdictions import jurisdiction
from services.billing.jurisdictions.ar.policy import invoice_class
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BLOCKS, OCTOBER, amounts, argentine_bill, argentine_supply, book, energy


def test_household():
    bill = argentine_bill(argentine_supply(), 221_000)
    assert amounts(bill) == {
        "fixed_charge": D("3500.00"),
        "energy 0–150": D("7815.00"),
        "energy > 150": D("4856.40"),
        "iva": D("3395.99"),
        "total": D("19567.39"),
    }
    assert bill.net == D("16171.40")


@pytest.mark.parametrize("condition", ["registered", "monotributo"])
def test_metered_supply_outside_dwellings_pays_27_percent(condition):
    bill = argentine_bill(argentine_supply("other", condition), 221_000)
    assert (amounts(bill)["iva"], bill.total) == (D("4366.28"), D("20537.68"))


@pytest.mark.parametrize(
    ("use", "condition", "rate"),
    [("other", "consumer", "0.21"), ("dwelling", "registered", "0.21"), ("dwelling", "exempt", "0")],
)
def test_other_holders(use, condition, rate):
    assert [tax.rate for tax in argentine_bill(argentine_supply(use, condition), 221_000).taxes] == [D(rate)]


def test_electricity_and_unmetered_water_on_one_invoice():
    bill = argentine_bill(argentine_supply(water=True), 221_000)
    assert amounts(bill)["water_fixed"] == D("4200.00")
    assert bill.total == D("24649.39")  # (16,171.40 + 4,200.00) × 1.21 = 20,371.40 + 4,277.99
    assert [tax.code for tax in bill.taxes] == ["iva"]


def test_two_rates_are_two_taxes():
    """A shop: metered electricity at 27 %, water without a meter at 21 %."""
    bill = argentine_bill(argentine_supply("other", "registered", water=True), 221_000)
    assert [(tax.code, tax.base, tax.amount) for tax in bill.taxes] == [
        ("iva-21", D("4200.00"), D("882.00")),
        ("iva-27", D("16171.40"), D("4366.28")),
    ]


@pytest.mark.parametrize(
    ("wh", "lines"),
    [
        (0, {"energy 0–150": D("0.00")}),
        (150_000, {"energy 0–150": D("7815.00")}),
        (150_001, {"energy 0–150": D("7815.00"), "energy > 150": D("0.07")}),
    ],
)
def test_edges_of_a_block(wh, lines):
    bill = argentine_bill(argentine_supply(), wh)
    assert {key: value for key, value in amounts(bill).items() if key.startswith("energy")} == lines


def test_part_of_a_month_has_that_part_of_the_fixed_charge_and_of_each_step():
    """10 days of October: 3,500 × 10/31 = 1,129.03; the first step is 150 × 10/31 = 48.387 kWh."""
    supply = argentine_supply()
    days = DatePeriod(date(2026, 10, 1), date(2026, 10, 11))
    segments = plan(supply, days, book())
    bill = price(supply.id, OCTOBER, segments, [energy(P1=60_000)], jurisdiction("ar").policy, date(2026, 11, 2))
    assert [(line.quantity, line.amount) for line in bill.lines] == [
        (None, D("1129.03")),
        (D("48.387"), D("2520.96")),
        (D("11.613"), D("794.33")),
    ]


def test_class_of_the_invoice_follows_the_holder():
    assert invoice_class(plan(argentine_supply("other", "registered"), OCTOBER, book())) == "A"
    assert invoice_class(plan(argentine_supply("other", "monotributo"), OCTOBER, book())) == "B"


@pytest.mark.parametrize(
    "blocks",
    [
        [{"up_to_kwh": "150", "price": "1"}],
        [{"price": "1"}, {"up_to_kwh": "150", "price": "1"}],
        [{"up_to_kwh": "150", "price": "1"}, {"up_to_kwh": "100", "price": "1"}, {"price": "1"}],
    ],
)
def test_blocks_must_rise_and_end_open(blocks):
    with pytest.raises(Invalid, match="block"):
        book({**BLOCKS, "blocks": blocks})
