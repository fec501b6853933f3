"""What holds for any bill: it adds up, it never falls when consumption rises, and it is the same twice."""

from datetime import date
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.bill import ZERO
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import argentine_bill, argentine_supply, energy, spanish_bill, spanish_supply

WH = st.integers(0, 5_000_000)
MONTHS = st.sampled_from([f"{year}-{month:02d}" for year in (2025, 2026) for month in range(1, 13)])
POWERS = st.integers(1, 150).map(lambda tenths: tenths * 100)
ISSUED = st.dates(date(2025, 1, 1), date(2026, 12, 31))


@given(WH, WH, WH, WH, MONTHS, POWERS, ISSUED)
def test_totals_are_sums_of_rounded_lines(p1, p2, p3, export, month, watts, issued):
    consumption = energy(export_wh=export, P1=p1, P2=p2, P3=p3)
    bill = spanish_bill(consumption, period=DatePeriod.month(month), supply=spanish_supply(watts), issued=issued)
    figures = [line.amount for line in bill.lines] + [tax.amount for tax in bill.taxes]
    assert bill.total == sum(figures)
    assert all(figure == round(figure, 2) for figure in figures)
    for tax in bill.taxes:
        in_base = [line.amount for line in bill.lines if tax.code in line.taxed_by]
        in_base += [other.amount for other in bill.taxes if tax.code in other.taxed_by]
        assert tax.base == sum(in_base)
        assert abs(tax.amount - tax.base * tax.rate) <= D("0.005") or tax.minimum_applied
    assert sum(line.amount for line in bill.lines if line.concept in ("energy", "surplus")) >= ZERO
    assert bill == spanish_bill(
        consumption, period=DatePeriod.month(month), supply=spanish_supply(watts), issued=issued
    )


@given(WH, st.integers(1, 1_000_000), ISSUED)
def test_more_consumption_never_costs_less(wh, more, issued):
    low = spanish_bill(energy(P1=wh, P2=0, P3=0), issued=issued)
    high = spanish_bill(energy(P1=wh + more, P2=0, P3=0), issued=issued)
    assert high.total >= low.total
    assert argentine_bill(argentine_supply(), wh + more).total >= argentine_bill(argentine_supply(), wh).total


@given(WH)
def test_blocks_bill_all_of_the_energy_once(wh):
    bill = argentine_bill(argentine_supply(), wh)
    assert sum(line.quantity for line in bill.lines if line.concept == "energy") == D(wh) / 1000


@given(st.integers(1, 27), POWERS)
def test_a_month_cut_in_two_contracts_pays_the_month_but_for_rounding(day, watts):
    whole = spanish_bill(supply=spanish_supply(watts))
    cut = date(2026, 10, 1 + day)
    first = spanish_supply(watts, end=cut)
    second = spanish_supply(watts, start=cut)
    halves = [
        line.amount
        for supply in (first, second)
        for line in spanish_bill(supply=supply).lines
        if line.concept == "power"
    ]
    power = sum(line.amount for line in whole.lines if line.concept == "power")
    assert abs(sum(halves) - power) <= D("0.02")
