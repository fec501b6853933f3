"""Estimates laid over the measured curve: the worked numbers, later data, as billed and as known now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from coop.metering.events.v1.events_pb2 import CurveReady
from coop.supplies.events.v1.events_pb2 import SupplyChanged

from services.chassis.errors import Invalid, NotFound
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.metering.application.estimates import Estimated, Estimator
from services.metering.domain.estimation.closes import Origin
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.readings import IMPORT
from services.metering.repository import curves, overlay, profiles
from services.metering.repository.profiles import StoredProfile
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import hourly, report
from tests.support.registers import reading, store, told

DAYS = local_days(MADRID)
SUNDAY = date(2026, 10, 4)
MONDAY = date(2026, 10, 5)
FLAT_PROFILE = "tariff,from,to,month,day_type,hour,coefficient,source\n"


def supply(name: str, *meters: tuple[str, str, str], power_w: int = 4_600, tariff: str = "2.0TD") -> SupplyChanged:
    told_of = supply_message(name, *(meters or (("M1", "2020-01-01", ""),)), tariff=tariff)
    for period in ("P1", "P2"):
        told_of.supply.services[0].contracts[0].powers.add(period=period, watts=power_w)
    return told_of


def upload(metering: Metering, tariff: str, coefficients: dict[int, str]) -> None:
    rows = (f"{tariff},2020-01-01,,,any,{hour},{coefficients.get(hour, '0.1')},The test\n" for hour in range(1, 25))
    stored = StoredProfile(new_id(), tariff, "p.csv", "0" * 64, 24, "staff:1", metering.clock.now())
    with metering.database.write() as tx:
        profiles.add(tx, stored, FLAT_PROFILE + "".join(rows))


def estimate(metering: Metering, start: date, end: date, *supplies: str, dry_run: bool = False) -> list[Estimated]:
    metering.clock.advance(timedelta(hours=1))
    run = Estimator(metering.database, MADRID).run(DatePeriod(start, end), supplies, dry_run, "staff:1")
    return list(run)


def settle(metering: Metering) -> int:
    """Let the worker do all that waits; how much that was."""
    metering.clock.advance(timedelta(hours=1))
    worker, count = Estimator(metering.database, MADRID), 0
    while worker.settle_one():
        count += 1
    return count


def curve(metering: Metering, start: date, end: date, at: datetime | None = None) -> list[tuple[int, int]]:
    """(Wh, method) of each hour of the days, as known now or at an instant; a missing hour is (0, 0)."""
    first, last = day_number(start), day_number(end)
    with metering.database.read() as connection:
        if at is None:
            rows = overlay.curves_between(connection, [1], first, last)
        else:
            rows = overlay.curves_of_version(connection, 1, first, last, curves.revision_known_at(connection, at))
    found: list[tuple[int, int]] = []
    for index, day in enumerate(range(first, last)):
        hours = DAYS.hours_in(day)
        at_day = np.flatnonzero(rows.day == day)
        assert len(at_day) <= 1, index
        if not len(at_day):
            found += [(0, 0)] * hours
            continue
        row = int(at_day[0])
        values, methods = rows.curves.values[row, :hours, IMPORT], rows.curves.quality[row, :hours]
        found += list(zip(values.tolist(), methods.tolist(), strict=True))
    return found


def hours_of(day: date, values: list[int | None], meter: str = "M1") -> bytes:
    """A file with the hours of a day, None where one is missing."""
    first = DAYS.start_of(day_number(day))
    parts = [hourly(meter, first + i, [value]) for i, value in enumerate(values) if value is not None]
    return report(*parts)


def test_the_worked_close_of_4000_wh(metering: Metering) -> None:
    """Domain case c on a holiday (24 hours of P3): 4,000 Wh less 2,000 measured, over hours of weight 0.15 and 0.18."""
    metering.tell(supply("ana"))
    upload(metering, "2.0TD", {3: "0.15", 4: "0.18"})
    day: list[int | None] = [800, 700, None, None, 500, *[0] * 19]
    metering.load(hours_of(SUNDAY, day))
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 14))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert (made.hours, made.measured_wh, made.after_wh, made.problem) == (2, 2_000, 4_000, "")
    (reason,) = made.reasons
    assert (reason.code, reason.case, reason.parameters["profile"]) == ("GAPS_FROM_CLOSE", "c", "The test")
    assert curve(metering, SUNDAY, MONDAY)[:5] == [(800, 1), (700, 1), (909, 2), (1_091, 2), (500, 1)]
    answer = metering.energy("ana", SUNDAY, MONDAY)
    assert [e.import_wh for e in answer.energy] == [0, 0, 4_000]
    assert (answer.hours_measured, answer.hours_estimated, answer.hours_missing) == (22, 2, 0)


def test_estimating_twice_changes_nothing(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (first,) = estimate(metering, SUNDAY, MONDAY)
    before, events = curve(metering, SUNDAY, MONDAY), told(metering, CurveReady)
    (again,) = estimate(metering, SUNDAY, MONDAY)
    assert again == first and curve(metering, SUNDAY, MONDAY) == before
    assert told(metering, CurveReady) == events and len(events) == 2
    assert (events[1].hours_stored, events[1].period.start, events[1].period.end) == (1, "2026-10-04", "2026-10-05")


def test_a_dry_run_stores_nothing(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (made,) = estimate(metering, SUNDAY, MONDAY, dry_run=True)
    assert made.hours == 1 and made.after_wh > made.measured_wh
    assert curve(metering, SUNDAY, MONDAY)[1] == (0, 0) and len(told(metering, CurveReady)) == 1


def test_without_a_close_measured_hours_stay_and_gaps_follow_power(metering: Metering) -> None:
    """Case e': 24 hours x 4,600 W x 33 % = 36,432 Wh by the profile, of which the gap takes its hour."""
    metering.tell(supply("ana"))
    upload(metering, "2.0TD", {})
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert made.reasons[0].code == "CONTRACTED_POWER" and made.reasons[0].parameters["result_wh"] == 36_432
    assert curve(metering, SUNDAY, MONDAY) == [(100, 1), (1_518, 6), *[(100, 1)] * 22]


