"""A bill split at any day is the sum of its parts but for the rounding of its printed figures, and which figure is off is said.

Each printed line and tax is rounded once, so each is off by half a cent at most: a bill of one line and two parts of one line
each may differ by a cent and a half, which is a cent. Prices and years may change on either side of the day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal as D
from functools import reduce
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.billing.domain.adjustments import BillTerms, StatedLine
from services.billing.domain.bill import ZERO, Bill, BillLine, Energy, PeriodEnergy
from services.billing.domain.planning import Segment, plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Supply
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BLOCKS, FIXED, WATER, argentine_supply, book, policy, spanish_supply

HALF_A_CENT = D("0.005")
ACCRUES = date(2026, 12, 1)
#: The financing of the social bonus has no row before 2025: nothing is stated for it, in the whole and in the parts.
TERMS = BillTerms(stated=(StatedLine("social_bonus_financing", ZERO),))
PROMOTED = {**FIXED, "code": "promocion", "discounts": [{"percent": "20", "months": 3}, {"percent": "15"}]}
REGULATED = {**FIXED, "code": "regulada", "energy": "regulated"}
DEARER = {**FIXED, "code": "cambia", "to": date(2024, 2, 10)}
DEARER_STILL = {
    **FIXED,
    "code": "cambia",
    "from": date(2024, 2, 10),
    "energy": {"P1": "0.216", "P2": "0.148", "P3": "0.1"},
}
PRICES = book(FIXED, PROMOTED, REGULATED, DEARER, DEARER_STILL)
#: Wh of each day by tariff period: the same days make up the whole and its parts.
DAY_WH = st.tuples(*[st.integers(0, 60_000)] * 3)


@dataclass(frozen=True)
class Split:
    """A supply's days and their energy, and the day on which they are cut."""

    supply: Supply
    period: DatePeriod
    cut: date
    by_day: tuple[tuple[int, int, int], ...]

    def bill(self, days: DatePeriod) -> Bill:
        segments = plan(self.supply, days, PRICES, policy("es").regulated_energy)
        energies = [self._energy(segment) for segment in segments]
        return price("s", days, segments, energies, policy("es"), ACCRUES, TERMS)

    def _energy(self, segment: Segment) -> Energy:
        begin = (segment.days.start - self.period.start).days
        rows = self.by_day[begin : begin + segment.days.days]
        wh = [sum(column) for column in zip(*rows, strict=True)]
        return Energy({f"P{n}": PeriodEnergy(each) for n, each in enumerate(wh, start=1)}, 1, 1)

    @property
    def parts(self) -> tuple[Bill, Bill]:
        return (
            self.bill(DatePeriod(self.period.start, self.cut)),
            self.bill(DatePeriod(self.cut, self.period.end)),
        )


@st.composite
def splits(draw: st.DrawFn) -> Split:
    start = draw(st.dates(date(2021, 6, 2), date(2026, 10, 20)))
    days = draw(st.integers(2, 40))
    watts = draw(st.integers(1, 150)) * 100
    product = draw(st.sampled_from(["fija", "promocion", "regulada", "cambia"]))
    begins = start - timedelta(days=draw(st.integers(0, 120)))
    return Split(
        spanish_supply(watts, product_code=product, start=begins),
        DatePeriod(start, start + timedelta(days=days)),
        start + timedelta(days=draw(st.integers(1, days - 1))),
        tuple(draw(DAY_WH) for _ in range(days)),
    )


def by_line(bills: Iterable[Bill]) -> tuple[Mapping[Any, D], Counter[Any]]:
    """Amounts, and how many printed lines they are of, by concept and tariff period."""
    amounts: dict[Any, D] = {}
    printed: Counter[Any] = Counter()
    for bill in bills:
        for line in bill.lines:
            key = (line.concept, line.period)
            amounts[key] = amounts.get(key, ZERO) + line.amount
            printed[key] += 1
    return amounts, printed


def beyond_rounding(whole: Bill, parts: Iterable[Bill]) -> dict[Any, D]:
    """The figures by which a bill and its parts differ more than rounding explains; () is the total of the lines."""
    (one, printed), (other, printed_apart) = by_line([whole]), by_line(parts)
    return {
        key: one.get(key, ZERO) - other.get(key, ZERO)
        for key in one.keys() | other.keys()
        if abs(one.get(key, ZERO) - other.get(key, ZERO)) > HALF_A_CENT * (printed[key] + printed_apart[key])
    }


def taxes_beyond_rounding(whole: Bill, parts: tuple[Bill, ...]) -> dict[str, D]:
    """The same of taxes: the rate on what the bases differ by is no rounding of the tax."""
    found = {}
    for tax in whole.taxes:
        same = [other for part in parts for other in part.taxes if other.code == tax.code]
        if any(each.minimum_applied for each in (tax, *same)):
            continue  # a minimum by MWh is a rule of the whole bill
        explained = tax.rate * abs(tax.base - sum(each.base for each in same)) + HALF_A_CENT * (1 + len(same))
        off = tax.amount - sum(each.amount for each in same)
        if abs(off) > explained:
            found[tax.code] = off
    return found


