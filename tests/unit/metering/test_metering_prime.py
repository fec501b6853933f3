"""PRIME S02: worked lines, the sample of a real concentrator, property tests and everything a file can do wrong."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.hours import day_number, hour_number, local_days, standard_offset
from services.metering.domain.prime import S02Reader, read_s02
from services.metering.domain.readings import DOUBTFUL, REAL, ReadingBatch
from tests.support.prime_files import hourly, meter, report, row, stamp
from tests.support.prime_sample import PRIME_SAMPLE, needs_prime_sample

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
H0 = hour_number(datetime(2026, 10, 5, 22, tzinfo=UTC))  # local midnight of 6 October 2026 in Madrid


class Read:
    """Everything a reader says about a file, gathered."""

    def __init__(self, data: bytes, zone: str = "Europe/Madrid", piece: int = 1 << 16, **more: int) -> None:
        self.reader = S02Reader(zone, NOW, **more)
        pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
        self.batches: list[ReadingBatch] = list(read_s02(self.reader, pieces))
        self.problem = self.reader.problem
        self.refused = [refused for batch in self.batches for refused in batch.refused]
        self.errors = [error for batch in self.batches for error in batch.errors]
        self.rows = [
            (batch.meters[m], int(h), int(v[0]), int(v[1]), int(q))
            for batch in self.batches
            for m, h, v, q in zip(batch.meter, batch.hour, batch.values, batch.quality, strict=True)
        ]

    @property
    def reasons(self) -> list[str]:
        return [refused.reason for refused in self.refused]


def one(text: str, **more: int) -> Read:
    return Read(report(meter("M1", [text])), **more)


def test_the_repeated_hour_of_october_is_two_hours() -> None:
    lines = [
        '<S02 Fh="20261025020000000S" Bc="00" AI="117" AE="0" R1="12" R2="0" R3="0" R4="8"/>',
        '<S02 Fh="20261025020000000W" Bc="00" AI="109" AE="0" R1="10" R2="0" R3="0" R4="7"/>',
    ]
    read = Read(report(meter("CIR0141433184", lines)))
    ends = [datetime(2026, 10, 25, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
    assert [(r[1] + 1, r[2]) for r in read.rows] == [(hour_number(ends[0]), 117), (hour_number(ends[1]), 109)]
    assert read.batches[0].values.tolist() == [[117, 0, 12, 0, 0, 8], [109, 0, 10, 0, 0, 7]]


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Atlantic/Canary", "America/Argentina/Buenos_Aires"])
def test_summer_is_said_only_of_hours_that_touch_it_and_winter_of_any(zone: str) -> None:
    """An hour flagged wrongly would take the place of the hour before it."""
    civil, clock = ZoneInfo(zone), local_days(zone)
    winter = standard_offset(zone, NOW)
    first_days = [clock.start_of(day_number(day)) for day in (date(2026, 3, 28), date(2026, 10, 24))]
    taken = []
    for start in (hour for first in first_days for hour in range(first, first + 72)):
        instants = [datetime.fromtimestamp(hour * 3600, civil) for hour in (start, start + 1)]
        for letter, offset in (("S", winter + 1), ("W", winter)):
            end = datetime.fromtimestamp((start + 1 + offset) * 3600, UTC)
            lines = [f'<S02 Fh="{end:%Y%m%d%H}0000000{letter}" Bc="00" AI="5" AE="0"/>']
            taken.append((lines[0], start, letter == "W" or any(at.dst() for at in instants)))
    read = Read(report(meter("M1", [line for line, _, _ in taken])), zone=zone)
    assert [found[1] for found in read.rows] == [start for _, start, fits in taken if fits]
    assert len(read.refused) == sum(not fits for _, _, fits in taken)
    assert {fits for _, _, fits in taken} == {True, False}


def test_the_same_stamp_in_the_canaries_is_an_hour_later() -> None:
    line = '<S02 Fh="20260115120000000W" Bc="00" AI="1" AE="0"/>'
    madrid, canary = one(line), Read(report(meter("M1", [line])), zone="Atlantic/Canary")
    argentina = Read(report(meter("M1", [line])), zone="America/Argentina/Buenos_Aires")
    assert canary.rows[0][1] - madrid.rows[0][1] == 1
    assert argentina.rows[0][1] - madrid.rows[0][1] == 4


@needs_prime_sample
def test_the_sample_of_a_real_concentrator() -> None:
    read = Read(PRIME_SAMPLE.read_bytes())
    meters = {r[0] for r in read.rows}
    assert (len(meters), len(read.rows), read.refused, read.problem) == (17, 407, [], "")
    assert [(e.meter, e.code, e.category, e.line) for e in read.errors] == [("ZIV0036302751", "3", "3", 444)]
    assert sum(r[2] for r in read.rows if r[0] == "CIR0141433184") == 1_900
    assert sum(r[2] for r in read.rows if r[0] == "CIR0308247071") == 14_000  # Magn 1000
    assert sum(r[3] for r in read.rows if r[0] == "CIR0308247071") == 18_000
    assert read.rows[0][1] == hour_number(datetime(2015, 8, 30, 23, tzinfo=UTC))  # ends at 02:00 summer time


@pytest.mark.parametrize(
    ("value", "magn", "wh"),
    [
        ("117", "1", 117),
        ("12.5", "1000", 12_500),
        ("0,4", "1", 0),
        ("0.5", "1", 1),
        ("1.2345", "1000", 1_235),
        ("55000", "1", 55_000),
    ],
)
def test_values_become_whole_wh(value: str, magn: str, wh: int) -> None:
    read = Read(report(meter("M1", [row(H0, value)], magn=magn)))
    assert [r[2] for r in read.rows] == [wh]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (row(H0, "-5"), 'AI is "-5": an hour cannot measure a negative energy.'),
        (row(H0, "55001"), "AI is 55,001 Wh in one hour, more than 55,000 Wh: not credible."),
        (row(H0, "9" * 40), "not a number"),
        (row(H0, "999999999999"), "not credible"),
        (row(H0, "1e3"), "not a number"),
        (row(H0, "1_000"), "not a number"),
        (row(H0, "٣"), "not a number"),
        (row(H0, ""), "AI is missing."),
        (row(H0, 1, export="-1"), "AE"),
        (row(H0, 1, bc="80"), "Bc bit 7"),
        (row(H0, 1, bc="C2"), "Bc bit 7"),
        (row(H0, 1, bc="zz"), "Bc is not two hexadecimal digits."),
        ('<S02 Fh="FFFFFFFFFFFFFFFFFF" Bc="00" AI="1" AE="0"/>', "fourteen digits"),
        ('<S02 Fh="00150831020000000S" Bc="00" AI="1" AE="0"/>', "The year 15 is not between 2000 and 2099"),
        ('<S02 Fh="18070831020000000S" Bc="00" AI="1" AE="0"/>', "The year 1807"),
        ('<S02 Fh="20260231020000000W" Bc="00" AI="1" AE="0"/>', "There is no day 2026-02-31."),
        ('<S02 Fh="20261301020000000W" Bc="00" AI="1" AE="0"/>', "There is no day 2026-13-01."),
        ('<S02 Fh="20261001023000000S" Bc="00" AI="1" AE="0"/>', "02:30:00 is not the end of a whole hour."),
        ('<S02 Fh="20261001250000000S" Bc="00" AI="1" AE="0"/>', "25:00:00 is not the end of a whole hour."),
        ('<S02 Fh="20261001020000000X" Bc="00" AI="1" AE="0"/>', "season letter"),
        ('<S02 Fh="20270101020000000W" Bc="00" AI="1" AE="0"/>', "in the future"),
        (
            '<S02 Fh="20261025070000000S" Bc="00" AI="1" AE="0"/>',
            "The stamp Fh 20261025070000000S says S, summer time, which 2026-10-25 07:00 is not",
        ),
        ('<S02 Bc="00" AI="1" AE="0"/>', "Fh is missing."),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_others_land(line: str, reason: str) -> None:
    good = [row(H0 - 2_000 + i, 100 + i) for i in range(2_000)]
    read = Read(report(meter("M1", [*good[:1_000], line, *good[1_000:]])))
    assert [r[2] for r in read.rows] == [100 + i for i in range(2_000)]
    assert [(r.line, r.meter) for r in read.refused] == [(1_004, "M1")]
    assert reason in read.reasons[0]


@pytest.mark.parametrize(
    ("bc", "quality"),
    [
        ("00", REAL),
        ("01", REAL),
        ("10", REAL),
        ("02", DOUBTFUL),
        ("04", DOUBTFUL),
        ("08", DOUBTFUL),
        ("20", DOUBTFUL),
        ("40", DOUBTFUL),
    ],
)
def test_quality_bits(bc: str, quality: int) -> None:
    assert [r[4] for r in one(row(H0, 1, bc=bc)).rows] == [quality]


def test_a_reading_nothing_vouches_for_is_doubtful() -> None:
    assert [r[4] for r in one(f'<S02 Fh="{stamp(H0)}" AI="1"/>').rows] == [DOUBTFUL]


@pytest.mark.parametrize("magn", ["", "0", "7", "kWh"])
def test_an_unknown_unit_is_never_guessed(magn: str) -> None:
    read = Read(report(meter("M1", [row(H0, 1), row(H0 + 1, 2)], magn=magn), meter("M2", [row(H0, 3)])))
    assert [(r[0], r[2]) for r in read.rows] == [("M2", 3)]
    assert len(read.refused) == 2 and "must be 1 (Wh) or 1000 (kWh)" in read.reasons[0]


def test_several_concentrators_in_one_file() -> None:
    first, second = hourly("A", H0, [1, 2]), hourly("B", H0, [3])
    data = f'<Report IdRpt="S02"><Cnc Id="C1">{first}</Cnc><Cnc Id="C2">{second}</Cnc></Report>'.encode()
    read = Read(data)
    assert [(r[0], r[2]) for r in read.rows] == [("A", 1), ("A", 2), ("B", 3)]


def test_a_reading_outside_any_meter_is_never_given_to_the_one_before() -> None:
    data = f'<Report IdRpt="S02"><Cnc Id="C1">{hourly("A", H0, [1])}{row(H0 + 1, 9)}</Cnc></Report>'.encode()
    read = Read(data)
    assert [r[2] for r in read.rows] == [1]
    assert read.reasons == ["The reading stands outside any meter (Cnt): whose it is cannot be told."]


@pytest.mark.parametrize("piece", [1, 7, 1_000, 1 << 20])
def test_pieces_and_batches_change_nothing(piece: int) -> None:
    data = report(*(hourly(f"M{i}", H0, range(48)) for i in range(20)))
    whole = Read(data)
    small = Read(data, piece=piece, batch_rows=100)
    assert small.rows == whole.rows and len(whole.rows) == 960
    if piece <= 1_000:
        assert len(small.batches) > 3
        # A batch ends where a meter ends, so that a crash between two batches leaves whole meters.
        assert all(len(batch) % 48 == 0 for batch in small.batches)


def test_one_endless_meter_is_cut_into_batches() -> None:
    read = Read(report(hourly("M1", H0 - 3_000, [7] * 3_000)), piece=1_000, batch_rows=100)
    assert len(read.rows) == 3_000 and max(map(len, read.batches)) < 300
    assert {r[0] for r in read.rows} == {"M1"}


def test_cut_short_says_where_and_keeps_the_good_part() -> None:
    data = report(hourly("M1", H0, range(24)), hourly("M2", H0, range(24)))
    read = Read(data[: data.index(b"</Cnt>", data.index(b"M2")) - 200])
    assert [r[0] for r in read.rows].count("M1") == 24
    assert 20 <= [r[0] for r in read.rows].count("M2") < 24
    assert read.problem.startswith("The file ends in the middle of meter M2, at line 5")


def test_cut_anywhere_never_loses_a_complete_row() -> None:
    data = report(hourly("M1", H0, range(24)), hourly("M2", H0, range(24)))
    for end in range(1, len(data) - 1):
        read = Read(data[:end])
        assert len(read.rows) == data[:end].count(b"/>"), end
        assert "cut short" in read.problem or "cannot be read" in read.problem, end


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty."),
        (b"CUPS;Fecha;Hora\n", "The file is not XML: it begins with 'CUPS;Fecha;Hora"),
        (b"\x00\x01\x02\x03", "The file is not XML"),
        (b"%PDF-1.7 ...", "The file is not XML"),
        (b"\x1f", "The file is not XML"),
        (b"<html><body/></html>", "its first element is <html>, not <Report>"),
        (
            b'<Report IdRpt="S05"><Cnc Id="C"/></Report>',
            "report 'S05': hours come from S02, closes of registers from S04 and S05",
        ),
        ("<Report IdRpt='S02'>".encode("utf-16-be"), "The file "),
        (
            b'<?xml version="1.0" encoding="klingon"?><Report IdRpt="S02"/>',
            "an encoding that is not supported (unknown encoding: klingon)",
        ),
        (b'<?xml version="1.0" encoding="big5"?><Report IdRpt="S02"/>', "an encoding that is not supported"),
    ],
)
def test_a_file_that_is_something_else_gets_a_sentence(data: bytes, sentence: str) -> None:
    read = Read(data)
    assert sentence in read.problem and read.rows == []


def test_entity_bombs_are_refused_before_they_grow() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("b"), ord("k"))
    )
    read = Read(bomb + b']><Report IdRpt="S02"><Cnc Id="&j;"/></Report>')
    assert "declares the XML entity 'a'" in read.problem and read.rows == []


def test_encodings() -> None:
    text = report(hourly("Número", H0, [5])).decode()
    for encoding in ("utf-8", "utf-16", "iso-8859-1", "windows-1252"):
        data = f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(encoding)
        assert [r[0] for r in Read(data).rows] == ["Número"], encoding
    assert Read(b"\xef\xbb\xbf" + text.encode()).problem == ""


def test_wrong_encoding_loses_no_good_row() -> None:
    text = report(meter("M1", [row(H0, 1), '<S02 Fh="Número"/>', row(H0 + 2, 3)]), hourly("M2", H0, [4]))
    read = Read(text.decode().encode("iso-8859-1"))
    assert [(r[0], r[2]) for r in read.rows] == [("M1", 1), ("M1", 3), ("M2", 4)]
    assert [r.line for r in read.refused] == [5] and "XML is damaged" in read.reasons[0]
    assert f"readings of meter M1 after the stamp {stamp(H0)}. It cannot be read again: ask" in read.reasons[0]
    assert read.refused[0].raw == ""


@pytest.mark.parametrize(
    "broken",
    [
        '<S02 Fh="2026" AI="1 Bc="00"/>',
        "<S02 Fh=2026/>",
        "<<<>>>",
        "&nonsense;",
        "<S02 Fh='1' Fh='2'/>",
        "</Cnx>",
        "<S02 Fh='",
    ],
)
def test_damaged_xml_in_the_middle_loses_no_good_row(broken: str) -> None:
    first = meter("M1", [*(row(H0 + i, i) for i in range(10)), broken, *(row(H0 + i, i) for i in range(10, 20))])
    for piece in (64, 1 << 16):
        read = Read(report(first, hourly("M2", H0, range(24))), piece=piece)
        assert [r[2] for r in read.rows if r[0] == "M1"] == list(range(20)), read.refused
        assert [r[2] for r in read.rows if r[0] == "M2"] == list(range(24))
        assert read.refused[0].line in (14, 15) and read.problem == ""


def test_damage_at_a_meter_boundary_never_gives_rows_to_the_wrong_meter() -> None:
    whole = report(hourly("M1", H0, range(5)), hourly("M2", H0, range(100, 105)), hourly("M3", H0, range(200, 205)))
    boundary = whole.index(b"</Cnt>")
    for at in range(boundary - 5, boundary + 60):
        data = bytearray(whole)
        data[at] = ord("?")
        for serial, _, wh, _, _ in Read(bytes(data)).rows:
            if serial in ("M1", "M2", "M3"):
                assert wh // 100 == int(serial[1]) - 1, (at, data[at - 20 : at + 20])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_files_never_crash_and_stay_within_the_rules(data: st.DataObject) -> None:
    whole = bytearray(report(hourly("M1", H0, range(24)), hourly("M2", H0, range(24))))
    for _ in range(data.draw(st.integers(1, 6))):
        begin = data.draw(st.integers(0, len(whole) - 1))
        end = min(begin + data.draw(st.integers(0, 30)), len(whole))
        whole[begin:end] = data.draw(st.binary(max_size=30))
    read = Read(bytes(whole), piece=data.draw(st.sampled_from([17, 500, 1 << 16])))
    assert all(0 <= r[2] <= 55_000 and 0 <= r[3] <= 55_000 for r in read.rows)


def test_memory_is_flat_in_file_size_and_in_one_element() -> None:
    def peak(chunks: list[bytes], times: int) -> int:
        reader = S02Reader("Europe/Madrid", NOW, batch_rows=500)
        reader.feed(b'<Report IdRpt="S02"><Cnc Id="C"><Cnt Id="M" Magn="1">')
        tracemalloc.start()
        for _ in range(times):
            for chunk in chunks:
                reader.feed(chunk)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    rows = "".join(row(H0 + i % 24, 1) for i in range(500)).encode()
    peak([rows], 5)  # first run: imports and tables
    assert peak([rows], 120) < 1.2 * peak([rows], 20)
    assert peak([b" " * 65_536], 200) < 4_000_000
    endless = S02Reader("Europe/Madrid", NOW)
    endless.feed(b'<Report IdRpt="S02"><Cnc Id="')
    for _ in range(40):
        endless.feed(b"x" * 65_536)
    assert "longer than 1,048,576 bytes" in endless.problem


def test_bloated_rows_stay_in_bounded_memory() -> None:
    reader = S02Reader("Europe/Madrid", NOW)
    reader.feed(b'<Report IdRpt="S02"><Cnc Id="C"><Cnt Id="M" Magn="1">')
    bloated = row(H0, "9" * 900_000).encode()
    tracemalloc.start()
    refused = sum(len(batch.refused) for _ in range(80) for batch in reader.feed(bloated))
    refused += sum(len(batch.refused) for batch in reader.close())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused == 80 and most < 60_000_000


days_of_every_kind = st.sampled_from(
    [date(2026, 3, 29), date(2026, 10, 25), date(2026, 6, 1), date(2026, 1, 1), date(2024, 2, 29)]
)


@settings(max_examples=60, deadline=None)
@given(
    days_of_every_kind,
    st.sampled_from(["Europe/Madrid", "Atlantic/Canary", "America/Argentina/Buenos_Aires"]),
    st.lists(st.tuples(st.integers(0, 55_000), st.integers(0, 55_000), st.booleans()), min_size=25, max_size=25),
    st.integers(1, 4_000),
)
def test_written_and_read_again_is_the_same_curve(
    day: date, zone: str, hours: list[tuple[int, int, bool]], piece: int
) -> None:
    days = local_days(zone)
    first, count = days.start_of(day_number(day)), days.hours_in(day_number(day))
    rows = [
        row(first + i, wh, export=export, bc="20" if doubtful else "00", zone=zone)
        for i, (wh, export, doubtful) in enumerate(hours[:count])
    ]
    read = Read(report(meter("M1", rows)), zone=zone, piece=piece)
    assert read.rows == [
        ("M1", first + i, wh, export, DOUBTFUL if doubtful else REAL)
        for i, (wh, export, doubtful) in enumerate(hours[:count])
    ]
    found, slots = days.day_and_slot(read.batches[0].hour)
    assert set(found.tolist()) == {day_number(day)} and slots.tolist() == list(range(count))