def test_last_year_counts_when_it_was_really_measured(metering: Metering) -> None:
    """Case e: 4 October 2025 was a Saturday, as valley as the Sunday a year later."""
    metering.tell(supply("ana"))
    upload(metering, "2.0TD", {})
    metering.load(hours_of(date(2025, 10, 4), [200] * 24))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert made.reasons[0].parameters["history_wh"] == 4_800
    assert curve(metering, SUNDAY, MONDAY)[1] == (200, 5)


def test_last_years_estimates_are_no_history(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(date(2025, 10, 4), [200, None, *[200] * 22]))
    estimate(metering, date(2025, 10, 4), date(2025, 10, 5))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert made.reasons[0].code == "CONTRACTED_POWER"


def test_a_later_value_is_believed_at_once_and_the_rest_is_estimated_anew(metering: Metering) -> None:
    metering.tell(supply("ana"))
    upload(metering, "2.0TD", {3: "0.15", 4: "0.18"})
    metering.load(hours_of(SUNDAY, [800, 700, None, None, 500, *[0] * 19]), "first.xml")
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 14))
    estimate(metering, SUNDAY, MONDAY)
    as_billed = metering.clock.now()
    metering.load(hours_of(SUNDAY, [None, None, 1_200, *[None] * 21]), "late.xml")
    assert curve(metering, SUNDAY, MONDAY)[2:4] == [(1_200, 1), (1_091, 2)]
    assert settle(metering) == 1
    assert curve(metering, SUNDAY, MONDAY)[2:4] == [(1_200, 1), (800, 2)]
    metering.load(hours_of(SUNDAY, [None, None, None, 810, *[None] * 20]), "later.xml")
    assert settle(metering) == 1
    # 4,010 Wh agree with the close of 4,000 within 1 kWh: nothing is estimated any more.
    assert curve(metering, SUNDAY, MONDAY)[2:4] == [(1_200, 1), (810, 1)]
    assert metering.energy("ana", SUNDAY, MONDAY).hours_estimated == 0
    assert curve(metering, SUNDAY, MONDAY, as_billed)[2:4] == [(909, 2), (1_091, 2)]
    assert settle(metering) == 0


def test_scaled_hours_follow_the_close_that_stands(metering: Metering) -> None:
    """Case a2 by the member's reading? No: only a real reading scales. Then a better real one scales anew."""
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [800, 700, 500, *[0] * 21]))
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 14))
    estimate(metering, SUNDAY, MONDAY)
    assert curve(metering, SUNDAY, MONDAY)[:3] == [(1_600, 3), (1_400, 3), (1_000, 3)]
    store(metering, reading("2026-10-05", 0, 0, 16, origin=Origin.VISUAL))
    assert settle(metering) == 1
    assert curve(metering, SUNDAY, MONDAY)[:3] == [(2_400, 3), (2_100, 3), (1_500, 3)]


