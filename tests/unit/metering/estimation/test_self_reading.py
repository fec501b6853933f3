"""Which self-readings are taken: every period, the meter's digits, the last real reading, the dates, photo and supply."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from services.metering.domain.estimation.self_reading import (
    SENTENCES,
    Expectation,
    Objection,
    SelfReading,
    latest_day,
    objections,
)

CUPS = "ES0575000000000877HA"
EXPECTED = Expectation(CUPS, 5, (12_340, 800), date(2026, 9, 30), date(2026, 10, 28))
GOOD = SelfReading(date(2026, 10, 28), (12_575, 800), CUPS, with_photo=True)


def test_a_reading_that_fits_is_taken() -> None:
    """Last real 12,340 on 1 October, 12,575 on 28 October with photo."""
    assert objections(GOOD, EXPECTED) == []


@pytest.mark.parametrize(
    ("change", "objection", "words"),
    [
        ({"shown_kwh": (12_575,)}, Objection.PERIOD_MISSING, "The reading of P2 is missing"),
        ({"shown_kwh": (None, 800)}, Objection.PERIOD_MISSING, "The reading of P1 is missing"),
        ({"shown_kwh": (-5, 800)}, Objection.NEGATIVE, "P1 is -5"),
        ({"shown_kwh": (112_575, 800)}, Objection.TOO_MANY_DIGITS, "P1 is 112575: your meter has only 5 digits"),
        ({"shown_kwh": (12_339, 800)}, Objection.BELOW_LAST_REAL, "P1 is 12339, less than the 12340"),
        ({"day": date(2026, 9, 30)}, Objection.ALREADY_BILLED, "a later day, not of 2026-09-30"),
        ({"day": date(2026, 10, 29)}, Objection.TOO_LATE, "the last day was 2026-10-28"),
        ({"with_photo": False}, Objection.NO_PHOTO, "photo of the meter is missing"),
        ({"cups": "ES0575000000000878HZ"}, Objection.OTHER_SUPPLY, f"your supply is {CUPS}"),
    ],
)
def test_each_objection_is_a_sentence(change: dict, objection: Objection, words: str) -> None:
    (found,) = objections(replace(GOOD, **change), EXPECTED)
    assert found.objection is objection and words in found.sentence()


def test_all_objections_come_at_once() -> None:
    wrong = SelfReading(date(2026, 10, 30), (1, None), "other", with_photo=False)
    assert {found.objection for found in objections(wrong, EXPECTED)} == {
        Objection.BELOW_LAST_REAL,
        Objection.PERIOD_MISSING,
        Objection.TOO_LATE,
        Objection.NO_PHOTO,
        Objection.OTHER_SUPPLY,
    }
    assert set(SENTENCES) == set(Objection)


def test_ten_working_days_before_the_cycle_of_november() -> None:
    """Back from Sunday 1 November 2026: Friday 30 October is the first, Monday 19 October the tenth."""
    assert latest_day(date(2026, 11, 1), lambda day: day.weekday() < 5) == date(2026, 10, 19)
    assert latest_day(date(2026, 11, 1), lambda day: day.weekday() < 5, 0) == date(2026, 11, 1)
