"""Every dialect and packing through the import: what reaches the curve, and what becomes of the supplies of nobody."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from services.metering.domain.hours import day_number, local_days
from services.metering.repository import curves, points
from services.metering.tables import kept_reading, quarantined_row, register_reading
from tests.support.metering import MADRID, Metering, supply_message
from tests.support.prime_files import meter, report, row
from tests.support.prime_sample import PRIME_SAMPLE, needs_prime_sample
from tests.unit.metering.formats.curve_writers import OTHER, SUPPLY, WRITERS, Hour, f1, f5d, ide, p5d
from tests.unit.metering.formats.test_curve_dialects import as_said_by, some_hours, zipped

SAMPLES = Path(__file__).resolve().parents[2] / "unit/metering/formats/samples"
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
H0 = local_days(MADRID).start_of(day_number(OCTOBER[0]))
CUPS, FOREIGN = SUPPLY[:20], OTHER[:20]


def tell(metering: Metering, name: str, cups: str, *meters: tuple[str, str, str], version: int = 1) -> None:
    """A supply with a CUPS."""
    message = supply_message(name, *meters, version=version)
    message.supply.cups = cups
    metering.tell(message)


def stored(metering: Metering, name: str) -> list[Hour]:
    """The hours of a supply's curve as they are in the store."""
    days = local_days(MADRID)
    with metering.database.read() as connection:
        point = points.point_of_supply(connection, name)
        assert point is not None
        rows = curves.curves_between(connection, [point.key], days.first, days.first + 36_000)
    found = []
    for day, values, quality in zip(rows.day.tolist(), rows.curves.values, rows.curves.quality, strict=True):
        for slot in range(days.hours_in(day)):
            if quality[slot]:
                found.append(Hour(days.start_of(day) + slot, *values[slot, :2].tolist(), int(quality[slot])))
    return found


def count(metering: Metering, table: object) -> int:
    with metering.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WRITERS)
def test_the_sample_of_each_dialect_becomes_the_supplys_curve(metering: Metering, name: str) -> None:
    tell(metering, "ana", CUPS, (SUPPLY, "2020-01-01", ""))
    sample = next(SAMPLES.glob(f"{name}.*"))
    record = metering.load(sample.read_bytes(), sample.name).record
    assert (record.format, record.accepted, record.refused, record.file_problem) == (WRITERS[name].name, 73, 0, "")
    assert (record.unknown_meters, record.unknown_supplies, record.meters_with_readings) == ([], [], 1)
    first = local_days(MADRID).start_of(day_number(date(2026, 10, 24)))
    assert stored(metering, "ana") == as_said_by(WRITERS[name], some_hours(first, 73))
    assert [(event.supply_id, event.hours_stored) for event in metering.events()] == [("ana", 73)]


def test_estimation_methods_keep_their_number_and_count_as_estimated(metering: Metering) -> None:
    tell(metering, "ana", f"{CUPS}0F")
    hours = [Hour(H0 + at, 100, 0, 1 + at % 6) for at in range(24)]
    metering.load(f1(hours, supply=CUPS))
    assert stored(metering, "ana") == hours
    answer = metering.energy("ana", OCTOBER[0], date(2026, 10, 2))
    assert (answer.hours_measured, answer.hours_estimated, answer.hours_missing) == (4, 20, 0)


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "zip"])
def test_every_packing_and_several_files_in_one(metering: Metering, pack: str) -> None:
    tell(metering, "ana", CUPS, ("M1", "2020-01-01", ""))
    tell(metering, "eva", FOREIGN)
    parts = [f5d(some_hours(H0, 30)), f5d(some_hours(H0 + 30, 30))]
    if pack == "zip":
        members = {"ana.0": parts[0], "more/ana.1": parts[1], "eva.csv": p5d(some_hours(H0, 10), supply=OTHER)}
        members |= {"s02.xml": report(meter("M1", [row(H0 + 60, 7)])), "leeme.txt": b"hola"}
        record = metering.load(zipped(members)).record
        assert record.format == "F5D + P5D + PRIME S02"
        assert record.file_problem.startswith("leeme.txt: The file is none of the known formats")
        assert (record.accepted, len(stored(metering, "eva"))) == (71, 10)
    else:
        packed = map({"gzip": gzip.compress, "bzip2": bz2.compress}[pack], parts)
        assert metering.load(b"".join(packed)).record.accepted == 60
    assert [hour.start for hour in stored(metering, "ana")][:60] == list(range(H0, H0 + 60))


