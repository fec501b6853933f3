"""Water read every three months: the month in which the reading is due waits for it, the others are billed without."""

from dataclasses import replace
from datetime import date

import pytest

from services.billing.domain.bill import Energy
from services.billing.domain.planning import HeldBill, plan
from services.billing.domain.reading_due import check_read, read_by_intervals
from services.chassis.periods import DatePeriod
from tests.unit.billing.examples import BLOCKS, book
from tests.unit.billing.test_services_argentina import METERED, QUARTER, SPANISH_WATER, supply, water_close

READ_ON = date(2026, 7, 1)


def check(month: str, last: date | None = READ_ON, *, closes=(), start=date(2020, 1, 1), billing_from=None, row=None):
    home = supply(start=start)
    if billing_from:
        home = replace(home, services=tuple(replace(each, billing_from=billing_from) for each in home.services))
    period = DatePeriod.month(month)
    segments = plan(home, period, book(BLOCKS, row or SPANISH_WATER))
    energies = [Energy(closes=tuple(closes)) if segment.by_register else Energy() for segment in segments]
    check_read(home, segments, energies, period, {"water": last} if last else {})


@pytest.mark.parametrize("month", ["2026-07", "2026-08"])
def test_the_months_between_two_readings_need_none(month: str):
    check(month)


@pytest.mark.parametrize("month", ["2026-09", "2026-10", "2027-01"])
def test_the_month_of_the_reading_and_those_after_it_wait(month: str):
    with pytest.raises(HeldBill, match="every 3 months and was billed up to 2026-07-01") as held:
        check(month)
    assert (held.value.reason, held.value.contract_id) == ("NO_READINGS", "water")
    assert "its reading of 2026-10-01 is missing" in held.value.explanation
    check(month, closes=[water_close(18_000, QUARTER)])


@pytest.mark.parametrize(
    ("last", "due"), [("2026-06-20", "2026-09"), ("2026-07-15", "2026-09"), ("2026-07-16", "2026-10")]
)
def test_a_reader_who_comes_some_days_early_or_late_changes_no_month(last: str, due: str):
    before = DatePeriod.month(due).start
    check(f"{(before.replace(day=1)).replace(month=before.month - 1):%Y-%m}", date.fromisoformat(last))
    with pytest.raises(HeldBill):
        check(due, date.fromisoformat(last))


def test_of_a_supply_never_read_the_first_day_billed_counts():
    check("2026-08", None, start=date(2026, 7, 1))
    check("2026-08", None, billing_from=date(2026, 7, 1))
    with pytest.raises(HeldBill, match="up to 2026-07-01"):
        check("2026-09", None, billing_from=date(2026, 7, 1))
    # Whoever moved in since then is not asked for the reading of whoever left.
    check("2026-10", READ_ON, start=date(2026, 9, 1))


def test_what_is_read_every_month_is_not_looked_at_here():
    assert not read_by_intervals(plan(supply(), DatePeriod.month("2026-09"), book(BLOCKS, METERED)))
    check("2026-09", row=METERED)
