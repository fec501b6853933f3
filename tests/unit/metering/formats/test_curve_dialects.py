"""Every dialect: a sample that says the same curve, write and read gives the curve again, and what each one gets wrong."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.lines import BadRow
from services.metering.domain.formats.model import ESTIMATED
from services.metering.domain.formats.stamps import LocalClock, parse_day, parse_time
from services.metering.domain.hours import QUARTERS, hour_number, hour_start
from tests.support.prime_sample import PRIME_SAMPLE, needs_prime_sample
from tests.unit.metering.formats.curve_writers import (
    OTHER,
    SUPPLY,
    WRITERS,
    Hour,
    Writer,
    cnmc,
    datadis,
    datadis_wall,
    edistribucion,
    f5d,
    ide,
    p5d,
)

SAMPLES = Path(__file__).parent / "samples"
ORDINARY = hour_number(datetime(2026, 6, 9, 22, tzinfo=UTC))
SPRING = hour_number(datetime(2026, 3, 28, 23, tzinfo=UTC))  # local midnight of 29 March 2026: 23 hours
AUTUMN = hour_number(datetime(2026, 10, 24, 22, tzinfo=UTC))  # local midnight of 25 October 2026: 25 hours


def read(data: bytes, **more: object) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "a file", **more)  # type: ignore[arg-type]


def curve_of(file: CurveFile) -> list[Hour]:
    assert len(file.supplies) == 1, file
    curve = file.supplies[0]
    columns = (curve.start_hours, curve.import_wh, curve.export_wh, curve.quality)
    return [Hour(*map(int, row)) for row in zip(*columns, strict=True)]


def as_said_by(writer: Writer, hours: list[Hour]) -> list[Hour]:
    """The curve as far as the dialect can say it."""

    def method(number: int) -> int:
        return {"none": 1, "numbers": number, "letters": 1 if number == 1 else ESTIMATED}[writer.methods]

    return [Hour(h.start, h.wh, h.export if writer.export else 0, method(h.method)) for h in hours]


def some_hours(first: int, count: int) -> list[Hour]:
    return [Hour(first + i, 100 + 13 * i % 900, 7 * (i % 5), 1 if i % 10 else 2 + i // 10 % 5) for i in range(count)]


@pytest.mark.parametrize("name", WRITERS)
def test_all_samples_say_the_same_three_days(name: str) -> None:
    found = read_curve_file(next(SAMPLES.glob(f"{name}.*")))
    assert (found.format, found.problem, found.quarantined) == (WRITERS[name].name, "", [])
    assert curve_of(found) == as_said_by(WRITERS[name], some_hours(AUTUMN - 24, 24 + 25 + 24))
    assert found.supplies[0].name == SUPPLY


@st.composite
def curves(draw: st.DrawFn) -> list[Hour]:
    first = draw(st.sampled_from([ORDINARY, SPRING, AUTUMN])) + draw(st.integers(-30, 3))
    count = draw(st.integers(1, 60))
    kept = draw(st.sets(st.integers(0, count - 1), min_size=1))
    one = st.tuples(st.integers(0, 55_000), st.integers(0, 55_000), st.integers(1, 6))
    return [Hour(first + at, *draw(one)) for at in sorted(kept)]


@pytest.mark.parametrize("name", WRITERS)
@given(hours=curves())
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read(name: str, hours: list[Hour]) -> None:
    found = read(WRITERS[name].write(hours))
    assert (found.format, found.problem, found.quarantined) == (WRITERS[name].name, "", [])
    assert curve_of(found) == as_said_by(WRITERS[name], hours)


@given(hours=curves(), midnight=st.sampled_from(["24:00", "00:00"]), quarters=st.booleans())
@settings(max_examples=40, deadline=None)
def test_ide_in_all_its_forms(hours: list[Hour], midnight: str, quarters: bool) -> None:
    found = read(ide(hours, midnight=midnight, quarters=quarters))
    assert (found.quarantined, curve_of(found)) == ([], as_said_by(WRITERS["ide"], hours))


@pytest.mark.parametrize("first", [SPRING, AUTUMN, ORDINARY])
def test_ide_without_season_flag_is_told_by_the_order(first: int) -> None:
    hours = some_hours(first, 40)
    found = read(ide(hours, flag=False))
    assert (found.quarantined, curve_of(found)) == ([], as_said_by(WRITERS["ide"], hours))


@pytest.mark.parametrize(("first", "count"), [(SPRING, 23), (AUTUMN, 25), (ORDINARY, 24)])
def test_whole_days_by_the_wall_clock_and_by_number_are_the_same(first: int, count: int) -> None:
    hours = some_hours(first, count)
    by_number, by_wall = read(datadis(hours)), read(datadis_wall(hours))
    assert by_number.quarantined == by_wall.quarantined == []
    assert curve_of(by_number) == curve_of(by_wall) == as_said_by(WRITERS["datadis"], hours)


def test_the_worked_rows_of_the_25_hour_day() -> None:
    rows = "25/10/2026;2;0,117;R\n", "25/10/2026;3;0,109;R\n", "25/10/2026;25;0,131;E\n"
    found = read(("CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion\n" + "".join(f"{SUPPLY};{r}" for r in rows)).encode())
    assert curve_of(found) == [Hour(AUTUMN + 1, 117), Hour(AUTUMN + 2, 109), Hour(AUTUMN + 24, 131, 0, ESTIMATED)]
    assert hour_start(AUTUMN + 24) == datetime(2026, 10, 25, 22, tzinfo=UTC)


def test_the_repeated_hour_of_f5d_is_told_by_its_season() -> None:
    rows = [f"{SUPPLY};2026/10/25 02:00;{season};{wh};0;0;0;0;0;1;1;F1;" for season, wh in ((1, 117), (0, 109))]
    assert curve_of(read("\n".join(rows).encode())) == [Hour(AUTUMN + 1, 117), Hour(AUTUMN + 2, 109)]


def test_hour_24_of_f5d_is_midnight_of_the_next_day() -> None:
    row = f"{SUPPLY};2026/06/11 00:00;1;117;0;0;0;0;0;3;1;F1;"
    assert curve_of(read(row.encode())) == [Hour(ORDINARY + 23, 117, 0, 3)]


def test_invoice_numbers_stay_with_their_hours() -> None:
    hours = some_hours(ORDINARY, 6)
    data = f5d(hours[:2], invoice="F2") + f5d(hours[2:5], invoice="F1") + f5d(hours[5:], invoice="")
    curve = read(data).supplies[0]
    parts = [(number, part.start_hours.tolist()) for number, part in curve.by_invoice()]
    starts = [h.start for h in hours]
    assert parts == [("F2", starts[:2]), ("F1", starts[2:5]), (None, starts[5:])]
    assert read(p5d(hours)).supplies[0].invoices is None


def test_an_hour_with_a_missing_quarter_is_no_hour() -> None:
    lines = ide(some_hours(ORDINARY, 3)).splitlines(keepends=True)
    found = read(b"".join(lines[:6] + lines[7:]))
    assert [h.start for h in curve_of(found)] == [ORDINARY, ORDINARY + 2]
    assert [q.line for q in found.quarantined] == [6, 7, 8]
    assert "1 of the 4 quarters" in found.quarantined[0].reason


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y-%m-%d"])
@pytest.mark.parametrize("sign", [",", "."])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_both_date_forms_both_decimal_signs_and_a_byte_order_mark(form: str, sign: str, bom: bytes) -> None:
    hours = some_hours(ORDINARY, 5)
    found = read(bom + cnmc(hours, form=form, sign=sign))
    assert (found.quarantined, curve_of(found)) == ([], as_said_by(WRITERS["cnmc"], hours))


@pytest.mark.parametrize("name", ["cnmc", "datadis", "edistribucion"])
@pytest.mark.parametrize("change", ["none", "damaged", "cr", "crlf", "utf-16", "no last end"])
def test_a_file_without_its_heading_or_with_other_line_ends(name: str, change: str) -> None:
    hours = some_hours(ORDINARY, 30)
    data = WRITERS[name].write(hours)
    changed = {
        "none": data.split(b"\n", 1)[1],
        "damaged": data.replace(b"echa", b"\xff\xffha", 1),
        "cr": data.replace(b"\n", b"\r"),
        "crlf": data.replace(b"\n", b"\r\n"),
        "utf-16": data.decode().encode("utf-16"),
        "no last end": data.rstrip(b"\n"),
    }[change]
    found = read(changed)
    assert curve_of(found) == as_said_by(WRITERS[name], hours)
    assert [q.line for q in found.quarantined] == ([1] if change == "damaged" else [])


@pytest.mark.parametrize("heading", ["AS_kWh", "energiaVertida_kWh", "Energía_vertida_kWh"])
def test_what_was_given_to_the_grid_is_known_by_any_of_its_headings(heading: str) -> None:
    """A surplus that is not read is not compensated."""
    rows = [f"CUPS;Fecha;Hora;Consumo_kWh;Metodo_obtencion;{heading}", f"{SUPPLY};10/06/2026;1;0,117;R;0,500"]
    (hour,) = curve_of(read("\n".join(rows).encode()))
    assert (hour.wh, hour.export) == (117, 500)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("change", [b"", b"\x00", b"\n", b"abc"])
def test_a_byte_lost_or_too_many_in_utf_16_costs_its_row_alone(encoding: str, end: str, change: bytes) -> None:
    """The pairs of bytes are found again at the next end of a line."""
    hours = some_hours(ORDINARY, 400)
    data = f"\ufeff{cnmc(hours).decode()}".replace("\n", end).encode(encoding)
    rows = cnmc(hours).decode().splitlines()
    expected = set(as_said_by(WRITERS["cnmc"], hours))
    for row, offset in ((3, 20), (200, 41), (396, 1)):
        at = 2 + 2 * (sum(len(line) + len(end) for line in rows[:row]) + offset // 2) + offset % 2
        kept = set(curve_of(read(data[:at] + change + data[at + (change != b"abc") :])))
        assert len(expected - kept) <= 1 and len(kept - expected) <= 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ES057500000000877HA;10/06/2026;1;0,117;R", "not a CUPS"),
        (f"{SUPPLY};31/06/2026;1;0,117;R", "no day 2026-06-31"),
        (f"{SUPPLY};10/06/1807;1;0,117;R", "year 1807"),
        (f"{SUPPLY};10/06/2026;0;0,117;R", "no hour 0"),
        (f"{SUPPLY};10/06/2026;25;0,117;R", "no hour 25"),
        (f"{SUPPLY};29/03/2026;24;0,117;R", "no hour 24"),
        (f"{SUPPLY};10/06/2026;24:15:00x;0,117;R", "not a time"),
        (f"{SUPPLY};10/06/2026;1;-0,117;R", "negative"),
        (f"{SUPPLY};10/06/2026;1;nan;R", "not a number"),
        (f"{SUPPLY};10/06/2026;1;1.234,5;R", "not a number"),
        (f"{SUPPLY};10/06/2026;1;;R", "missing"),
        (f"{SUPPLY};10/06/2026;1;99999999999;R", "not credible"),
        (f"{SUPPLY};10/06/2026;1;0,117;X", "obtaining method"),
        (f"{SUPPLY};10/06/2026;1;0,117", "4 fields, not 5"),
    ],
)
def test_a_bad_row_says_why_and_costs_no_other(row: str, reason: str) -> None:
    hours = some_hours(ORDINARY + 48, 3)
    lines = cnmc(hours).decode().splitlines()
    found = read("\n".join([*lines[:2], row, *lines[2:]]).encode())
    assert curve_of(found) == as_said_by(WRITERS["cnmc"], hours)
    assert [(q.line, q.value) for q in found.quarantined] == [(3, row)]
    assert reason in found.quarantined[0].reason


def test_a_season_flag_against_the_calendar_is_no_other_hour() -> None:
    found = read(p5d(some_hours(ORDINARY, 4)).replace(b"01:00;1;", b"01:00;0;"))
    assert len(curve_of(found)) == 3
    assert "winter" in found.quarantined[0].reason


@pytest.mark.parametrize(
    ("stamp", "end"),
    [
        ("2026/10/25 02:00;1", 0),
        ("2026/10/25 02:45;1", 45),
        ("2026/10/25 02:00;0", 60),
        ("2026/10/25 03:00;1", 60),
        ("2026/10/25 02:15;0", 75),
        ("2026/10/25 03:15;1", None),
        ("2026/10/25 03:00;0", 120),
        ("2026/03/29 01:45;0", 45),
        ("2026/03/29 02:00;0", 60),
        ("2026/03/29 03:00;1", 60),
        ("2026/03/29 03:00;0", None),
        ("2026/03/29 02:15;0", None),
        ("2026/03/29 03:15;0", None),
        ("2026/03/29 03:15;1", 75),
    ],
)
def test_at_the_change_of_the_clock_the_season_is_the_one_of_the_stamp(stamp: str, end: int | None) -> None:
    """Minutes from 00:00Z of the end of the interval; the change itself may be written by either clock."""
    clock = LocalClock(Context("Europe/Madrid", None))
    day, time = stamp[:10], stamp[11:16]
    if end is None:
        with pytest.raises(BadRow, match=f"The season flag {stamp[-1]} says .* time, which .* {time} is not"):
            clock.quarter_by_season(parse_day(day), parse_time(time), int(stamp[-1]))
        return
    quarter = clock.quarter_by_season(parse_day(day), parse_time(time), int(stamp[-1]))
    assert quarter + 1 == parse_day(day) * 24 * QUARTERS + end // 15


def test_hours_of_the_future_are_quarantined() -> None:
    hours = some_hours(ORDINARY, 50)
    found = read(p5d(hours), received_at=hour_start(ORDINARY + 10))
    assert curve_of(found) == as_said_by(WRITERS["p5d"], hours[:34])
    assert {q.reason for q in found.quarantined} == {"The hour lies in the future: the clock that wrote it is wrong."}


def test_of_two_values_for_an_hour_the_later_stands_and_the_other_is_told() -> None:
    data = p5d([Hour(ORDINARY, 100), Hour(ORDINARY, 100), Hour(ORDINARY, 120)])
    found = read(data)
    assert curve_of(found) == [Hour(ORDINARY, 120)]
    assert [q.line for q in found.quarantined] == [2]


def test_a_cups_of_20_and_of_22_characters_is_one_supply() -> None:
    found = read(p5d([Hour(ORDINARY, 1)]) + p5d([Hour(ORDINARY + 1, 2)], supply=f" {SUPPLY[:20].lower()}"))
    assert curve_of(found) == [Hour(ORDINARY, 1), Hour(ORDINARY + 1, 2)]


def test_export_is_kept_and_autoconsumption_is_not() -> None:
    data = edistribucion([Hour(ORDINARY, 500, 1200)]).replace(b";;R", b";9,999;R")
    assert curve_of(read(data)) == [Hour(ORDINARY, 500, 1200)]


def test_kwh_are_rounded_half_up_to_whole_wh() -> None:
    rows = "".join(f"{SUPPLY};10/06/2026;{at};{kwh};R\n" for at, kwh in enumerate(("0,0005", "0,00049", "1", "1."), 1))
    assert [h.wh for h in curve_of(read(rows.encode()))] == [1, 0, 1000, 1000]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_compressed_files_are_told_by_content(pack: object) -> None:
    hours = some_hours(ORDINARY, 500)
    first, second = pack(f5d(hours[:200])), pack(f5d(hours[200:]))  # type: ignore[operator]
    found = read(first + second)
    assert (found.problem, curve_of(found)) == ("", hours)
    cut = read((first + second)[:-30])
    assert "cut short" in cut.problem
    assert curve_of(cut)[:200] == hours[:200]


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def test_a_zip_of_several_dialects() -> None:
    hours = some_hours(ORDINARY, 30)
    found = read(zipped({"a.0": f5d(hours), "b.csv": cnmc(hours, supply=OTHER), "leeme.txt": b"hola", "c": b""}))
    assert found.format == "F5D + CNMC CSV"
    assert [(curve.name, len(curve)) for curve in found.supplies] == [(SUPPLY, 30), (OTHER, 30)]
    assert "leeme.txt: The file is none of the known formats" in found.problem
    assert "c: The file is empty." in found.problem
    bad = read(zipped({"a": p5d(hours), "b": b"x\n" + p5d(hours, supply=OTHER)}))
    assert [(q.member, q.line, q.value) for q in bad.quarantined] == [("b", 1, "x")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lambda data: zipped({"a": data})])
def test_a_bomb_is_refused_and_what_came_before_is_kept(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metering.domain.formats.packing.MAX_FREE", 1 << 20)
    hours = some_hours(ORDINARY, 30)
    found = read(pack(p5d(hours) + b"\n" * (8 << 20)))  # type: ignore[operator]
    assert "unpacks to more than" in found.problem
    assert curve_of(found) == as_said_by(WRITERS["p5d"], hours)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"\n\n", "none of the known formats"),
        (b"PK\x03\x04 and no more", "damaged"),
        (gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "an archive inside an archive"),
        (zipped({"inner.zip": zipped({"a.csv": b"x"})}), "an archive inside an archive"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Report IdRpt="S02">&b;</Report>', "entity"),
        (b"<html></html>", "not a PRIME report"),
    ],
)
def test_a_file_that_is_nothing_says_so(data: bytes, problem: str) -> None:
    found = read(data)
    assert problem in found.problem
    assert (found.format, found.supplies) == ("", [])


def test_a_path_is_read_by_content_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "curve.xml"
    path.write_bytes(gzip.compress(f5d(some_hours(ORDINARY, 3))))
    assert (read_curve_file(path).name, read_curve_file(path).format) == ("curve.xml", "F5D")


@needs_prime_sample
def test_the_report_of_a_real_concentrator() -> None:
    found = read_curve_file(PRIME_SAMPLE)
    assert (found.format, len(found.supplies), sum(map(len, found.supplies))) == ("PRIME S02", 17, 407)
    assert sum(int(curve.export_wh.sum()) for curve in found.supplies if curve.meter == "CIR0308247071") == 18_000
    assert [q.line for q in found.quarantined] == [444]


def test_a_damaged_first_row_does_not_overrule_a_right_heading() -> None:
    hours = some_hours(ORDINARY, 4)
    found = read(ide(hours, quarters=False).replace(b";1;100;", b";1;x100;"))
    assert curve_of(found) == as_said_by(WRITERS["ide"], hours[1:])
    assert [(q.line, q.reason) for q in found.quarantined] == [(2, 'The consumption is "x100": not a number.')]


def test_the_same_stamps_in_the_canaries_are_an_hour_later() -> None:
    data = p5d(some_hours(ORDINARY, 3))
    assert [h.start for h in curve_of(read(data, zone_name="Atlantic/Canary"))] == [ORDINARY + 1 + i for i in range(3)]
