"""Files into curves, on both databases: what is stored, what is said, and what a later file changes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.chassis.errors import Invalid, Refused
from services.metering.application.import_readings import list_imports
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.readings import IMPORT
from services.metering.repository import curves, points
from services.metering.tables import day_curve, day_curve_history, kept_reading, quarantined_row
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import hourly, meter, report, row
from tests.support.prime_sample import PRIME_SAMPLE, needs_prime_sample

DAYS = local_days(MADRID)


def midnight(day: date) -> int:
    return DAYS.start_of(day_number(day))


OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
H0 = midnight(OCTOBER[0])


def count(metering: Metering, table: object) -> int:
    with metering.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def day_values(metering: Metering, name: str, day: date, known_at: datetime | None = None) -> list[int]:
    """Import Wh of the hours of a day, as known now or at an instant."""
    number = day_number(day)
    with metering.database.read() as connection:
        point = points.point_of_supply(connection, name)
        assert point is not None
        if known_at is None:
            rows = curves.curves_between(connection, [point.key], number, number + 1)
        else:
            version = curves.revision_known_at(connection, known_at)
            rows = curves.curves_of_version(connection, point.key, number, number + 1, version)
    if not len(rows.day):
        return []
    return rows.curves.values[0, : DAYS.hours_in(number), IMPORT].tolist()


def october(serial: str, wh: Sequence[int] = (), **more: str) -> str:
    return hourly(serial, H0, wh or [100] * 745, **more)


def test_a_month_with_its_25_hour_day_becomes_energy_per_period(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    summary = metering.load(report(october("M1")))
    record = summary.record
    assert (record.accepted, record.duplicates, record.refused, record.superseded) == (745, 0, 0, 0)
    assert (record.meters_with_readings, record.unknown_meters, record.file_problem) == (1, [], "")
    answer = metering.energy("ana", *OCTOBER)
    assert [(e.period, e.import_wh) for e in answer.energy] == [("P1", 16_800), ("P2", 16_800), ("P3", 40_900)]
    assert (answer.hours_expected, answer.hours_measured, answer.hours_missing) == (745, 745, 0)
    assert answer.curve_version > 0
    (event,) = metering.events()
    assert (event.supply_id, event.service_id, event.hours_stored) == ("ana", "ana-service", 745)
    assert (event.period.start, event.period.end) == ("2026-10-01", "2026-11-01")
    assert (event.import_id, event.curve_version) == (record.id, answer.curve_version)
    assert metering.progress[-1].readings == 745


def test_the_same_file_twice_changes_nothing_and_says_so(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    data = report(october("M1"), meter("M2", [row(H0, 5)]), meter("M1", [row(H0, "-1")]))
    first = metering.load(data)
    before = metering.energy("ana", *OCTOBER)
    again = metering.load(data, "the same under another name.xml")
    assert not first.record.seen_before and again.record.seen_before
    assert (again.record.accepted, again.record.duplicates, again.record.refused) == (0, 746, 1)
    assert again.refused_readings == first.refused_readings
    assert metering.energy("ana", *OCTOBER) == before
    assert len(metering.events()) == 1
    assert again.record.unknown_meters == ["M2"]
    metering.tell(supply_message("eva", ("M2", "2020-01-01", "")))
    assert metering.load(data).record.unknown_meters == []


def test_an_old_file_sent_again_does_not_undo_a_correction(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    old, new = report(meter("M1", [row(H0, 10)])), report(meter("M1", [row(H0, 12)]))
    metering.load(old)
    metering.load(new)
    metering.load(old)
    assert day_values(metering, "ana", OCTOBER[0])[0] == 12


def test_a_correction_supersedes_and_both_versions_are_answerable(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    metering.load(report(hourly("M1", H0, range(24))))
    between = metering.clock.now() + timedelta(minutes=1)
    later = metering.load(report(meter("M1", [row(H0, 500), row(H0 + 1, 1)])))
    assert (later.record.accepted, later.record.superseded, later.record.duplicates) == (1, 1, 1)
    assert day_values(metering, "ana", OCTOBER[0])[:3] == [500, 1, 2]
    assert day_values(metering, "ana", OCTOBER[0], between)[:3] == [0, 1, 2]
    assert day_values(metering, "ana", OCTOBER[0], between - timedelta(days=30)) == []
    third = metering.load(report(meter("M1", [row(H0, 600)])))
    assert third.record.superseded == 1
    assert count(metering, day_curve_history) == 2 and count(metering, day_curve) == 1


def test_two_different_values_in_one_file_are_two_versions_and_the_last_wins(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    rows = [row(H0, 10), row(H0, 10), row(H0, 20), row(H0, 30), row(H0 + 1, 7)]
    record = metering.load(report(meter("M1", rows))).record
    assert (record.accepted, record.superseded, record.duplicates) == (4, 2, 1)
    assert day_values(metering, "ana", OCTOBER[0])[:2] == [30, 7]
    assert count(metering, day_curve_history) == 2


def test_missing_hours_are_missing_and_doubtful_ones_are_estimated(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    rows = [row(H0 + i, 100, bc="20" if i == 5 else "00") for i in range(24) if i not in (7, 8)]
    metering.load(report(meter("M1", rows)))
    answer = metering.energy("ana", OCTOBER[0], date(2026, 10, 2))
    assert (answer.hours_expected, answer.hours_measured, answer.hours_estimated, answer.hours_missing) == (
        24,
        21,
        1,
        2,
    )
    assert sum(e.import_wh for e in answer.energy) == 2_200


def test_unknown_meters_are_kept_reported_and_become_the_curve_when_a_supply_has_them(metering: Metering) -> None:
    record = metering.load(report(october("M9"))).record
    assert (record.accepted, record.of_unknown_meters, record.unknown_meters) == (0, 745, ["M9"])
    again = metering.load(report(october("M9"), meter("M9", [row(H0, 100)]))).record
    assert (again.of_unknown_meters, again.duplicates, again.seen_before) == (0, 746, False)
    corrected = metering.load(report(meter("M9", [row(H0, 900)]))).record
    assert corrected.of_unknown_meters == 1 and metering.events() == []

    metering.tell(supply_message("ana", ("M9", "2026-10-01", "2026-10-11")))
    answer = metering.energy("ana", *OCTOBER)
    assert (answer.hours_measured, answer.hours_missing) == (240, 505)
    assert day_values(metering, "ana", OCTOBER[0])[0] == 900
    assert count(metering, day_curve_history) == 1  # the version before the correction came along
    assert [event.hours_stored for event in metering.events()] == [241]

    metering.tell(supply_message("ana", ("M9", "2026-10-01", ""), version=2))
    assert metering.energy("ana", *OCTOBER).hours_measured == 745
    assert count(metering, kept_reading) == 0


def test_an_older_snapshot_of_a_supply_changes_nothing(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2026-10-01", ""), version=5))
    metering.tell(supply_message("ana", version=4))
    assert metering.load(report(october("M1"))).record.accepted == 745


def test_a_meter_replaced_inside_the_month(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "2026-10-16"), ("M2", "2026-10-16", "")))
    half = midnight(date(2026, 10, 16)) - H0
    both = report(hourly("M1", H0, [100] * (half + 5)), hourly("M2", H0 + half, [200] * (745 - half)))
    record = metering.load(both).record
    assert (record.accepted, record.of_unknown_meters, record.unknown_meters) == (745, 5, ["M1"])
    answer = metering.energy("ana", *OCTOBER)
    assert sum(e.import_wh for e in answer.energy) == 100 * half + 200 * (745 - half)


def test_a_meter_that_moves_to_another_supply(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "2026-10-16")))
    metering.tell(supply_message("eva", ("M1", "2026-10-16", "")))
    metering.load(report(october("M1")))
    assert metering.energy("ana", *OCTOBER).hours_measured == 15 * 24
    assert metering.energy("eva", *OCTOBER).hours_measured == 745 - 15 * 24


def test_many_supplies_in_one_file_and_one_question(metering: Metering) -> None:
    for number in range(40):
        metering.tell(supply_message(f"s{number}", (f"M{number}", "2020-01-01", "")))
    metering.load(gzip.compress(report(*(october(f"M{n}", [n] * 745) for n in range(40)))), piece=5_000)
    for number in (0, 1, 39):
        assert sum(e.import_wh for e in metering.energy(f"s{number}", *OCTOBER).energy) == number * 745
    assert len(metering.events()) == 40


def test_a_file_over_two_months_tells_each_month(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    metering.load(report(hourly("M1", H0 - 48, [1] * 72)))
    told = [(event.period.start, event.period.end, event.hours_stored) for event in metering.events()]
    assert told == [("2026-09-29", "2026-10-01", 48), ("2026-10-01", "2026-10-02", 24)]


def test_bad_rows_leave_a_trace_and_the_good_ones_land(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    bad = [row(H0, "-3"), row(H0, "99999"), row(H0, 1, bc="80"), '<S02 Fh="18070101000000000W" Bc="00" AI="1"/>']
    good = [row(H0 + i, 5) for i in range(24)]
    summary = metering.load(
        report(meter("M1", [*good[:12], *bad, *good[12:]]), '<Cnt Id="M2" ErrCat="3" ErrCode="7"/>')
    )
    assert (summary.record.accepted, summary.record.refused) == (24, 4)
    assert [r.line for r in summary.refused_readings] == [16, 17, 18, 19]
    assert [(e.meter, e.code, e.category) for e in summary.record.meter_errors] == [("M2", "7", "3")]
    (listed,) = list_imports(metering.database, 10, "")
    assert listed == summary


def test_every_refused_row_is_in_the_trace_and_the_first_hundred_in_the_summary(metering: Metering) -> None:
    summary = metering.load(report(meter("M1", [row(H0 + i % 24, "x") for i in range(250)])))
    assert summary.record.refused == 250 and len(summary.refused_readings) == 100
    assert count(metering, quarantined_row) == 250


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"hello", "none of the known formats"),
        (b'<Report IdRpt="S06"/>', "S06"),
        (report(october("M1"))[:40_000], "cut short"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_says_why(metering: Metering, data: bytes, sentence: str) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    summary = metering.load(data)
    assert sentence in summary.record.file_problem
    assert summary.record.accepted == data.count(b"/>") * (sentence == "cut short")


def test_the_rest_of_a_cut_file_completes_it(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2020-01-01", "")))
    whole = report(october("M1"))
    part = metering.load(whole[:40_000]).record
    rest = metering.load(whole).record
    assert part.accepted + rest.accepted == 745 and rest.duplicates == part.accepted
    assert metering.energy("ana", *OCTOBER).hours_measured == 745


def test_a_stray_stamp_does_not_read_the_years_in_between(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("M1", "2000-01-01", "")))
    lost = '<S02 Fh="20000115010000000W" Bc="00" AI="1" AE="0"/>'
    assert metering.load(report(meter("M1", [row(H0, 1), lost, row(H0 + 1, 2)]))).record.accepted == 3
    assert day_values(metering, "ana", date(2000, 1, 15))[0] == 1


def test_a_file_that_is_too_large_is_refused_before_anything_is_stored(metering: Metering, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="larger than 50,000,000 bytes"):
        list(metering.importer.run("big", (b" " * 1_000_000 for _ in range(51)), "staff:1"))
    assert list_imports(metering.database, 10, "") == []
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_file_needs_a_name(metering: Metering) -> None:
    with pytest.raises(Invalid, match="say which file"):
        list(metering.importer.run(" /\x00 ", [b""], "staff:1"))
    assert metering.load(b"", "C:\\Users\\office\\S02.xml").record.file_name == "S02.xml"


@needs_prime_sample
def test_the_sample_of_a_real_concentrator(metering: Metering) -> None:
    metering.tell(supply_message("ana", ("CIR0141433184", "2010-01-01", "")))
    record = metering.load(PRIME_SAMPLE.read_bytes(), PRIME_SAMPLE.name).record
    assert (record.accepted, record.of_unknown_meters, record.meters_with_readings) == (24, 383, 17)
    assert len(record.unknown_meters) == 16
    assert [e.meter for e in record.meter_errors] == ["ZIV0036302751"]
    answer = metering.energy("ana", date(2015, 8, 31), date(2015, 9, 2))
    assert sum(e.import_wh for e in answer.energy) == 1_900
    assert (answer.hours_expected, answer.hours_measured) == (48, 24)
