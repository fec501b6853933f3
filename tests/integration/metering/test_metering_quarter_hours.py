"""Quarters of an hour: kept beside the hours that came by them, told where a contract's power asks for them."""

from __future__ import annotations

import random
from datetime import date, datetime

import pytest
from coop.metering.events.v1.events_pb2 import CurveReady, ReadingCorrected
from sqlalchemy import func, select

from services.chassis.context import Principal
from services.chassis.db import RequestKey
from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.application.energy import BillableEnergy
from services.metering.application.estimates import Estimator
from services.metering.application.explain import explain_day
from services.metering.application.quarantine import Quarantine
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.quarter_demands import Demands
from services.metering.tables import day_quarters, kept_quarters
from tests.support.metering import MADRID, Metering, invoice_message
from tests.support.quarters import Quarters, asked, large_supply, quarter_file
from tests.support.registers import told
from tests.unit.metering.formats.curve_writers import OTHER, Hour, ide

THURSDAY = date(2026, 10, 1)
DAYS = local_days(MADRID)
H0 = DAYS.start_of(day_number(THURSDAY))
DAY = DatePeriod(THURSDAY, date(2026, 10, 2))
#: Of a working day of October: 8 to 9 o'clock is P5, 9 to 10 is P4, midnight to 8 is P6.
NIGHT, MORNING = H0, H0 + 9
LIMITS = (("P4", 100_000), ("P6", 100_000))


def rows(metering: Metering, table: object) -> int:
    with metering.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def even(hours: range, wh: int = 20_000) -> dict[int, tuple[int, ...]]:
    """Every quarter the same."""
    return dict.fromkeys(hours, (wh,) * 4)


def above(answer: BillableEnergy) -> list[tuple[str, int, int]]:
    """Period, quarter since the beginning of the day, W."""
    assert answer.quarters is not None
    return [(one.period, one.quarter - 4 * H0, one.watts) for one in answer.quarters.above]


def unknown(answer: BillableEnergy) -> dict[str, int]:
    assert answer.quarters is not None
    return dict(answer.quarters.unknown)


def day_of(changes: Quarters) -> Quarters:
    """The whole Thursday at 80 kW, but for some hours."""
    return even(range(H0, H0 + 24)) | dict(changes)


