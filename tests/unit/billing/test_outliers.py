"""Which bills the office looks at: the edges of "three times the usual", of none, and of less than nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal as D

import pytest

from services.billing.domain.bill import Bill, BillLine, Energy, PeriodEnergy
from services.billing.domain.outliers import LEAST_INVOICES, NEGATIVE_TOTAL, NO_ENERGY, PastBill, check_outlier
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.products import Product
from services.billing.domain.supplies import Contract
from services.chassis.periods import DatePeriod

OCTOBER = DatePeriod.month("2026-10")
CONTRACT = Contract("c", "C-1", date(2020, 1, 1), None, "fija-2026", "2.0TD", (("P1", 4600),))
SEGMENT = Segment("light", "electricity", CONTRACT, Product("fija-2026", "Fija", "electricity", "fixed"), OCTOBER)


def bill(total: str, wh: int = 100_000) -> Bill:
    line = BillLine("energy", "energy", "electricity", D(total))
    return Bill("s", OCTOBER, OCTOBER.end, (line,), (), {"electricity": Energy({"P1": PeriodEnergy(wh)})})


def past(*totals: str, wh: int = 100_000) -> list[PastBill]:
    return [PastBill(date(2026, month, 1), D(total), wh) for month, total in enumerate(totals, start=1)]


def reason(found: Bill, before: list[PastBill], released: frozenset[str] = frozenset()) -> str:
    try:
        check_outlier(found, [SEGMENT], before, D(3), released)
    except HeldBill as held:
        return held.reason
    return ""


@pytest.mark.parametrize(("total", "expected"), [("150.00", ""), ("150.01", "UNUSUAL_TOTAL"), ("10.00", "")])
def test_three_times_the_usual_is_not_more_than_three_times(total: str, expected: str) -> None:
    # The median: neither the refund nor the month of the burst pipe says what is usual.
    assert reason(bill(total), past("50.00", "-20.00", "900.00", "50.00", "50.00")) == expected


def test_too_few_invoices_say_nothing_is_usual() -> None:
    before = past(*["50.00"] * (LEAST_INVOICES - 1))
    assert reason(bill("5000.00"), before) == ""
    assert reason(bill("50.00", wh=0), before) == ""


def test_less_than_nothing_needs_no_past() -> None:
    assert reason(bill("-0.01"), []) == NEGATIVE_TOTAL
    assert reason(bill("0.00"), []) == ""
    assert reason(bill("-0.01"), [], frozenset({NEGATIVE_TOTAL})) == ""


def test_an_empty_house_stays_empty() -> None:
    assert reason(bill("20.00", wh=0), past("50.00", "50.00", "50.00")) == NO_ENERGY
    assert reason(bill("20.00", wh=0), past("20.00", "20.00", "20.00", wh=0)) == ""


def test_water_has_no_electricity_to_miss() -> None:
    water = replace(SEGMENT, service="water")
    check_outlier(bill("20.00", wh=0), [water], past("50.00", "50.00", "50.00"), D(3), frozenset())