LEAP = Split(spanish_supply(), DatePeriod(date(2023, 12, 20), date(2024, 1, 20)), date(2024, 1, 10), ((9, 8, 7),) * 31)


@given(splits())
@example(LEAP)
def test_a_bill_split_at_any_day_is_the_sum_of_its_parts_but_for_rounding(split: Split) -> None:
    whole, parts = split.bill(split.period), split.parts
    assert beyond_rounding(whole, parts) == {}
    assert taxes_beyond_rounding(whole, parts) == {}
    lines = sum(len(bill.lines) for bill in (whole, *parts))
    taxes = sum(len(bill.taxes) for bill in (whole, *parts))
    if not any(tax.minimum_applied for bill in (whole, *parts) for tax in bill.taxes):
        # IVA is on the lines and on the electricity tax: each half cent below counts in each tax above it once more.
        most = HALF_A_CENT * (lines + taxes) * D("1.4")
        assert abs(whole.total - sum(part.total for part in parts)) <= most


@given(splits())
@example(LEAP)
def test_time_is_charged_by_the_days_of_its_own_year(split: Split) -> None:
    """kW × days × yearly price ÷ 366 in a leap year, rental by months of 12 ÷ 366; all the days once, whatever changes."""
    bill = split.bill(split.period)
    leap_days = sum((split.period.start + timedelta(days=n)).year == 2024 for n in range(split.period.days))
    for concept, months in (("power", 1), ("meter_rental", 12)):
        lines = [line for line in bill.lines if line.concept == concept and line.period in ("", "P1")]
        assert sum(line.days or 0 for line in lines) == split.period.days
        assert sum(line.days or 0 for line in lines if line.year_days == 366) == leap_days
        for line in lines:
            assert line.unit_price and line.days and line.year_days
            exact = (line.quantity or 1) * line.days * line.unit_price * months / line.year_days
            assert abs(line.amount - exact) <= HALF_A_CENT


@given(st.dates(date(2025, 1, 1), date(2026, 12, 1)), st.integers(1, 3), st.data(), st.integers(1, 5_000_000))
def test_what_is_priced_by_the_month_costs_the_same_whole_or_cut(
    first: date, months: int, data: st.DataObject, cents: int
) -> None:
    """A bill of whole months, and its parts of which each has days ÷ those of their months."""
    start = first.replace(day=1)
    end = reduce(lambda day, _: DatePeriod.month(day.strftime("%Y-%m")).end, range(months), start)
    cut = data.draw(st.dates(start + timedelta(days=1), end - timedelta(days=1)))
    monthly = D(cents) / 100
    prices = book({**BLOCKS, "fixed_charge": str(monthly)}, {**WATER, "monthly": str(monthly * 2)})

    def bill(days: DatePeriod) -> Bill:
        segments = plan(argentine_supply(water=True), days, prices)
        return price("s", days, segments, [Energy({"P1": PeriodEnergy(0)}, 1, 1), None], policy("ar"), ACCRUES)

    whole = bill(DatePeriod(start, end))
    parts = bill(DatePeriod(start, cut)), bill(DatePeriod(cut, end))
    assert beyond_rounding(whole, parts) == {}
    assert taxes_beyond_rounding(whole, parts) == {}
    assert {line.amount for line in whole.lines} == {ZERO, monthly * months, monthly * 2 * months}


def test_the_days_of_a_leap_year_by_hand() -> None:
    """4.6 kW over 12 days of 2023 at 25.383055 ÷ 365, and 19 of 2024 at 25.391661 ÷ 366 (6.08 were it 365)."""
    amounts = [
        (line.days, line.amount)
        for line in LEAP.bill(LEAP.period).lines
        if (line.concept, line.period) == ("power", "P1")
    ]
    assert amounts == [(12, D("3.84")), (19, D("6.06"))]


@pytest.mark.parametrize(("concept", "cents"), [("energy", "0.05"), ("power", "-0.05")])
def test_it_is_said_which_figure_is_off(concept: str, cents: str) -> None:
    """Of a part in which one line is five cents too much or too little."""
    whole, (first, second) = LEAP.bill(LEAP.period), LEAP.parts
    at = next(n for n, line in enumerate(second.lines) if (line.concept, line.period) == (concept, "P2"))
    wrong: BillLine = second.lines[at]
    changed = wrong.__class__(**{**vars(wrong), "amount": wrong.amount + D(cents)})
    second = Bill(
        **{
            **{name: getattr(second, name) for name in ("supply_id", "period", "accrual_date", "taxes")},
            "lines": (*second.lines[:at], changed, *second.lines[at + 1 :]),
        }
    )
    assert set(beyond_rounding(whole, (first, second))) == {(concept, "P2")}
