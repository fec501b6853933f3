"""Dialects that carry register readings: what is written is read, and what each one gets wrong."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.readings import CHANNELS
from services.metering.domain.registers import LITRE, WATER, WH, MaximumPower, RegisterRow
from tests.support.prime_sample import PRIME_SAMPLE, needs_prime_sample
from tests.unit.metering.formats.register_writers import english, midnight, s04, s05, spanish

SAMPLES = Path(__file__).parent / "samples"
CUPS = "ES0575000000000877HA"
DAYS = st.sampled_from(
    [date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 10, 26), date(2026, 6, 1), date(2027, 1, 1)]
)
Writer = Callable[..., bytes]


def read(data: bytes, **more: object) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "a file", **more)  # type: ignore[arg-type]


def taken(data: bytes, **more: object) -> list[RegisterRow]:
    """The readings of a file of which nothing was quarantined, without the lines they stand in."""
    found = read(data, **more)
    assert (found.problem, found.quarantined, found.supplies) == ("", [], [])
    return [replace(row, line=0) for row in found.closes]


def daily(day: date = date(2026, 11, 1), meter: str = "M1", periods: int = 6) -> RegisterRow:
    """A meter with whole kWh in every register."""
    values = {channel: tuple(1000 * (n + 10 * p) for p in range(1, periods + 1)) for n, channel in enumerate(CHANNELS)}
    totals = {channel: sum(some) for channel, some in values.items()}
    return RegisterRow(meter, "", day, Origin.REMOTE_MANAGEMENT, WH, values, totals)


def monthly(day: date = date(2026, 11, 1), since: date | None = date(2026, 10, 1)) -> RegisterRow:
    at = datetime(2026, 10, 8, 11, tzinfo=UTC)
    power = (MaximumPower(1, 471, at), *(MaximumPower(period, 0, None) for period in range(2, 7)))
    return replace(daily(day), since=since, max_power=power)


@st.composite
def closes(draw: st.DrawFn) -> list[RegisterRow]:
    rows = []
    for meter in draw(st.sets(st.sampled_from(["CIR1", "ZIV2", "SAG & CO"]), min_size=1)):
        for day in draw(st.sets(DAYS, min_size=1)):
            count = draw(st.integers(1, 6))
            whs = st.tuples(*[st.integers(0, 10**12)] * count)
            values = {channel: draw(whs) for channel in CHANNELS}
            totals = {channel: draw(st.integers(0, 10**12)) for channel in CHANNELS}
            rows.append(RegisterRow(meter, "", day, Origin.REMOTE_MANAGEMENT, WH, values, totals))
    return rows


@given(rows=closes(), magnitude=st.sampled_from([1, 1000]), winter=st.booleans())
@settings(max_examples=40, deadline=None)
def test_daily_closes_written_are_read(rows: list[RegisterRow], magnitude: int, winter: bool) -> None:
    data = s05(rows, magnitude=magnitude, winter_all_year=winter).replace(b"SAG & CO", b"SAG &amp; CO")
    assert taken(data) == rows


@given(rows=closes(), watts=st.integers(0, 15_000), since=st.none() | DAYS, winter=st.booleans())
@settings(max_examples=40, deadline=None)
def test_monthly_closes_written_are_read(rows: list[RegisterRow], watts: int, since: date | None, winter: bool) -> None:
    at = datetime(2026, 10, 25, 1, 15, tzinfo=UTC) if watts else None  # within the hour that comes twice
    rows = [
        replace(
            row,
            since=since,
            max_power=tuple(MaximumPower(p + 1, watts, at) for p in range(len(row.registers["import"]))),
        )
        for row in rows
    ]
    assert taken(s04(rows, winter_all_year=winter).replace(b"SAG & CO", b"SAG &amp; CO")) == rows


@st.composite
def hand_readings(draw: st.DrawFn) -> list[RegisterRow]:
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        water = draw(st.booleans())
        count = 1 if water else draw(st.sampled_from([1, 3, 6]))
        values = draw(st.tuples(*[st.integers(0, 10**9)] * count))
        channel = WATER if water else "import"
        totals = {channel: draw(st.integers(0, 10**9))} if count > 1 and draw(st.booleans()) else {}
        origin = draw(st.sampled_from([Origin.VISUAL, Origin.PORTABLE, Origin.SELF_READING, Origin.REMOTE]))
        meter, supply = draw(st.sampled_from([("W-1", ""), ("", CUPS), ("", "5555/1"), ("LGZ 7", CUPS)]))
        unit = LITRE if water else WH
        rows.append(RegisterRow(meter, supply, draw(DAYS), origin, unit, {channel: values}, totals))
    return rows


@given(rows=hand_readings())
@settings(max_examples=60, deadline=None)
def test_readings_by_hand_written_are_read(rows: list[RegisterRow]) -> None:
    assert taken(spanish(rows)) == rows
    single = [row for row in rows if len(next(iter(row.registers.values()))) == 1]
    if single:
        assert taken(english(single)) == single


@pytest.mark.parametrize(
    ("sample", "name", "count"),
    [("prime_s04.xml", "PRIME S04", 2), ("prime_s05.xml", "PRIME S05", 4), ("register.csv", "Register CSV", 5)],
)
def test_the_samples(sample: str, name: str, count: int) -> None:
    found = read_curve_file(SAMPLES / sample)
    assert (found.format, found.problem, found.quarantined, len(found.closes)) == (name, "", [], count)


def test_the_sample_of_readings_by_hand_says_what_the_office_wrote() -> None:
    rows = read_curve_file(SAMPLES / "register.csv").closes
    assert [(row.meter, row.supply, row.day.isoformat(), row.origin.name, row.unit) for row in rows] == [
        ("LGZ0012345678", CUPS, "2026-11-01", "VISUAL", "Wh"),
        ("LGZ0012345679", "", "2026-11-01", "PORTABLE", "Wh"),
        ("W-10231", "5555/1", "2026-10-01", "VISUAL", "litre"),
        ("W-10231", "5555/1", "2026-11-01", "SELF_READING", "litre"),
        ("W-10240", "", "2026-11-01", "ESTIMATED", "litre"),
    ]
    assert rows[0].registers == {"import": (5_120_400, 3_010_000, 7_755_250)}
    assert rows[0].totals == {"import": 15_885_650}
    assert rows[3].registers == {"water": (1_204_318,)}


def test_several_concentrators_in_one_file_and_a_meter_that_answered_with_an_error() -> None:
    first, second = s05([daily(meter="A")]), s05([daily(meter="B")])
    cut = first.replace(b"</Report>", b"") + second.split(b"\n", 1)[1]
    failed = cut.replace(b"</Cnc>", b'<Cnt Id="C" ErrCat="3" ErrCode="7"/></Cnc>', 1)
    found = read(failed)
    assert [row.meter for row in found.closes] == ["A", "B"]
    assert [row.value for row in found.quarantined] == ["C ErrCode=7 ErrCat=3"]


def test_other_contracts_are_left_aside() -> None:
    other = s05([daily()], contract="2").split(b"\n")[3:-3]
    data = s05([daily()]).replace(b"</Cnt>", b"\n".join([*other, b"</Cnt>"]))
    assert taken(data) == [daily()]
    assert taken(s04([monthly()], contract="3")) == []


@pytest.mark.parametrize(
    ("end", "day"),
    [
        ("20261101000000000W", date(2026, 11, 1)),
        ("20261031235959000W", date(2026, 11, 1)),
        ("20261101001500000W", date(2026, 11, 1)),
        ("20261031234400000W", date(2026, 11, 1)),
        ("20261025000000000S", date(2026, 10, 25)),
        ("20261026000000000W", date(2026, 10, 26)),
        ("20260601000000000W", date(2026, 6, 1)),
    ],
)
def test_a_stamp_near_midnight_is_that_midnight(end: str, day: date) -> None:
    data = s05([daily()]).replace(b"20261101000000000W", end.encode())
    assert [row.day for row in taken(data)] == [day]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b'Fh="20261101000000000W"', b'Fh="20261101120000000W"', "not within two hours of a local midnight"),
        (b'Fh="20261101000000000W"', b'Fh="FFFFFFFFFFFFFFW"', "no instant that a meter could have closed at"),
        (b'Fh="20261101000000000W"', b'Fh="18070101000000000W"', "no instant"),
        (b'Fh="20261101000000000W"', b'Fh="20270601000000000S"', "no instant"),
        (b'Fh="20261101000000000W"', b"", 'Fh is ""'),
        (b'Pt="2"', b'Pt="7"', 'Pt is "7"'),
        (b'Pt="2"', b'Pt="1"', "Pt 1 comes twice"),
        (b'AIa="20"', b'AIa="-20"', "never negative"),
        (b'AIa="20"', b'AIa="1e3"', "not a number"),
        (b'AIa="20"', b'AIa="9999999999999"', "not a number"),
        (b'AIa="20" ', b"", "AIa of Pt 2 is missing"),
        (b'Id="M1"', b'Id=""', "no Id"),
        (b'Id="M1"', b'Id="M1" Magn="10"', 'Magn is "10"'),
        (b'Ctr="1"', b"", "names no contract"),
    ],
)
def test_a_bad_close_is_quarantined_whole_and_costs_no_other(before: bytes, after: bytes, reason: str) -> None:
    bad = s05([daily()])
    assert before in bad
    good = s05([daily(meter="M2")]).split(b"\n")
    data = bad.replace(before, after).replace(b"</Cnc>", b"\n".join(good[2:-2]) + b"\n</Cnc>")
    found = read(data, received_at=datetime(2026, 11, 21, 12, 30, tzinfo=UTC))
    assert [row.meter for row in found.closes] == ["M2"]
    assert reason in found.quarantined[0].reason
    assert found.quarantined[0].line == 4


def test_a_missing_part_makes_no_close_of_the_rest() -> None:
    lines = s05([daily()]).split(b"\n")
    middle = read(b"\n".join(lines[:7] + lines[9:]))  # without P2
    assert (middle.closes, middle.quarantined[0].reason) == ([], "The register of P2 is missing.")


@pytest.mark.parametrize("at", range(7))
def test_a_damaged_part_makes_no_close_of_the_rest(at: int) -> None:
    """Also the last one: six registers are not five."""
    other = replace(daily(), day=date(2026, 11, 2))
    whole = s05([daily(), other])
    part = whole.split(b"\n")[3 + 2 * at]
    found = read(whole.replace(part, part.replace(b'Ctr="1"', b'Ctr="1'), 1))
    assert [row.day for row in found.closes] == [other.day]
    assert "A part of this close was lost" in " ".join(row.reason for row in found.quarantined)


def test_a_report_cut_short_gives_the_closes_before_the_cut() -> None:
    whole = s05([daily(), daily(date(2026, 11, 2))])
    found = read(whole[: whole.rindex(b'Pt="6"')])
    assert [row.day for row in found.closes] == [date(2026, 11, 1)]
    assert "cut short" in found.problem


@pytest.mark.parametrize("bloated", ["attribute", "many"])
def test_a_bloated_report_stays_in_bounded_memory(bloated: str) -> None:
    begin, *_ = s05([]).partition(b"</Cnc>")
    if bloated == "attribute":
        element = b'<S05 Fh="20261101000000000W" Ctr="1" Pt="1"><Value AIa="' + b"9" * 900_000 + b'"/></S05>'
        parts = [element] * 40
    else:
        parts = [b'<S05 Fh="20261101000000000W" Ctr="1" Pt="1"><Value AIa="1"/></S05>' * 1_000] * 30

    class Pieces(io.RawIOBase):
        def __init__(self) -> None:
            self.left = [begin + b'<Cnt Id="M">', *parts]

        def read(self, size: int = -1) -> bytes:
            return self.left.pop(0) if self.left else b""

    tracemalloc.start()
    try:
        found = read_curve_file(Pieces(), "bloated")  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    assert found.quarantined or found.closes


def test_the_first_close_of_a_meter_does_not_know_when_it_began() -> None:
    (row,) = taken(s04([monthly(since=None)]))
    assert (row.since, row.day) == (None, date(2026, 11, 1))


def test_a_close_at_a_change_of_contract_begins_on_that_day() -> None:
    data = s04([monthly()]).replace(b'Fhi="20261001000000000S"', b'Fhi="20261016114400000S"')
    assert [row.since for row in taken(data)] == [date(2026, 10, 16)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("M1;;31/02/2026;1;2;3;;;;;kWh;visual", "no day 2026-02-31"),
        ("M1;;31/10/2127;1;2;3;;;;;kWh;visual", "year 2127"),
        ("M1;;21/11/2027;1;2;3;;;;;kWh;visual", "in the future"),
        ("M1;;31/10/2026;1;;3;;;;;kWh;visual", "P2 is missing"),
        ("M1;;31/10/2026;;;;;;;;kWh;visual", "The reading is missing"),
        ("M1;;31/10/2026;1;-2;3;;;;;kWh;visual", "never negative"),
        ("M1;;31/10/2026;1.234,5;2;3;;;;;kWh;visual", "not a number"),
        ("M1;;31/10/2026;1;2;3;;;;;m3;visual", "one register"),
        ("M1;;31/10/2026;1;2;3;;;;;;visual", 'The unit is ""'),
        ("M1;;31/10/2026;1;2;3;;;;;kWh;guessed", 'The origin is "guessed"'),
        (";;31/10/2026;1;2;3;;;;;kWh;visual", "neither a meter nor a supply"),
        (";ES12;31/10/2026;1;2;3;;;;;kWh;visual", "not a CUPS"),
        ("M1;31/10/2026;1", "3 fields, not 12"),
        ("M1;;31/10/2026 7h;1;2;3;;;;;kWh;visual", "not a time"),
    ],
)
def test_a_bad_reading_says_why_and_costs_no_other(row: str, reason: str) -> None:
    good = RegisterRow("M2", "", date(2026, 11, 1), Origin.VISUAL, LITRE, {WATER: (1500,)})
    lines = spanish([good]).decode().splitlines()
    now = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    found = read("\n".join([lines[0], row, *lines[1:]]).encode(), received_at=now)
    assert [replace(one, line=0) for one in found.closes] == [good]
    assert [(q.line, q.value) for q in found.quarantined] == [(2, row)]
    assert reason in found.quarantined[0].reason


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("31/10/2026", date(2026, 11, 1)),
        ("2026-10-31T00:00:00", date(2026, 10, 31)),
        ("31/10/2026 09:30", date(2026, 11, 1)),
        ("31/10/2026 24:00", date(2026, 11, 1)),
        ("24/10/2026", date(2026, 10, 25)),
    ],
)
def test_a_reading_by_hand_counts_at_the_end_of_its_day(written: str, day: date) -> None:
    assert [row.day for row in taken(f"medidor\tfecha\tlectura (m3)\nW1\t{written}\t12,5\n".encode())] == [day]


def test_todays_reading_is_taken_and_tomorrows_is_not() -> None:
    now = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    found = read(b"meter;date;reading;unit\nW1;21/11/2026;1;m3\nW1;22/11/2026;2;m3\n", received_at=now)
    assert [row.day for row in found.closes] == [date(2026, 11, 22)]
    assert [row.line for row in found.quarantined] == [3]


@pytest.mark.parametrize("change", ["bom", "utf-16", "latin-1", "crlf", "quotes"])
def test_a_table_however_it_was_saved(change: str) -> None:
    text = "Nº contador;Fecha;Lectura (m³);Origen\nW1;31/10/2026;12,5;estimación\n"
    data = {
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "utf-16": text.encode("utf-16"),
        "latin-1": text.encode("latin-1"),
        "crlf": text.replace("\n", "\r\n").encode(),
        "quotes": text.replace("W1", '"W1"').replace("Fecha", '"Fecha"').encode(),
    }[change]
    (row,) = taken(data)
    assert (row.meter, row.registers, row.origin) == ("W1", {WATER: (12_500,)}, Origin.ESTIMATED)


def test_the_local_midnight_is_that_of_the_zone() -> None:
    data = s05([daily()])
    assert [row.day for row in taken(data, zone_name="Atlantic/Canary")] == [date(2026, 11, 1)]
    assert midnight(date(2026, 11, 1)) - timedelta(hours=1) == datetime(2026, 10, 31, 22, tzinfo=UTC)


@needs_prime_sample
@pytest.mark.parametrize(
    ("report", "since"), [("S04_0_20150901110412", date(2015, 8, 1)), ("S05_0_20150901072044", None)]
)
def test_the_closes_of_a_real_concentrator(report: str, since: date | None) -> None:
    found = read_curve_file(PRIME_SAMPLE.with_name(f"CIR4621247027_0_{report}"))
    assert (len(found.closes), found.quarantined, found.problem) == (18, [], "")
    assert {(row.day, row.since) for row in found.closes} == {(date(2015, 9, 1), since)}
    first = found.closes[0]
    assert (first.meter, first.registers["import"][:2], first.totals["import"]) == (
        "CIR0141433184",
        (134_000, 174_000),
        308_000,
    )
    if since:
        assert first.max_power[0] == MaximumPower(1, 471, datetime(2015, 8, 8, 11, tzinfo=UTC))
