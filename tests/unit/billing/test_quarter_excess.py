"""Excess power above 50 kW, counted by quarters of an hour: the worked root, what is not known, and what contradicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.adjustments import BillTerms, StatedLine
from services.billing.domain.bill import Bill, BillLine, Energy, QuarterDemand
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.pricing import price
from services.billing.domain.supplies import Contract
from services.billing.jurisdictions.es.demand import quarters_above
from services.billing.jurisdictions.es.quarter_excess import quadratic_excess
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import OCTOBER, book, energy, policy, spanish_supply
from tests.unit.billing.test_pricing_demand import LARGE, OCTOBER_WH, SIX, large_bill

FIRST = datetime(2026, 10, 14, 8, tzinfo=UTC)
MEASURED = replace(energy(**OCTOBER_WH), reactive_varh={})


def told(
    quarters: Mapping[str, tuple[int, ...]] | None,
    *,
    read: Mapping[str, int] | None = None,
    unknown: Mapping[str, int] | None = None,
) -> Energy:
    """October with these quarters of an hour, one after the other."""
    demands = quarters and {
        period: tuple(QuarterDemand(each, FIRST + n * timedelta(minutes=15)) for n, each in enumerate(watts))
        for period, watts in quarters.items()
    }
    return replace(MEASURED, quarter_demands=demands, quarters_unknown=unknown or {}, max_demand_w=read)


def excess(bill: Bill) -> list[BillLine]:
    return [line for line in bill.lines if line.concept == "excess_power"]


def test_the_worked_root():
    """Types 1 to 3: excesses of 5, 3 and 4 kW in three quarter hours give √50 = 7.0711 kW."""
    demands = [D(105), D(99), D(103), D(100), D(104)]
    assert quadratic_excess(demands, D(100)) == D("7.0711")
    assert quadratic_excess([D(100)], D(100)) == 0


@pytest.mark.parametrize(("tariff", "price", "amount"), [("3.0TD", "0.424794", "3.00"), ("6.1TD", "0.478581", "3.38")])
@pytest.mark.parametrize("read", [None, {"P4": 105_000}, {"P4": 100_000}])
def test_the_quarters_decide_with_and_without_a_maximeter(
    tariff: str, price: str, amount: str, read: dict[str, int] | None
):
    """Excesses of 5, 3 and 4 kW in P4: 7.0711 kW × the price of its month, whatever its days."""
    found = told({"P4": (105_000, 99_000, 103_000, 100_000, 104_000)}, read=read)
    (line,) = excess(large_bill(found, watts=100_000, tariff=tariff))
    figures = (line.period, line.quantity, line.days, line.unit_price, line.price_unit, line.amount)
    assert figures == ("P4", D("7.0711"), None, D(price), "kw", D(amount))
    assert line.taxed_by == ("iee", "iva")


@pytest.mark.parametrize("found", [told({}), told({}, read={"P4": 100_999}), told(None, read={"P4": 100_000})])
def test_nothing_is_charged_where_no_quarter_exceeded(found: Energy):
    """A maximeter tells whole kW: what it says above the contracted power by less is no demand of its own."""
    assert excess(large_bill(found, watts=100_000)) == []


@pytest.mark.parametrize(
    ("found", "reason", "said"),
    [
        (told(None), "NO_QUARTER_HOURS", "those of P1, P2, P3, P4, P5 and P6 are not known. Import the file of"),
        (
            told(None, read={"P4": 105_000}),
            "NO_QUARTER_HOURS",
            "those of P4 (its maximeter read 105 kW, 100 kW are contracted) are not known",
        ),
        (
            told({}, unknown={"P4": 3, "P6": 1}),
            "NO_QUARTER_HOURS",
            "Contract C-1 has more than 50 kW: what exceeds its power is counted by quarters of an hour, and those of 3 hours "
            "of P4 and 1 hour of P6 are not known. Import the file of quarters of an hour of those days, or a maximeter's "
            "reading that stays within the contracted power, and run the month again.",
        ),
        (
            told({}, unknown={"P4": 3}, read={"P4": 104_500}),
            "NO_QUARTER_HOURS",
            "those of 3 hours of P4 (its maximeter read 104.5 kW, 100 kW are contracted) are not known",
        ),
        (told({}, unknown={"P4": 3}, read={"P5": 90_000}), "NO_QUARTER_HOURS", "3 hours of P4 are not known"),
        # What the maximeter says of P4 is not so: a quarter exceeded.
        (told({"P4": (100_200,)}, unknown={"P4": 3}, read={"P4": 100_000}), "NO_QUARTER_HOURS", "3 hours of P4"),
        (
            told({"P4": (104_000, 102_000)}, read={"P4": 106_000}),
            "QUARTER_HOURS_DIFFER",
            "of its quarters of an hour in P4 the highest is 104 kW, and its maximeter read 106 kW there. Import the right",
        ),
        (told({}, read={"P6": 120_000}), "QUARTER_HOURS_DIFFER", "in P6 none is above the 100 kW contracted, and its"),
    ],
)
def test_what_is_not_known_or_contradicts_holds_the_bill(found: Energy, reason: str, said: str):
    with pytest.raises(HeldBill) as held:
        large_bill(found, watts=100_000)
    assert held.value.reason == reason
    assert said in held.value.explanation


def test_hours_without_quarters_are_no_matter_where_the_maximeter_stayed_within_the_contracted_power():
    found = told({"P5": (105_000,)}, unknown={"P4": 3}, read={"P4": 100_000, "P5": 105_000})
    (line,) = excess(large_bill(found, watts=100_000))
    assert (line.period, line.quantity) == ("P5", D(5))


def test_a_hundredth_of_a_large_demand_is_the_same_demand():
    """301 kW of quarters and a maximeter of 304: 3 kW are less than a hundredth, 4 kW are more."""
    (line,) = excess(large_bill(told({"P4": (301_000,)}, read={"P4": 304_000}), watts=300_000))
    assert line.quantity == D(1)
    with pytest.raises(HeldBill, match="the highest is 301 kW, and its maximeter read 305 kW"):
        large_bill(told({"P4": (301_000,)}, read={"P4": 305_000}), watts=300_000)


@pytest.mark.parametrize(
    ("period", "reason"),
    [
        (DatePeriod(date(2026, 9, 15), date(2026, 10, 31)), "EXCESS_OF_MORE_THAN_A_MONTH"),
        (DatePeriod(date(2025, 12, 15), date(2026, 1, 14)), "EXCESS_OF_MORE_THAN_A_MONTH"),
        (DatePeriod.month("2023-12"), "NO_TABLE_ROW"),
    ],
)
def test_a_root_of_more_than_a_month_at_one_price_is_held(period: DatePeriod, reason: str):
    with pytest.raises(HeldBill) as held:
        large_bill(told({"P4": (105_000,)}), watts=100_000, period=period)
    assert held.value.reason == reason


@pytest.mark.parametrize(("month", "period", "amount"), [("2024-10", "P4", "5.59"), ("2025-03", "P2", "12.56")])
def test_the_root_of_days_before_april_2025(month: str, period: str, amount: str):
    """√(5² + 3² + 4²) × 3.395810 × 0.232691, and × 3.361213 × 0.528543."""
    stated = BillTerms(stated=(StatedLine("social_bonus_financing", D("0.19")),))
    found = told({period: (105_000, 103_000, 104_000)})
    (line,) = excess(large_bill(found, watts=100_000, period=DatePeriod.month(month), terms=stated))
    assert line.amount == D(amount)


def test_a_product_whose_price_changes_in_the_month_has_the_root_of_the_whole_month():
    """√(5² + 3² + 4²) and not √(5² + 3²) + 4: nothing of the excess's price or power changed."""
    dearer = {**LARGE, "from": date(2026, 10, 17), "energy": dict.fromkeys(SIX, "0.20")}
    supply = spanish_supply(powers=tuple((name, 100_000) for name in SIX), tariff="3.0TD")
    segments = plan(supply, OCTOBER, book({**LARGE, "to": date(2026, 10, 17)}, dearer))
    parts = [told({"P4": (105_000, 103_000)}), told({"P4": (104_000,)})]
    bill = price("s", OCTOBER, segments, parts, policy("es"), date(2026, 11, 3))
    assert [(line.quantity, line.amount) for line in excess(bill)] == [(D("7.0711"), D("3.00"))]


