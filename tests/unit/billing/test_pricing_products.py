"""Discounts, invitations, regulated and hourly prices: the commercial products, against worked figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest

from services.billing.domain.adjustments import BillTerms, Discount, StatedLine
from services.billing.domain.bill import Bill, Energy, HourEnergy, PeriodEnergy
from services.billing.domain.planning import HeldBill, add_months, plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Supply
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BILL_A, FIXED, OCTOBER, amounts, book, energy, policy, spanish_supply

ISSUED = date(2026, 11, 3)
PROMOTION = {**FIXED, "discounts": [{"months": 12, "percent": "20"}, {"percent": "15"}]}


def bill(
    terms: BillTerms = BillTerms(),
    *,
    product: Mapping[str, Any] = FIXED,
    found: Energy = BILL_A,
    supply: Supply | None = None,
    period: DatePeriod = OCTOBER,
) -> Bill:
    rules = policy("es")
    segments = plan(supply or spanish_supply(), period, book(product), rules.regulated_energy)
    return price("s", period, segments, [found] * len(segments), rules, ISSUED, terms)


def discounts(found: Bill) -> list[D]:
    return [line.amount for line in found.lines if line.concept == "discount"]


@pytest.mark.parametrize(
    ("start", "expected"),
    [(date(2026, 6, 1), "-42.00"), (date(2025, 9, 1), "-31.50")],  # the 5th month, the 14th
)
def test_a_promotion_by_month_of_the_contract(start: date, expected: str):
    """An energy term of 210.00: 20 % in the first contract year, 15 % afterwards."""
    one_price = {**PROMOTION, "energy": {"P1": "0.14"}}
    found = bill(product=one_price, found=energy(P1=1_500_000), supply=spanish_supply(start=start))
    assert discounts(found) == [D(expected)]


def test_a_promotion_that_changes_inside_the_month_takes_each_days_energy():
    """The contract is a year old on 16 October: two spans, whose energy metering gives separately."""
    supply = spanish_supply(start=date(2025, 10, 16))
    segments = plan(supply, OCTOBER, book(PROMOTION))
    assert [(each.days.start.day, each.discount) for each in segments] == [(1, D("0.2")), (16, D("0.15"))]
    halves = [energy(P1=10_000, P2=0, P3=0), energy(P1=20_000, P2=0, P3=0)]
    found = price("s", OCTOBER, segments, halves, policy("es"), ISSUED)
    assert discounts(found) == [D("-0.39"), D("-0.59")]  # 20 % of 1.96, 15 % of 3.92
    assert [line.days for line in found.lines if line.concept == "power"] == [31, 31]


def test_after_the_last_month_of_a_promotion_there_is_no_discount():
    short = {**FIXED, "discounts": [{"months": 3, "percent": "10"}]}
    assert discounts(bill(product=short)) == []


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
    ],
)
def test_months_of_a_contract(day: date, months: int, expected: date):
    assert add_months(day, months) == expected


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"percent": "20"}, {"months": 2, "percent": "10"}], "only the last"),
        ([{"months": 0, "percent": "20"}], "months = 0"),
        ([{"percent": "120"}], "120 %"),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused(steps: list[dict[str, Any]], words: str):
    with pytest.raises(Invalid, match=words):
        book({**FIXED, "discounts": steps})


def test_an_invitation_code():
    """245 kWh for 30.97: 0.126408 a kWh, so that 100 kWh are 12.64."""
    found = bill(BillTerms(discounts=(Discount(wh=100_000, label="Invitation"),)))
    (line,) = [line for line in found.lines if line.concept == "discount"]
    assert (line.amount, line.quantity, line.unit_price) == (D("-12.64"), D(100), D("-0.126408"))
    assert line.taxed_by == ("iee", "iva")
    assert [each.concept for each in found.lines][-4:] == [
        "energy",
        "discount",
        "social_bonus_financing",
        "meter_rental",
    ]


def test_discounts_never_exceed_the_energy_term():
    found = bill(BillTerms(discounts=(Discount(ratio=D("0.5")), Discount(wh=500_000), Discount(amount=D(5)))))
    assert discounts(found) == [D("-15.49"), D("-15.48")]  # half of 30.97, and what is left
    assert found.total == bill(found=energy(P1=0, P2=0, P3=0)).total - D("0.00")


def test_an_invitation_on_a_bill_without_energy_gives_nothing():
    assert discounts(bill(BillTerms(discounts=(Discount(wh=100_000),)), found=energy(P1=0, P2=0, P3=0))) == []


def test_an_invitation_gives_no_more_energy_than_the_bill_has_and_no_more_money_than_it_costs():
    """What is printed multiplies to its amount, so that the kWh that were not given are known."""
    owed = Discount(wh=100_000, concept="invitation")
    (line,) = [
        each for each in bill(BillTerms(discounts=(owed,)), found=energy(P1=10_500)).lines if "inv" in each.concept
    ]
    assert (line.quantity, line.amount) == (D("10.5"), D("-2.06"))  # 10.5 kWh at 0.196
    half = BillTerms(discounts=(Discount(ratio=D("0.6")), owed))
    (line,) = [each for each in bill(half, found=energy(P1=110_000)).lines if each.concept == "invitation"]
    # 110 kWh cost 21.56, of which 8.62 are left: they pay for 43.979 kWh at 0.196, and not for 100.
    assert (line.quantity, line.amount) == (D("43.979"), D("-8.62"))
    assert -line.amount == (line.quantity * -line.unit_price).quantize(D("0.01"))


def test_surplus_is_compensated_up_to_the_energy_term_after_discounts():
    found = bill(
        BillTerms(discounts=(Discount(ratio=D("0.2")),)),
        found=energy(export_wh=700_000, P1=62_000, P2=55_000, P3=128_000),
    )
    assert (amounts(found)["discount"], amounts(found)["surplus"]) == (D("-6.19"), D("-24.78"))


def test_surplus_of_a_shared_installation():
    """120 kWh at 0.055 are 6.60, and the 30 kWh taken at 0.15 are 4.50: the compensation is 4.50."""
    product = {**FIXED, "energy": {"P1": "0.15"}, "surplus_price": "0.055"}
    found = bill(product=product, found=energy(export_wh=120_000, P1=30_000))
    assert amounts(found)["surplus"] == D("-4.50")


def test_stated_lines_stand_in_their_places_and_replace_the_tables():
    stated = (StatedLine("connection_fee", D("9.04")), StatedLine("meter_rental", D("1.00")))
    found = bill(BillTerms(stated=stated))
    assert [(line.concept, line.amount) for line in found.lines][-3:] == [
        ("social_bonus_financing", D("0.77")),
        ("meter_rental", D("1.00")),
        ("connection_fee", D("9.04")),
    ]
    assert all(line.taxed_by == ("iva",) for line in found.lines[-3:])


def test_regulated_energy_is_split_where_tolls_and_charges_change():
    """P1: 0.034234 + 0.058305 in 2025, 0.033261 + 0.064292 in 2026."""
    regulated = {**FIXED, "energy": "regulated"}
    found = bill(product=regulated, period=DatePeriod(date(2025, 12, 17), date(2026, 1, 17)))
    prices = [line.unit_price for line in found.lines if line.concept == "energy" and line.period == "P1"]
    assert prices == [D("0.092539"), D("0.097553")]


def test_regulated_energy_before_the_tables_begin_is_held():
    with pytest.raises(HeldBill, match=r"regulated energy 2.0TD.*2021-05-01"):
        early = {**FIXED, "from": date(2021, 1, 1), "power": {"P1": "20", "P2": "1"}, "energy": "regulated"}
        bill(product=early, period=DatePeriod.month("2021-05"))


# ------------------------------------------------------------------------------------------------------ indexed price
INDEXED = {
    "code": "fija",
    "kind": "indexed",
    "service": "electricity",
    "name": "Indexada",
    "from": date(2026, 1, 1),
    "adjustment": "0.012",
    "management_fee": "3.9",
}
WEDNESDAY = date(2026, 10, 14)
HOURS = (
    HourEnergy(WEDNESDAY, "P1", 420, D("0.08432")),
    HourEnergy(WEDNESDAY, "P2", 310, D("0.04110")),
    HourEnergy(WEDNESDAY, "P3", 150, D("0.05205")),
)


@pytest.mark.parametrize(
    ("hour", "expected", "euro"),
    [(HOURS[0], "0.209958", "0.088182"), (HOURS[1], "0.091022", "0.028217"), (HOURS[2], "0.078871", "0.011831")],
)
def test_the_price_of_an_hour(hour: HourEnergy, expected: str, euro: str):
    """(market + 0.012) × (1 + losses) + tolls + charges."""
    found = policy("es").hour_price("2.0TD", hour.day, hour.period, hour.market_price + D("0.012"))
    assert round(found, 6) == D(expected)
    assert round(round(found, 6) * hour.import_wh / 1000, 6) == D(euro)


def test_an_indexed_bill():
    """0.088182 + 0.028217 + 0.011831 = 0.13, and 3.9 € a month for 31 days: 3.97."""
    consumption = Energy(
        {"P1": PeriodEnergy(420), "P2": PeriodEnergy(310), "P3": PeriodEnergy(150)}, 745, 745, hours=HOURS
    )
    found = bill(product=INDEXED, found=consumption)
    energies = [line for line in found.lines if line.concept == "energy"]
    assert sum(line.amount for line in energies) == D("0.13")
    assert all(line.unit_price is None for line in energies)
    assert amounts(found)["management_fee"] == D("3.97")
    assert next(line for line in found.lines if line.concept == "management_fee").taxed_by == ("iee", "iva")


def test_hours_are_rounded_once_for_the_line():
    """Ten hours of 0.0021 € each are 0.02 €, not ten times 0.00."""
    hours = tuple(replace(HOURS[0], import_wh=10) for _ in range(10))
    found = bill(product=INDEXED, found=Energy({"P1": PeriodEnergy(100)}, 745, 745, hours=hours))
    assert [line.amount for line in found.lines if line.concept == "energy"] == [D("0.02")]


def test_a_share_of_energy_that_the_market_paid_for_is_no_charge():
    """At -0.5 €/kWh an hour costs (-0.488 × (1 + losses) + tolls and charges): 20 % of less than zero is not taken off."""
    hours = (replace(HOURS[2], import_wh=10_000, market_price=D("-0.5")),)
    promoted = {**INDEXED, "discounts": [{"percent": "20"}], "surplus_price": "0.06"}
    found = bill(product=promoted, found=Energy({"P3": PeriodEnergy(10_000, 5_000)}, 745, 745, hours=hours))
    figures = amounts(found)
    assert figures["energy P3"] < 0
    assert discounts(found) == [] and figures["surplus"] == 0


def test_hours_without_a_market_price_hold_the_bill():
    with pytest.raises(HeldBill, match="0 of 245000 Wh") as held:
        bill(product=INDEXED, found=BILL_A)
    assert held.value.reason == "NO_HOURS"


def test_an_hour_of_a_day_without_losses_is_held():
    found = Energy({"P1": PeriodEnergy(420)}, 1, 1, hours=(replace(HOURS[0], day=date(2021, 5, 31)),))
    with pytest.raises(HeldBill, match=r"losses loss 2.0TD.*2021-05-31"):
        bill(product=INDEXED, found=found)