def test_a_file_that_is_nothing_stores_nothing(metering: Metering) -> None:
    summary = metering.load(b"%PDF-1.7 not readings")
    assert "none of the known formats" in summary.record.file_problem
    assert (summary.record.format, summary.record.readings, summary.refused_readings) == ("", 0, [])


def test_hours_of_a_cups_of_nobody_are_kept_until_a_supply_has_it(metering: Metering) -> None:
    summary = metering.load(f5d(some_hours(H0, 48)) + f5d(some_hours(H0, 24), supply=OTHER))
    record = summary.record
    assert (record.accepted, record.of_unknown_meters, record.refused) == (0, 72, 0)
    assert (record.unknown_supplies, record.unknown_meters) == ([FOREIGN, CUPS], [])
    with metering.database.read() as connection:
        rows = connection.execute(select(quarantined_row).order_by(quarantined_row.c.number)).all()
    assert [(row.meter, row.value, row.state) for row in rows] == [
        (FOREIGN, "24 hours", "open"),
        (CUPS, "48 hours", "open"),
    ]
    again = metering.load(f5d(some_hours(H0, 48)) + b"\n").record
    assert (again.duplicates, again.of_unknown_meters, again.unknown_supplies) == (48, 0, [CUPS])

    tell(metering, "ana", f"{CUPS}1P")
    assert stored(metering, "ana") == some_hours(H0, 48)
    assert [event.hours_stored for event in metering.events()] == [48]
    with metering.database.read() as connection:
        states = connection.execute(select(quarantined_row.c.meter, quarantined_row.c.state)).all()
    assert sorted((row.meter, row.state) for row in states) == [(FOREIGN, "open"), (CUPS, "taken"), (CUPS, "taken")]
    assert count(metering, kept_reading) == 1


def test_a_cups_that_passed_from_one_supply_to_another_follows_the_contracts(metering: Metering) -> None:
    for name, start, end in (("old", "2020-01-01", "2026-10-02"), ("new", "2026-10-02", "")):
        message = supply_message(name)
        message.supply.cups = CUPS
        contract = message.supply.services[0].contracts[0]
        setattr(contract, "from", start)
        contract.to = end
        metering.tell(message)
    metering.load(p5d(some_hours(H0, 72)))
    assert [hour.start for hour in stored(metering, "old")] == list(range(H0, H0 + 24))
    assert [hour.start for hour in stored(metering, "new")] == list(range(H0 + 24, H0 + 72))


def test_a_later_file_of_another_dialect_supersedes(metering: Metering) -> None:
    """A provisional hour, then the billed one with its method: both versions stay answerable."""
    tell(metering, "ana", CUPS)
    metering.load(p5d([Hour(H0, 100), Hour(H0 + 1, 50)]))
    record = metering.load(f5d([Hour(H0, 120, 0, 3), Hour(H0 + 1, 50)])).record
    assert (record.accepted, record.superseded, record.duplicates) == (1, 1, 1)
    assert stored(metering, "ana") == [Hour(H0, 120, 0, 3), Hour(H0 + 1, 50)]


def test_quarters_become_hours_across_batches(metering: Metering) -> None:
    tell(metering, "ana", CUPS)
    metering.importer._batch_rows = 50  # several batches in a small file
    record = metering.load(ide(some_hours(H0, 100))).record
    assert (record.accepted, record.refused) == (100, 0)
    assert [hour.wh for hour in stored(metering, "ana")] == [hour.wh for hour in some_hours(H0, 100)]


def test_register_readings_are_kept_once_and_those_of_nobody_told(metering: Metering) -> None:
    tell(metering, "ana", CUPS, ("LGZ0012345678", "2020-01-01", ""))
    sample = (SAMPLES / "register.csv").read_bytes()
    first = metering.load(sample).record
    assert (first.format, first.register_readings, first.accepted, first.refused) == ("Register CSV", 5, 0, 0)
    assert first.unknown_meters == ["LGZ0012345679", "W-10231", "W-10240"]
    assert count(metering, register_reading) == 5
    again = metering.load(sample + b"\n").record
    assert (again.register_readings, again.duplicates, again.seen_before) == (0, 5, False)
    nobody = metering.load(b"account;date;reading;unit\n7777/1;31/10/2026;12,5;m3\n")
    assert (nobody.record.register_readings, nobody.record.refused) == (0, 1)
    (refused,) = nobody.refused_readings
    assert (refused.line, refused.meter, refused.value) == (2, "7777/1", "7777/1;31/10/2026;12,5;m3")
    assert "7777/1" in refused.reason