def test_the_members_reading_gives_way_to_the_real_one(metering: Metering) -> None:
    """12,340 on 1 October; the member's 12,575 on the 28th; 12,560 read on 1 November. The curve never arrived."""
    metering.tell(supply("ana", tariff="flat"))
    metering.load(hours_of(date(2026, 9, 30), [100] * 24))
    store(metering, reading("2026-10-01", 12_340), reading("2026-10-28", 12_575, origin=Origin.SELF_READING))
    (made,) = estimate(metering, date(2026, 10, 1), date(2026, 10, 28))
    assert made.after_wh == 235_000
    assert {method for _, method in curve(metering, date(2026, 10, 1), date(2026, 10, 28))} == {4}
    store(metering, reading("2026-11-01", 12_560))
    assert settle(metering) == 1
    month = curve(metering, date(2026, 10, 1), date(2026, 11, 1))
    assert (len(month), sum(wh for wh, _ in month), {method for _, method in month}) == (745, 220_000, {2})


def test_a_meter_replaced_within_the_month(metering: Metering) -> None:
    metering.tell(supply("ana", ("OLD", "2020-01-01", "2026-10-15"), ("NEW", "2026-10-15", ""), tariff="flat"))
    first = DAYS.start_of(day_number(date(2026, 10, 1)))
    metering.load(report(hourly("OLD", first, [100] * 100)))
    store(
        metering,
        reading("2026-10-01", 54_000, meter="OLD"),
        reading("2026-10-15", 54_120, meter="OLD"),
        reading("2026-10-15", 3, meter="NEW"),
        reading("2026-11-01", 133, meter="NEW"),
    )
    (made,) = estimate(metering, date(2026, 10, 1), date(2026, 11, 1))
    assert (made.hours, made.after_wh) == (645, 250_000)
    before = curve(metering, date(2026, 10, 1), date(2026, 10, 15))
    assert sum(wh for wh, _ in before) == 120_000 and min(wh for wh, _ in before) >= 0


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_days_on_which_the_clock_changes(metering: Metering, day: date, hours: int) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(day, [None, *[100] * (hours - 1)]))
    next_day = day + timedelta(days=1)
    store(metering, reading(day.isoformat(), 0, 0, 10), reading(next_day.isoformat(), 0, 0, 13))
    (made,) = estimate(metering, day, next_day)
    assert (made.hours, made.after_wh) == (1, 3_000)
    assert curve(metering, day, next_day)[0] == (3_000 - 100 * (hours - 1), 2)
    assert metering.energy("ana", day, next_day).hours_missing == 0


def test_a_close_that_spans_months_is_estimated_whole(metering: Metering) -> None:
    metering.tell(supply("ana", tariff="flat"))
    metering.load(hours_of(date(2026, 9, 21), [1_000] * 24))
    store(metering, reading("2026-09-22", 100), reading("2026-10-22", 172))
    (made,) = estimate(metering, date(2026, 10, 1), date(2026, 10, 20))
    assert made.hours == 720 and made.after_wh == 72_000
    assert sum(wh for wh, _ in curve(metering, date(2026, 9, 22), date(2026, 10, 22))) == 72_000


def test_an_hour_no_meter_can_count_is_a_gap(metering: Metering) -> None:
    metering.tell(supply("ana"))
    metering.load(hours_of(SUNDAY, [60_000, *[100] * 23]))
    store(metering, reading("2026-10-04", 0, 0, 10), reading("2026-10-05", 0, 0, 13))
    estimate(metering, SUNDAY, MONDAY)
    assert curve(metering, SUNDAY, MONDAY)[0] == (700, 2)


def test_what_cannot_be_estimated_says_why(metering: Metering) -> None:
    metering.tell(supply("ana", power_w=0))
    metering.load(hours_of(SUNDAY, [100, None, *[100] * 22]))
    (made,) = estimate(metering, SUNDAY, MONDAY)
    assert made.hours == 0 and "no power in period" in made.problem
    with pytest.raises(NotFound, match="There is no electricity supply 'eva'"):
        estimate(metering, SUNDAY, MONDAY, "eva")
    with pytest.raises(Invalid, match="days of the past"):
        estimate(metering, date(2027, 1, 1), date(2027, 2, 1))


