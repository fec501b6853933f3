"""Tariff calendars against the counts and dates of Circular CNMC 3/2020."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.metering.domain.calendar import FLAT, TARIFF_PERIODS, ZONE_TIME, calendar, power_period
from services.metering.domain.hours import day_number, hour_number, local_days


def hours_between(zone: str, start: date, end: date) -> np.ndarray:
    days = local_days(ZONE_TIME[zone])
    return np.arange(days.start_of(day_number(start)), days.start_of(day_number(end)))


def counts(tariff: str, zone: str, start: date, end: date) -> list[int]:
    periods = calendar(tariff, zone).classify(hours_between(zone, start, end))
    return np.bincount(periods, minlength=TARIFF_PERIODS[tariff] + 1)[1:].tolist()


def day_counts(tariff: str, day: date) -> list[int]:
    return counts(tariff, "peninsula", day, date.fromordinal(day.toordinal() + 1))


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 1, 1), date(2027, 1, 1), [2040, 2040, 4680]),
        (date(2027, 1, 1), date(2028, 1, 1), [2040, 2040, 4680]),
        (date(2028, 1, 1), date(2029, 1, 1), [2016, 2016, 4752]),
        (date(2026, 10, 1), date(2026, 11, 1), [168, 168, 409]),
    ],
)
def test_hours_of_2_0td_in_the_peninsula(start: date, end: date, expected: list[int]) -> None:
    assert counts("2.0TD", "peninsula", start, end) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (date(2026, 1, 1), date(2027, 1, 1), [756, 975, 886, 1022, 441, 4680]),
        (date(2027, 1, 1), date(2028, 1, 1), [738, 970, 902, 1029, 441, 4680]),
        (date(2026, 10, 1), date(2026, 11, 1), [0, 0, 0, 189, 147, 409]),
    ],
)
def test_hours_of_3_0td_in_the_peninsula(start: date, end: date, expected: list[int]) -> None:
    assert counts("3.0TD", "peninsula", start, end) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 1, 6), [0, 0, 24]),
        (date(2026, 4, 3), [8, 8, 8]),  # Good Friday has no fixed date: a working day
        (date(2026, 10, 12), [0, 0, 24]),
        (date(2026, 11, 2), [8, 8, 8]),  # the Monday to which a region moves All Saints: a working day
        (date(2026, 3, 29), [0, 0, 23]),
        (date(2026, 10, 25), [0, 0, 25]),
    ],
)
def test_type_of_day(day: date, expected: list[int]) -> None:
    assert day_counts("2.0TD", day) == expected


def test_the_two_calendars_differ_between_nine_and_ten() -> None:
    hour = np.array([hour_number(datetime(2026, 1, 14, 9, tzinfo=ZoneInfo("Europe/Madrid")))])
    assert calendar("3.0TD", "peninsula").classify(hour).tolist() == [1]
    assert calendar("2.0TD", "peninsula").classify(hour).tolist() == [2]


# (zone, month) -> periods of a working day of 2026, hour by hour, written out from the tables of the Circular.
@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("peninsula", date(2026, 7, 15), "666666662111112222111122"),
        ("baleares", date(2026, 7, 15), "666666662211111222111122"),
        ("canarias", date(2026, 7, 15), "666666663311111333111133"),
        ("canarias", date(2026, 2, 11), "666666664422222444222244"),
        ("ceuta", date(2026, 8, 12), "666666664411111444411114"),
        ("ceuta", date(2026, 5, 13), "666666665533333555533335"),
        ("melilla", date(2026, 6, 17), "666666664433333444433334"),
        ("melilla", date(2026, 12, 16), "666666663322222333322223"),
    ],
)
def test_six_periods_hour_by_hour(zone: str, day: date, expected: str) -> None:
    hours = hours_between(zone, day, date.fromordinal(day.toordinal() + 1))
    assert "".join(map(str, calendar("6.1TD", zone).classify(hours))) == expected


@pytest.mark.parametrize("zone", ["ceuta", "melilla"])
def test_2_0td_in_ceuta_and_melilla(zone: str) -> None:
    hours = hours_between(zone, date(2026, 1, 14), date(2026, 1, 15))
    assert "".join(map(str, calendar("2.0TD", zone).classify(hours))) == "333333332221111222211112"


def test_canarias_reads_its_own_clock() -> None:
    noon_utc = np.array([hour_number(datetime(2026, 1, 14, 13, tzinfo=UTC))])
    assert calendar("2.0TD", "canarias").classify(noon_utc).tolist() == [1]  # 13:00 there
    assert calendar("2.0TD", "peninsula").classify(noon_utc).tolist() == [2]  # 14:00 there


def test_every_hour_of_every_zone_has_a_period_of_its_tariff() -> None:
    for zone in ZONE_TIME:
        for tariff, periods in TARIFF_PERIODS.items():
            found = calendar(tariff, zone).classify(hours_between(zone, date(2020, 1, 1), date(2040, 1, 1)))
            assert found.min() >= 1 and found.max() <= periods, (zone, tariff)


def test_flat_is_one_period_in_any_time_zone() -> None:
    days = local_days("America/Argentina/Buenos_Aires")
    hours = np.arange(days.first_hour, days.end_hour)
    assert set(calendar(FLAT, "").classify(hours).tolist()) == {1}


def test_power_periods_of_2_0td() -> None:
    assert [power_period("2.0TD", p) for p in (1, 2, 3)] == [1, 1, 2]
    assert [power_period("3.0TD", p) for p in (1, 4, 6)] == [1, 4, 6]


def test_unknown_tariff_and_zone_are_named() -> None:
    with pytest.raises(ValueError, match=r"'2\.1A' is unknown.*2\.0TD"):
        calendar("2.1A", "peninsula")
    with pytest.raises(ValueError, match=r"'azores' is unknown.*peninsula"):
        calendar("2.0TD", "azores")


def test_hours_outside_the_known_years_are_refused() -> None:
    with pytest.raises(IndexError, match="2000-01-01"):
        calendar("2.0TD", "peninsula").classify(np.array([0]))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_hours_of_a_local_day(day: date, hours: int) -> None:
    for zone in ("Europe/Madrid", "Atlantic/Canary"):
        days = local_days(zone)
        number = day_number(day)
        assert days.hours_in(number) == hours
        all_hours = days.start_of(number) + np.arange(hours)
        found_days, slots = days.day_and_slot(all_hours)
        assert set(found_days.tolist()) == {number}
        assert slots.tolist() == list(range(hours))
