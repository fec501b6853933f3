"""Which self-readings are taken: every period, the meter's digits, the last real reading, the dates, photo and supply."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.metering.domain.estimation.self_reading import (
    SENTENCES,
    Expectation,
    Late,
    Objected,
    Objection,
    SelfReading,
    Window,
    latest_day,
    objections,
    register_names,
    window,
)
from services.metering.jurisdictions import working_calendar

CUPS = "ES0575000000000877HA"
EXPECTED = Expectation(
    cups=CUPS,
    digits=5,
    registers=("P1", "P2"),
    last_real=(12_340, 800),
    last_day=date(2026, 10, 1),
    last_billed=date(2026, 9, 30),
    latest=date(2026, 10, 28),
    today=date(2026, 10, 28),
)
GOOD = SelfReading(date(2026, 10, 28), (12_575, 800), CUPS)
NO_PHOTO = Objected(Objection.NO_PHOTO, "photo")


def test_a_reading_that_fits_is_taken() -> None:
    """Last real 12,340 on 1 October, 12,575 on 28 October with photo."""
    assert objections(GOOD, EXPECTED) == []


@pytest.mark.parametrize(
    ("change", "objection", "part", "words"),
    [
        ({"shown": (12_575,)}, Objection.PERIOD_MISSING, "P2", "P2: write what"),
        ({"shown": (None, 800)}, Objection.PERIOD_MISSING, "P1", "P1: write what"),
        ({"shown": (-5, 800)}, Objection.NEGATIVE, "P1", "P1: the meter cannot show -5"),
        ({"shown": (112_575, 800)}, Objection.TOO_MANY_DIGITS, "P1", "112575 is longer than the 5 digits"),
        ({"shown": (12_339, 800)}, Objection.BELOW_LAST_REAL, "P1", "12339 is less than the 12340"),
        ({"day": date(2026, 9, 30)}, Objection.ALREADY_BILLED, "day", "a later day, not of 2026-09-30"),
        ({"day": date(2026, 10, 29)}, Objection.IN_FUTURE, "day", "2026-10-29 has not come yet"),
        ({"photo_problem": NO_PHOTO}, Objection.NO_PHOTO, "photo", "photo of the meter is missing"),
        ({"cups": "ES0575000000000878HZ"}, Objection.OTHER_SUPPLY, "supply", f"your supply is {CUPS}"),
    ],
)
def test_each_objection_is_a_sentence_about_its_part(change: dict, objection: Objection, part: str, words: str) -> None:
    (found,) = objections(replace(GOOD, **change), EXPECTED)
    assert (found.objection, found.part) == (objection, part) and words in found.sentence()


def test_a_day_before_the_last_real_reading_and_one_after_the_window() -> None:
    early = replace(GOOD, day=date(2026, 10, 3))
    (found,) = objections(early, replace(EXPECTED, last_day=date(2026, 10, 4)))
    assert found.objection is Objection.BEFORE_LAST_REAL and "read on 2026-10-04" in found.sentence()
    assert objections(early, replace(EXPECTED, last_day=date(2026, 10, 3))) == []
    (late,) = objections(GOOD, replace(EXPECTED, latest=date(2026, 10, 19)))
    assert late.objection is Objection.TOO_LATE and "the last day was 2026-10-19" in late.sentence()


def test_a_meter_that_was_never_read_nor_billed_takes_any_number() -> None:
    fresh = replace(EXPECTED, last_real=(0, 0), last_day=None, last_billed=None)
    assert objections(replace(GOOD, day=date(2020, 1, 1), shown=(0, 1)), fresh) == []


def test_all_objections_come_at_once() -> None:
    wrong = SelfReading(date(2026, 10, 30), (1, None), "other", NO_PHOTO)
    assert [found.objection for found in objections(wrong, EXPECTED)] == [
        Objection.BELOW_LAST_REAL,
        Objection.PERIOD_MISSING,
        Objection.IN_FUTURE,
        Objection.NO_PHOTO,
        Objection.OTHER_SUPPLY,
    ]
    assert set(SENTENCES) == set(Objection)


def test_ten_working_days_before_the_cycle_of_november() -> None:
    """Back from Sunday 1 November 2026: Friday 30 October is the first, Monday 19 October the tenth."""
    assert latest_day(date(2026, 11, 1), lambda day: day.weekday() < 5) == date(2026, 10, 19)
    assert latest_day(date(2026, 11, 1), lambda day: day.weekday() < 5, 0) == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("jurisdiction", "cycle", "latest"),
    [
        # 30, 29, 28, 27, 26, 23, 22, 21, 20, 19 October.
        ("es", date(2026, 11, 1), date(2026, 10, 19)),
        # 31, 30, 29, 28, 24, 23, 22, 21, 18, 17 December: Christmas does not count.
        ("es", date(2027, 1, 1), date(2026, 12, 17)),
        # 31, 30, 29, 28, 27 May, 24 May: 25 May is a holiday in Argentina; 26 May the sixth, ... 17 May.
        ("ar", date(2027, 6, 1), date(2027, 5, 17)),
        # Good Friday of 2026 is 3 April: 30, 29, 28, 27, 24, 23, 22, 21, 20, 17 April, and it lies before them.
        ("es", date(2026, 5, 1), date(2026, 4, 17)),
    ],
)
def test_holidays_of_the_country_are_no_working_days(jurisdiction: str, cycle: date, latest: date) -> None:
    assert latest_day(cycle, working_calendar(jurisdiction).is_working_day) == latest


def test_good_friday_is_no_working_day() -> None:
    for jurisdiction in ("es", "ar"):
        assert not working_calendar(jurisdiction).is_working_day(date(2026, 4, 3))


def test_the_window_of_a_cooperative_that_refuses_late_readings() -> None:
    is_working_day = working_calendar("es").is_working_day
    for day in (date(2026, 10, 1), date(2026, 10, 19), date(2026, 10, 20), date(2026, 10, 31)):
        found = window(day, is_working_day, 10, Late.REFUSE)
        assert found == Window(date(2026, 11, 1), date(2026, 10, 19))
        assert found.is_open(day) == (day <= date(2026, 10, 19))


def test_the_window_of_a_cooperative_that_moves_them_to_the_next_bill() -> None:
    is_working_day = working_calendar("es").is_working_day
    assert window(date(2026, 10, 19), is_working_day, 10, Late.NEXT_BILL).cycle == date(2026, 11, 1)
    late = window(date(2026, 10, 20), is_working_day, 10, Late.NEXT_BILL)
    assert late == Window(date(2026, 12, 1), date(2026, 11, 17))
    for number in range(400):
        day = date(2026, 1, 1) + timedelta(days=number)
        assert window(day, is_working_day, 10, Late.NEXT_BILL).is_open(day)


def test_registers_are_named_as_bills_name_them() -> None:
    assert register_names(3) == ("P1", "P2", "P3") and register_names(1) == ("total",)