def test_days_that_have_not_ended_are_left_alone(metering: Metering) -> None:
    metering.tell(supply("ana"))
    now = metering.clock.now()
    assert now == datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    metering.load(hours_of(date(2026, 11, 19), [100] * 24))
    estimate(metering, date(2026, 11, 19), date(2026, 11, 30))
    found = curve(metering, date(2026, 11, 19), date(2026, 11, 23))
    assert [method for _, method in found] == [1] * 24 + [6] * 24 + [0] * 48


def test_daily_closes_of_whole_kwh_do_not_bend_what_was_measured(metering: Metering) -> None:
    """1,400 Wh a day from 10.5 kWh on: the first day's registers show 1 kWh, less than its 23 hours; four days' show 6."""
    metering.tell(supply("ana", tariff="flat"))
    first, end = date(2026, 10, 5), date(2026, 10, 9)
    for number in range(4):
        day = first + timedelta(days=number)
        metering.load(hours_of(day, [50 if number else None, 200, 200, *[50] * 19, 0, 0]))
    store(metering, *(reading(f"2026-10-0{5 + n}", kwh) for n, kwh in enumerate((10, 11, 13, 14, 16))))
    (made,) = estimate(metering, first, end)
    assert (made.hours, made.measured_wh, made.after_wh) == (1, 5_550, 6_000)
    assert curve(metering, first, end)[:3] == [(450, 2), (200, 1), (200, 1)]


def test_a_large_meter_takes_its_historical_mean_from_the_weeks_before(metering: Metering) -> None:
    """60 kW, a meter of type 3: eight weeks of 1,000 Wh an hour, then four hours missing; a household's follow its power."""
    for name, serial, power_w in (("nave", "M1", 60_000), ("casa", "M2", 4_600)):
        metering.tell(supply(name, (serial, "2020-01-01", ""), power_w=power_w))
        first = DAYS.start_of(day_number(SUNDAY - timedelta(weeks=8)))
        hours = [1_000] * (DAYS.start_of(day_number(SUNDAY)) - first)
        metering.load(report(hourly(serial, first, hours)))
        metering.load(hours_of(SUNDAY, [900] * 4 + [None] * 4 + [900] * 16, serial))
    nave, casa = estimate(metering, SUNDAY, MONDAY)
    (reason,) = nave.reasons
    assert (reason.code, reason.parameters["gap_wh"], nave.hours) == ("HISTORICAL_MEAN", 4_000, 4)
    assert casa.reasons[0].code == "CONTRACTED_POWER"
    assert curve(metering, SUNDAY, MONDAY)[3:9] == [(900, 1), *[(1_000, 5)] * 4, (900, 1)]


def test_a_late_value_in_the_weeks_before_makes_the_mean_again_and_one_further_back_does_not(
    metering: Metering,
) -> None:
    metering.tell(supply("nave", power_w=60_000))
    first = DAYS.start_of(day_number(SUNDAY - timedelta(weeks=9)))
    metering.load(report(hourly("M1", first, [1_000] * (DAYS.start_of(day_number(SUNDAY)) - first))))
    metering.load(hours_of(SUNDAY, [900] * 4 + [None] * 4 + [900] * 16))
    estimate(metering, SUNDAY, MONDAY)
    metering.load(hours_of(SUNDAY - timedelta(days=60), [5_000] * 24))
    assert settle(metering) == 0
    for weeks in (1, 2, 3):
        metering.load(hours_of(SUNDAY - timedelta(weeks=weeks), [2_000] * 24))
    assert settle(metering) == 1
    after = curve(metering, SUNDAY, MONDAY)[4:8]
    assert [method for _, method in after] == [5] * 4 and all(wh > 1_000 for wh, _ in after)
    # What lies after the gap is nothing that it rests on.
    metering.load(hours_of(MONDAY, [2_000] * 24))
    assert settle(metering) == 0


def test_last_year_that_arrives_late_takes_the_place_of_the_contracted_power(metering: Metering) -> None:
    metering.tell(supply("casa"))
    metering.load(hours_of(SUNDAY, [900] * 4 + [None] * 4 + [900] * 16))
    assert estimate(metering, SUNDAY, MONDAY)[0].reasons[0].code == "CONTRACTED_POWER"
    before = curve(metering, SUNDAY, MONDAY)[4:8]
    metering.load(hours_of(date(2025, 10, 4), [700] * 24))
    assert settle(metering) == 1
    after = curve(metering, SUNDAY, MONDAY)[4:8]
    assert before != after and {method for _, method in before} == {6} and {method for _, method in after} == {5}