def test_a_power_that_changes_inside_the_month_has_a_root_of_its_own_on_each_side():
    """A new contract of power ends a billing period: each side against its own power, no sum of squares over both."""
    before = spanish_supply(powers=tuple((name, 100_000) for name in SIX), tariff="3.0TD", end=date(2026, 10, 17))
    (service,) = before.services
    after = Contract(
        "c2", "C-2", date(2026, 10, 17), None, "fija", "3.0TD", tuple((name, 110_000) for name in SIX), "single_phase"
    )
    supply = replace(before, services=(replace(service, contracts=(*service.contracts, after)),))
    segments = plan(supply, OCTOBER, book(LARGE))
    parts = [told({"P4": (105_000, 103_000)}), told({"P4": (114_000,)})]
    bill = price("s", OCTOBER, segments, parts, policy("es"), date(2026, 11, 3))
    # √34 = 5.8310 × 0.424794 = 2.48; 4 × 0.424794 = 1.70
    assert [(line.quantity, line.amount) for line in excess(bill)] == [(D("5.8310"), D("2.48")), (D(4), D("1.70"))]


def test_parts_of_a_month_are_known_when_both_are():
    known = told({"P4": (105_000,)}, unknown={"P5": 1})
    both = known + told({"P6": (101_000,)}, unknown={"P5": 2, "P6": 1})
    assert {period: [each.watts for each in found] for period, found in (both.quarter_demands or {}).items()} == {
        "P4": [105_000],
        "P6": [101_000],
    }
    assert both.quarters_unknown == {"P5": 3, "P6": 1}
    assert (known + told(None)).quarter_demands is None


