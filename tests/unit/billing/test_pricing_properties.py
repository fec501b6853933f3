"""What holds for any bill: it adds up, it never falls when consumption rises, and it is the same twice."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal as D

from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.adjustments import BillTerms, Discount
from services.billing.domain.bill import ZERO
from services.billing.domain.planning import plan
from services.billing.domain.pricing import price
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import (
    FIXED,
    argentine_bill,
    argentine_supply,
    book,
    energy,
    policy,
    spanish_bill,
    spanish_supply,
)

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


# ---------------------------------------------------------------- six periods, with excess, reactive energy and discounts
SIX = tuple(f"P{number}" for number in range(1, 7))
SIX_WH = st.lists(st.integers(0, 20_000_000), min_size=6, max_size=6)
SIX_VARH = st.lists(st.integers(0, 20_000_000), min_size=6, max_size=6)
DEMANDS = st.lists(st.integers(0, 49_999), min_size=6, max_size=6)
DISCOUNTS = st.lists(
    st.one_of(
        st.integers(0, 100).map(lambda percent: Discount(ratio=D(percent) / 100)),
        st.integers(0, 500_000).map(lambda wh: Discount(wh=wh)),
        st.integers(0, 10_000).map(lambda cents: Discount(amount=D(cents) / 100)),
    ),
    max_size=3,
).map(tuple)


def large_bill(period, wh, varh, demand, *, export=0, discounts=(), issued=date(2026, 12, 1)):
    supply = spanish_supply(powers=tuple((name, 20_000) for name in SIX), tariff="3.0TD", meter_rental="three_phase")
    product = {**FIXED, "energy": {name: f"0.{19 - place}" for place, name in enumerate(SIX)}}
    segments = plan(supply, period, book(product))
    found = replace(
        energy(export_wh=export, **dict(zip(SIX, wh, strict=True))),
        max_demand_w=dict(zip(SIX, demand, strict=True)),
        reactive_varh=dict(zip(SIX, varh, strict=True)),
    )
    return price("s", period, segments, [found], policy("es"), issued, BillTerms(discounts=discounts))


@given(SIX_WH, SIX_VARH, DEMANDS, WH, DISCOUNTS, ISSUED.filter(lambda day: day.year == 2026))
def test_a_bill_of_six_periods_adds_up(wh, varh, demand, export, discounts, issued):
    bill = large_bill(DatePeriod.month("2026-10"), wh, varh, demand, export=export, discounts=discounts, issued=issued)
    assert bill.total == sum(line.amount for line in bill.lines) + sum(tax.amount for tax in bill.taxes)
    iee, iva = bill.taxes
    inside = sum(line.amount for line in bill.lines if line.concept not in ("social_bonus_financing", "meter_rental"))
    assert iee.base == inside
    assert iva.base == inside + iee.amount + sum(line.amount for line in bill.lines[-2:])
    term = sum(line.amount for line in bill.lines if line.concept in ("energy", "discount", "surplus"))
    assert term >= ZERO
    for line in bill.lines:
        if line.unit_price is not None and line.quantity is not None:
            exact = line.quantity * line.unit_price * (line.days or 1) / (line.year_days or 1)
            assert abs(exact - line.amount) <= D("0.005")


def keyed(*bills):
    """Amounts by concept and period, over all the bills."""
    found = {}
    for bill in bills:
        for line in bill.lines:
            key = (line.concept, line.period)
            found[key] = found.get(key, ZERO) + line.amount
    return found


@given(
    st.dates(date(2026, 6, 26), date(2026, 11, 1)),
    st.integers(2, 60),
    st.data(),
    SIX_WH,
    DEMANDS,
)
def test_a_bill_split_at_any_day_without_a_price_change_differs_by_a_cent_a_line(start, days, data, wh, demand):
    """No table changes from 26 June to the end of 2026. The energy of each part is what was measured in it; reactive
    energy is left out, because its free share of each part is a rule of the part.
    """
    period = DatePeriod(start, start + timedelta(days=days))
    cut = start + timedelta(days=data.draw(st.integers(1, days - 1)))
    first = [data.draw(st.integers(0, each)) for each in wh]
    rest = [each - part for each, part in zip(wh, first, strict=True)]
    none = [0] * 6
    whole = keyed(large_bill(period, wh, none, demand))
    parts = keyed(
        large_bill(DatePeriod(start, cut), first, none, demand),
        large_bill(DatePeriod(cut, period.end), rest, none, demand),
    )
    assert whole.keys() == parts.keys()
    assert all(abs(whole[key] - parts[key]) <= D("0.01") for key in whole)


@given(SIX_WH, DEMANDS, st.integers(0, 5), st.integers(1, 1_000_000), st.integers(0, 100), WH)
def test_more_energy_never_costs_less_with_discount_and_surplus(wh, demand, place, more, percent, export):
    more_wh = [each + (more if index == place else 0) for index, each in enumerate(wh)]
    month, none = DatePeriod.month("2026-10"), [0] * 6
    discounts = (Discount(ratio=D(percent) / 100),)
    low, high = (large_bill(month, each, none, demand, export=export, discounts=discounts) for each in (wh, more_wh))
    assert high.total >= low.total


@given(SIX_WH, SIX_VARH, DEMANDS, st.integers(0, 5), st.integers(1, 20_000))
def test_more_demand_never_costs_less(wh, varh, demand, place, more):
    month = DatePeriod.month("2026-10")
    higher = [each + (more if index == place else 0) for index, each in enumerate(demand)]
    assert large_bill(month, wh, varh, higher).total >= large_bill(month, wh, varh, demand).total


@given(SIX_WH, SIX_VARH, st.integers(0, 5), st.integers(1, 1_000_000))
def test_more_reactive_energy_never_costs_less(wh, varh, place, more):
    month, none = DatePeriod.month("2026-10"), [0] * 6
    higher = [each + (more if index == place else 0) for index, each in enumerate(varh)]
    assert large_bill(month, wh, higher, none).total >= large_bill(month, wh, varh, none).total