def test_quarters_above_the_contracted_power_are_told_in_order(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    metering.importer._batch_rows = 7  # borders of batches within hours
    file = day_of({MORNING: (26_250, 25_000, 25_750, 26_000), NIGHT: (25_001, 0, 0, 30_000)})
    assert metering.load(quarter_file(file)).record.accepted == 24
    answer = asked(metering, DAY, *LIMITS)
    assert above(answer) == [
        ("P6", 0, 100_004),
        ("P6", 3, 120_000),
        ("P4", 36, 105_000),
        ("P4", 38, 103_000),
        ("P4", 39, 104_000),
    ]
    assert unknown(answer) == {} and answer.hours_missing == 0
    assert above(asked(metering, DAY, ("P5", 79_999))) == [("P5", 32 + at, 80_000) for at in range(4)] + [
        ("P5", at, 80_000) for at in range(56, 72)
    ] + [("P5", at, 80_000) for at in range(88, 96)]
    assert asked(metering, DAY).quarters is None


def test_a_file_of_hours_makes_the_quarters_of_what_it_corrects_unknown(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    metering.load(quarter_file(day_of({MORNING: (30_000, 0, 0, 0), MORNING + 1: (30_000, 0, 0, 0)})))
    # One hour otherwise, one as it was, one that cannot have exceeded (all of it in one quarter is 100 kW).
    hours = [Hour(MORNING, 30_001), Hour(MORNING + 1, 30_000), Hour(MORNING + 2, 25_000), Hour(NIGHT, 25_001)]
    metering.load(ide(hours, quarters=False))
    answer = asked(metering, DAY, *LIMITS)
    assert above(answer) == [("P4", 40, 120_000)]
    assert unknown(answer) == {"P4": 1, "P6": 1}
    # What it said before it was put right counts again when it is so again.
    metering.load(ide([Hour(MORNING, 30_000)], quarters=False))
    assert above(asked(metering, DAY, *LIMITS)) == [("P4", 36, 120_000), ("P4", 40, 120_000)]


def test_a_missing_hour_is_unknown_and_a_service_of_nobody_is_all_unknown(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    file = dict(day_of({}))
    del file[MORNING], file[NIGHT]
    metering.load(quarter_file(file))
    assert unknown(asked(metering, DAY, *LIMITS)) == {"P4": 1, "P6": 1}
    assert unknown(asked(metering, DAY, ("P4", 1_000_000_000))) == {"P4": 1}
    assert unknown(asked(metering, DAY, *LIMITS, name="nobody")) == {"P4": 5 + 4, "P6": 8}


def test_a_correction_by_quarters_counts_and_one_of_the_same_sum_is_told_to_billing(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    metering.load(quarter_file(day_of({})))
    (ready,) = told(metering, CurveReady)
    first = ready.curve_version
    assert ready.hours_stored == 24
    invoice = invoice_message("ana", DAY.start.isoformat(), DAY.end.isoformat())
    invoice.import_wh, invoice.hours_expected, invoice.curve_version = 24 * 80_000, 24, first
    metering.tell(invoice)
    record = metering.load(quarter_file({MORNING: (27_000, 17_000, 18_000, 18_000)})).record
    assert (record.accepted, record.duplicates) == (0, 1)
    answer = asked(metering, DAY, *LIMITS)
    assert above(answer) == [("P4", 36, 108_000)] and answer.curve_version > first
    (event,) = told(metering, ReadingCorrected)
    assert (event.known_wh, event.billed_wh, event.curve_version) == (24 * 80_000, 24 * 80_000, answer.curve_version)
    last = told(metering, CurveReady)[-1]
    assert (last.curve_version, last.hours_stored) == (answer.curve_version, 1)
    # The same once more is no news; the version before stays.
    metering.load(quarter_file({MORNING: (27_000, 17_000, 18_000, 18_000)}) + b"\n")
    assert len(told(metering, ReadingCorrected)) == 1
    assert rows(metering, day_quarters) == 2
    metering.load(quarter_file({MORNING: (28_000, 17_000, 18_000, 18_000)}))
    assert above(asked(metering, DAY, *LIMITS)) == [("P4", 36, 112_000)]
    assert [one.known_wh for one in told(metering, ReadingCorrected)] == [1_920_000, 1_921_000]


def test_quarters_of_a_household_that_change_are_no_news_to_billing(metering: Metering) -> None:
    metering.tell(large_supply("ana", power_w=15_000))
    metering.load(quarter_file({MORNING: (500, 500, 500, 500)}))
    invoice = invoice_message("ana", DAY.start.isoformat(), DAY.end.isoformat())
    invoice.import_wh, invoice.curve_version = 2_000, told(metering, CurveReady)[-1].curve_version
    metering.tell(invoice)
    metering.load(quarter_file({MORNING: (2_000, 0, 0, 0)}))
    assert told(metering, ReadingCorrected) == []


@pytest.mark.parametrize("hours_between", [False, True])
def test_quarters_of_nobody_are_kept_and_become_the_supplys(metering: Metering, hours_between: bool) -> None:
    metering.load(quarter_file(day_of({})))
    metering.load(quarter_file({MORNING: (27_000, 17_000, 18_000, 18_000)}))
    if hours_between:
        metering.load(ide([Hour(MORNING, 70_000)], quarters=False))
    assert (rows(metering, kept_quarters), rows(metering, day_quarters)) == (2, 0)
    metering.tell(large_supply("ana"))
    assert (rows(metering, kept_quarters), rows(metering, day_quarters)) == (0, 2)
    answer = asked(metering, DAY, *LIMITS)
    assert above(answer) == ([] if hours_between else [("P4", 36, 108_000)])
    assert unknown(answer) == ({"P4": 1} if hours_between else {})


def test_quarters_of_hours_that_are_given_up_go_with_them(metering: Metering) -> None:
    record = metering.load(quarter_file(even(range(H0, H0 + 2)))).record
    quarantine = Quarantine(metering.database, metering.clock, MADRID)
    quarantine.discard(RequestKey("SettleQuarantine|staff:1", "d", ""), record.id, [], "staff:1")
    assert rows(metering, kept_quarters) == 0
    metering.tell(large_supply("ana"))
    assert unknown(asked(metering, DAY, *LIMITS)) == {"P4": 9, "P6": 8}


@pytest.mark.parametrize(("day", "quarters"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
def test_days_of_the_clock_change_have_all_their_quarters(metering: Metering, day: date, quarters: int) -> None:
    metering.tell(large_supply("ana"))
    first, end = DAYS.start_of(day_number(day)), DAYS.start_of(day_number(day) + 1)
    file = {hour: tuple(30_000 + 4 * (hour - first) + at for at in range(4)) for hour in range(first, end)}
    assert metering.load(quarter_file(file)).record.refused == 0
    answer = asked(metering, DatePeriod(day, date.fromordinal(day.toordinal() + 1)), ("P6", 100_000))
    assert answer.quarters == Demands(answer.quarters.above if answer.quarters else (), {})
    found = [(one.quarter - 4 * first, one.watts) for one in answer.quarters.above]
    assert found == [(at, 4 * (30_000 + at)) for at in range(quarters)]


def test_a_large_supply_is_believed_estimated_and_explained(metering: Metering) -> None:
    """300 kW: its hours are above what a household's meter can count, and stay beside the gap that is estimated."""
    metering.tell(large_supply("ana", power_w=300_000))
    file = dict(day_of({MORNING: (70_000, 80_000, 75_000, 71_000)}))
    metering.load(quarter_file(file))
    before = metering.clock.now()
    estimator = Estimator(metering.database, MADRID)
    assert list(estimator.run(DAY, ["ana"], False, "staff:1")) == []
    metering.load(ide([Hour(MORNING, 299_000)], quarters=False))
    assert list(estimator.run(DAY, [], True, "staff:1")) == []

    def explained(at: datetime | None = None) -> list[tuple[int, ...]]:
        told_of = explain_day(metering.database, MADRID, Principal("staff", "1"), "ana", THURSDAY, known_at=at)
        return [hour.quarters_wh for hour in told_of.hours]

    assert explained(before)[9:11] == [(70_000, 80_000, 75_000, 71_000), (20_000,) * 4]
    assert explained()[9:11] == [(), (20_000,) * 4]


def test_whatever_comes_quarters_never_say_other_than_their_hour(metering: Metering) -> None:
    """Files at random, of quarters and of hours, some before anybody has the CUPS; against a model of them."""
    chance, hours = random.Random(5), range(H0 + 8, H0 + 12)
    energy: dict[int, int] = {}
    quarters: dict[int, tuple[int, ...]] = {}
    for number in range(18):
        some = sorted(chance.sample(hours, chance.randint(1, 4)))
        if chance.random() < 0.6:
            file = {hour: tuple(chance.choice((0, 1, 2)) for _ in range(4)) for hour in some}
            # The same hours twice would be a file that was imported before.
            metering.load(quarter_file(file) + b"\n" * number)
            quarters |= file
            energy |= {hour: sum(four) for hour, four in file.items()}
        else:
            told_of = {hour: chance.randint(0, 6) for hour in some}
            lines = ide([Hour(hour, wh) for hour, wh in told_of.items()], quarters=False)
            metering.load(lines + b"\n" * number)
            energy |= told_of
        if number == 6:
            metering.tell(large_supply("ana"))
        if number < 6:
            continue
        answer = asked(metering, DAY, ("P4", 0), ("P5", 0))
        known = {hour: four for hour, four in quarters.items() if sum(four) == energy[hour]}
        expected = [
            (4 * (hour - H0) + at, 4 * wh) for hour, four in sorted(known.items()) for at, wh in enumerate(four) if wh
        ]
        assert [(at, watts) for _, at, watts in above(answer)] == expected
        doubtful = [hour for hour, wh in energy.items() if wh and hour not in known]
        assert sum(unknown(answer).values()) == 16 - len(energy) + len(doubtful)


def test_powers_that_make_no_sense_are_named(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    for powers, sentence in (
        ((("P7", 1),), "The tariff 3.0TD has no period 'P7': it has P1, P2, P3, P4, P5, P6"),
        ((("P1", 1), ("P1", 2)), "P1 is asked for twice"),
        ((("P1", -1),), "The power of P1 is -1 W"),
    ):
        with pytest.raises(Invalid, match=sentence):
            asked(metering, DAY, *powers)


def test_hours_that_came_as_hours_leave_no_quarters(metering: Metering) -> None:
    metering.tell(large_supply("ana"))
    metering.load(ide([Hour(MORNING + at, 30_000) for at in range(3)], quarters=False))
    metering.load(ide([Hour(MORNING, 30_000)], supply=OTHER, quarters=False))
    assert (rows(metering, day_quarters), rows(metering, kept_quarters)) == (0, 0)
    assert unknown(asked(metering, DAY, *LIMITS)) == {"P4": 5 + 4, "P6": 8}
