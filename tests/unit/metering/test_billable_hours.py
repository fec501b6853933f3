"""The hours of one measuring point as bills that are priced by the hour take them."""

from __future__ import annotations

from datetime import date

import numpy as np

from services.metering.domain.calendar import calendar
from services.metering.domain.curve import blank_days
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.readings import IMPORT, REAL
from services.metering.domain.totals import billable_hours, period_totals

DAYS = local_days("Europe/Madrid")


def test_hours_in_order_with_their_periods_and_the_missing_ones_left_out() -> None:
    table = calendar("2.0TD", "peninsula")
    day = np.array([day_number(date(2026, 10, 26)), day_number(date(2026, 10, 25))], np.int64)
    curves = blank_days(DAYS.lengths(day))
    for row, length in enumerate(curves.length.tolist()):
        curves.quality[row, :length] = REAL
        curves.values[row, :length, IMPORT] = np.arange(length) + 1
    curves.quality[0, 10] = 0  # 26 October, 10 to 11, is missing
    found = billable_hours(table, DAYS, day, curves)
    first = DAYS.start_of(day_number(date(2026, 10, 25)))
    assert [each.hour - first for each in found] == [hour for hour in range(49) if hour != 35]
    assert [each.import_wh for each in found[:26]] == [*range(1, 26), 1]
    assert {each.period for each in found[:25]} == {"P3"}  # a Sunday
    assert [each.period for each in found[25 + 7 : 25 + 11]] == ["P3", "P2", "P2", "P1"]
    totals = period_totals(table, DAYS, np.zeros(2, np.int64), 1, day, curves)
    by_period = {f"P{number + 1}": wh for number, wh in enumerate(totals.import_wh[0].tolist())}
    assert by_period == {p: sum(each.import_wh for each in found if each.period == p) for p in ("P1", "P2", "P3")}


def test_no_days_no_hours() -> None:
    nothing = np.array([], np.int64)
    assert billable_hours(calendar("2.0TD", "peninsula"), DAYS, nothing, blank_days(DAYS.lengths(nothing))) == ()