def test_a_reading_whose_meter_hangs_at_another_supply_than_it_names_is_nobodys(metering: Metering) -> None:
    """Whose consumption it was must not depend on which of two columns is believed. A CUPS has 20 characters or 22."""
    tell(metering, "ana", CUPS, ("OLD", "2020-01-01", "2026-10-15"), ("M1", "2026-10-15", ""))
    luis = supply_message("luis", ("M2", "2020-01-01", ""), ("OLD", "2026-10-15", ""))
    luis.supply.account_number, luis.supply.cups = "5556/1", FOREIGN
    metering.tell(luis)
    text = (
        "contador;cuenta;fecha;lectura;unidad\n"
        f"M1;{CUPS};31/10/2026;120;kWh\n"
        f"M2;{CUPS};31/10/2026;7120;kWh\n"
        "M2;9999/9;31/10/2026;7120;kWh\n"
        "M2;5556/1;31/10/2026;7120;kWh\n"
        f"OLD;{CUPS};14/10/2026;90;kWh\n"
        "OLD;5556/1;14/10/2026;90;kWh\n"
        "OLD;5556/1;13/10/2026;88;kWh\n"
        f";{CUPS}0F;01/11/2026;121;kWh\n"
        "NEW;5556/1;31/10/2026;1;kWh\n"
    )
    loaded = metering.load(text.encode(), "visits.csv")
    assert [(told.line, told.meter, told.reason) for told in loaded.refused_readings] == [
        (3, "M2", f'On 2026-11-01 the meter M2 hung at another supply than "{CUPS}": one of the two is wrong.'),
        (4, "M2", 'On 2026-11-01 the meter M2 hung at another supply than "9999/9": one of the two is wrong.'),
        (8, "OLD", 'On 2026-10-14 the meter OLD hung at another supply than "5556/1": one of the two is wrong.'),
    ]
    record = loaded.record
    assert (record.register_readings, record.duplicates, record.unknown_meters) == (5, 1, ["NEW"])


@pytest.mark.parametrize("sample", ["prime_s04.xml", "prime_s05.xml"])
def test_closes_of_a_concentrator(metering: Metering, sample: str) -> None:
    tell(metering, "ana", CUPS, ("M1", "2020-01-01", ""), ("M2", "2020-01-01", ""))
    data = (SAMPLES / sample).read_bytes()
    record = metering.load(data).record
    readings = {"prime_s04.xml": 2, "prime_s05.xml": 4}[sample]
    assert (record.register_readings, record.refused, record.meters_with_readings) == (readings, 0, 2)
    seen = metering.load(data).record
    assert (seen.seen_before, seen.duplicates, seen.format) == (True, readings, record.format)


@needs_prime_sample
def test_the_files_of_a_real_concentrator(metering: Metering) -> None:
    tell(metering, "ana", CUPS, ("CIR0141433184", "2010-01-01", ""))
    names = ("S02_0_20150901111051", "S04_0_20150901110412", "S05_0_20150901072044")
    hourly, monthly, daily = (
        metering.load(PRIME_SAMPLE.with_name(f"CIR4621247027_0_{name}").read_bytes(), name).record for name in names
    )
    assert (hourly.meters_with_readings, len(hourly.meter_errors), hourly.refused) == (17, 1, 0)
    assert (hourly.accepted, hourly.of_unknown_meters) == (24, 383)
    assert [(one.format, one.register_readings, one.refused) for one in (monthly, daily)] == [
        ("PRIME S04", 18, 0),
        ("PRIME S05", 18, 0),
    ]
    assert len(monthly.unknown_meters) == 17


def test_progress_counts_the_bytes_of_the_file(metering: Metering) -> None:
    tell(metering, "ana", CUPS)
    metering.importer._batch_rows = 500
    data = f5d(some_hours(H0, 2_000))
    metering.load(data)
    told: Sequence[int] = [step.bytes_read for step in metering.progress]
    assert list(told) == sorted(told) and told[-1] == len(data) and len(told) > 2


def test_the_member_sees_the_distributors_estimates_as_estimated(metering: Metering) -> None:
    tell(metering, "ana", CUPS)
    metering.load(f5d([Hour(H0, 120, 0, 3), Hour(H0 + 1, 50)]))
    metering.clock.advance(timedelta(days=1))
    answer = metering.energy("ana", *OCTOBER)
    assert (answer.hours_measured, answer.hours_estimated) == (1, 1)
