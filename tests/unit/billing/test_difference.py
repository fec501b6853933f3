"""Why a bill is not the amount of the one before: effects by cause, exact to the cent whatever the two bills are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.bill import BillLine, BillTax
from services.billing.domain.difference import CAUSES, Charged, comparable, effects
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import energy, spanish_bill, spanish_supply
from tests.unit.billing.test_services_argentina import bill_of, supply, water_close

AUGUST, SEPTEMBER, OCTOBER = (DatePeriod.month(f"2026-{month}") for month in ("08", "09", "10"))
JUNE_TO_JULY = DatePeriod(date(2026, 6, 1), date(2026, 8, 1))


def line(concept: str, amount: str, **more) -> BillLine:
    return BillLine(concept, "energy", more.pop("service", "electricity"), D(amount), **more)


def energy_line(kwh: str, price: str, period: str = "P1") -> BillLine:
    amount = round_half_up(D(kwh) * D(price))
    return line("energy", str(amount), period=period, quantity=D(kwh), unit="kwh", unit_price=D(price))


def power_line(kw: str, days: int, price: str, period: str = "P1") -> BillLine:
    amount = round_half_up(D(kw) * days * D(price) / 365)
    price_of = {"unit_price": D(price), "price_unit": "kw_year", "year_days": 365}
    return line("power", str(amount), period=period, quantity=D(kw), unit="kw", days=days, **price_of)


def told(now: Charged, before: Charged) -> dict[str, D]:
    return {effect.cause: effect.amount for effect in effects(now, before)}


def test_energy_is_split_in_what_the_quantity_and_the_price_did():
    """100 kWh at 0.20 become 120 at 0.25: 20 x 0.20 for the quantity, and 120 x 0.05 for the price."""
    now, before = Charged(OCTOBER, [energy_line("120", "0.25")], []), Charged(OCTOBER, [energy_line("100", "0.20")], [])
    assert told(now, before) == {"consumption": D("4.00"), "price": D("6.00")}
    assert effects(now, before)[0].more == D(20)


def test_an_average_stands_for_the_price_of_energy_priced_by_the_hour():
    """10.00 for 100 kWh, 15.00 for 120: 20 kWh at 0.10, and 3.00 for dearer hours."""
    hourly = [
        line("energy", amount, period="P1", quantity=D(kwh), unit="kwh")
        for amount, kwh in (("15", "120"), ("10", "100"))
    ]
    assert told(Charged(OCTOBER, hourly[:1], []), Charged(OCTOBER, hourly[1:], [])) == {
        "consumption": D("2.00"),
        "price": D("3.00"),
    }


def test_other_periods_than_before_are_compared_as_one():
    """100 kWh in one period become 60 + 60 in two: 20 more at 0.20, the rest is the price."""
    now = Charged(OCTOBER, [energy_line("60", "0.30", "P1"), energy_line("60", "0.10", "P2")], [])
    before = Charged(OCTOBER, [energy_line("100", "0.20", "0")], [])
    assert told(now, before) == {"consumption": D("4.00")}


def test_power_is_split_in_days_kilowatts_and_price():
    """4 kW x 30 days at 36.50 is 12.00; 31 days 12.40; 5 kW 15.50; at 73.00 it is 31.00."""
    before = Charged(SEPTEMBER, [power_line("4", 30, "36.5")], [])
    assert told(Charged(OCTOBER, [power_line("5", 31, "73")], []), before) == {
        "days": D("0.40"),
        "power": D("3.10"),
        "price": D("15.50"),
    }
    assert told(Charged(OCTOBER, [power_line("4", 31, "36.5")], []), before) == {"days": D("0.40")}


def test_the_days_told_are_those_that_were_billed():
    """A contract that ended on the 20th, or one that began anew after a gap, has fewer days than the month."""
    before = Charged(SEPTEMBER, [power_line("4", 30, "36.5")], [])
    for now, more in (
        ([power_line("4", 19, "36.5")], -11),
        ([power_line("4", 9, "36.5"), power_line("4", 17, "36.5")], -4),
        ([power_line("4", 31, "36.5")], 1),
    ):
        (effect,) = effects(Charged(OCTOBER, now, []), before)
        assert (effect.cause, effect.more, effect.unit) == ("days", more, "day")
    parted = [power_line("4", 15, "36.5"), replace(power_line("4", 15, "36.5"), amount=D("6.01"))]
    (effect,) = effects(Charged(SEPTEMBER, parted, []), before)
    assert (effect.cause, effect.amount, effect.more) == ("days", D("0.01"), None)


def excess_line(kw: str, price: str, days: int | None = None, period: str = "P4") -> BillLine:
    amount = round_half_up(D(kw) * D(price) * (days or 1))
    unit = "kw_day" if days else "kw"
    return line(
        "excess_power",
        str(amount),
        period=period,
        quantity=D(kw),
        unit="kw",
        days=days,
        unit_price=D(price),
        price_unit=unit,
    )


def test_excess_power_by_quarters_is_split_in_kilowatts_and_price():
    """5 kW at 0.40 become 7 at 0.50: 2 x 0.40 are another item, and 7 x 0.10 the price."""
    before = Charged(SEPTEMBER, [excess_line("5", "0.40")], [])
    assert told(Charged(OCTOBER, [excess_line("7", "0.50")], []), before) == {"other": D("0.80"), "price": D("0.70")}
    assert told(Charged(OCTOBER, [excess_line("7", "0.40")], []), before) == {"other": D("0.80")}
    assert told(Charged(OCTOBER, [], []), before) == {"other": D("-2.00")}


def test_excess_power_of_a_maximeter_has_days_too():
    """5 kW x 30 days at 0.20 is 30.00; 31 days 31.00; 6 kW 37.20; at 0.30 it is 55.80."""
    before = Charged(SEPTEMBER, [excess_line("5", "0.20", 30)], [])
    found = told(Charged(OCTOBER, [excess_line("6", "0.30", 31)], []), before)
    assert found == {"days": D("1.00"), "other": D("6.20"), "price": D("18.60")}


def test_excess_power_that_is_counted_otherwise_than_before_is_another_item():
    """The contract went above 50 kW: by the day before, by quarters of an hour now."""
    now, before = (
        Charged(OCTOBER, [excess_line("7", "0.50")], []),
        Charged(SEPTEMBER, [excess_line("5", "0.20", 30)], []),
    )
    assert told(now, before) == {"other": D("-26.50")}


def test_the_same_contract_for_a_day_more_is_days_and_their_taxes_alone():
    bills = [
        spanish_bill(energy(P1=10_000, P2=0, P3=0), period=period, supply=spanish_supply(4600))
        for period in (OCTOBER, SEPTEMBER)
    ]
    assert set(told(*(Charged(bill.period, bill.lines, bill.taxes) for bill in bills))) == {"days", "taxes"}


def test_water_takes_its_sewage_along():
    """From 18 to 20 m3: 640.00 of the second block and 256.00 of sewage, as one consumption of 2 m3."""
    now, before = (
        Charged(OCTOBER, bill.lines, bill.taxes)
        for bill in (bill_of(supply(services=["water"]), [water_close(litres)])[0] for litres in (20_000, 18_000))
    )
    consumption, taxes = effects(now, before)
    assert (consumption.cause, consumption.service, consumption.amount) == ("consumption", "water", D("896.00"))
    assert (consumption.more, consumption.unit) == (D(2), "m3")
    assert (taxes.cause, taxes.amount) == ("taxes", D("188.16"))


@pytest.mark.parametrize(
    ("kind", "before_kind", "before", "expected"),
    [
        ("service", "service", SEPTEMBER, True),
        ("foreign", "foreign", SEPTEMBER, True),
        ("service", "service", AUGUST, False),  # a month between
        ("service", "foreign", SEPTEMBER, False),
        ("rectifying", "rectifying", SEPTEMBER, False),
    ],
)
def test_only_bills_that_follow_one_another_are_compared(kind, before_kind, before, expected):
    assert comparable(kind, OCTOBER, before_kind, before) is expected


CENTS = st.integers(-50_000, 50_000).map(lambda cents: D(cents) / 100)
QUANTITY = st.none() | st.integers(0, 10**6).map(lambda number: D(number) / 1000)
PRICE = st.none() | st.integers(0, 10**6).map(lambda number: D(number) / 1_000_000)
LINES = st.lists(
    st.builds(
        BillLine,
        concept=st.sampled_from(
            ["energy", "water", "sewage", "power", "excess_power", "meter_rental", "discount", "works_fund"]
        ),
        section=st.just("energy"),
        service=st.sampled_from(["electricity", "water"]),
        amount=CENTS,
        period=st.sampled_from(["", "P1", "P2", "0-100"]),
        quantity=QUANTITY,
        unit=st.sampled_from(["kwh", "m3", "kw"]),
        days=st.none() | st.integers(1, 62),
        unit_price=PRICE,
        price_unit=st.sampled_from(["", "kw", "kw_day"]),
        year_days=st.sampled_from([None, 365, 366]),
    ),
    max_size=8,
)
TAXES = st.lists(st.builds(BillTax, st.just("iva"), st.just("iva"), CENTS, st.just(D("0.21")), CENTS), max_size=2)
BILLS = st.builds(
    lambda first, days, lines, taxes: Charged(DatePeriod(first, first + timedelta(days=days)), lines, taxes),
    st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    st.integers(1, 62),
    LINES,
    TAXES,
)


@given(BILLS, BILLS)
def test_the_effects_of_any_two_bills_sum_to_their_difference(now: Charged, before: Charged):
    found = effects(now, before)
    assert sum((effect.amount for effect in found), D(0)) == now.total - before.total
    assert all(effect.amount for effect in found)
    assert [effect.cause for effect in found] == sorted((e.cause for e in found), key=CAUSES.index)


@given(BILLS)
def test_a_bill_does_not_differ_from_itself(bill: Charged):
    assert effects(bill, replace(bill)) == ()