@pytest.mark.parametrize(
    ("contract", "asked"),
    [
        ({"tariff": "3.0TD", "watts": 100_000}, dict.fromkeys(SIX, 100_000)),
        ({"tariff": "6.1TD", "watts": 50_001}, dict.fromkeys(SIX, 50_001)),
        ({"tariff": "3.0TD", "watts": 50_000}, {}),
        ({"tariff": "2.0TD", "watts": 4_600}, {}),
    ],
)
def test_only_contracts_above_50_kw_ask_for_quarters(contract: dict[str, object], asked: dict[str, int]):
    watts = contract.pop("watts")
    supply = spanish_supply(powers=tuple((name, watts) for name in SIX), **contract)
    (segment,) = plan(supply, OCTOBER, book(LARGE))
    assert quarters_above(segment) == asked


@given(st.lists(st.integers(100_001, 400_000), max_size=200), st.integers(0, 200))
def test_the_root_of_a_whole_is_that_of_the_squares_of_its_parts(watts: list[int], cut: int):
    """What is no sum of its parts: a bill split at a day would have roots that come to more, never to less."""
    parts = [quadratic_excess((D(each) / 1000 for each in part), D(100)) for part in (watts[:cut], watts[cut:])]
    whole = quadratic_excess((D(each) / 1000 for each in watts), D(100))
    rounding = D("0.0002")
    assert abs((parts[0] ** 2 + parts[1] ** 2).sqrt() - whole) <= rounding
    assert max(parts) - rounding <= whole <= sum(parts) + rounding
