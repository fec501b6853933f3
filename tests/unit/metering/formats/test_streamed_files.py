"""Files as batches for the database: the same hours as read whole, in memory that does not grow with the file."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.formats import read_curve_file
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.reading import DIALECTS
from services.metering.domain.formats.rereading import read_again
from services.metering.domain.formats.streaming import StreamedFile
from services.metering.domain.hours import hour_number, hour_start
from services.metering.domain.readings import RefusedRow, joined
from tests.unit.metering.formats.curve_writers import OTHER, SUPPLY, WRITERS, Hour, datadis_wall, f5d, ide, p5d
from tests.unit.metering.formats.test_curve_dialects import AUTUMN, ORDINARY, SPRING, some_hours, zipped

MADRID = "Europe/Madrid"
Hours = dict[tuple[str, int], tuple[int, int, int]]


def streamed(data: bytes, batch_rows: int = 10, received_at: datetime | None = None) -> tuple[Hours, list[RefusedRow]]:
    """The hours of each supply or meter (import, export, quality), the later of two, and the refused rows."""
    file = StreamedFile(io.BytesIO(data), Context(MADRID, received_at, batch_rows))
    hours: Hours = {}
    refused: list[RefusedRow] = []
    for batch in file.batches():
        columns = (batch.meter, batch.hour, batch.values[:, 0], batch.values[:, 1], batch.quality)
        for meter, hour, wh, export, quality in zip(*(column.tolist() for column in columns), strict=True):
            hours[batch.meters[meter], hour] = (wh, export, quality)
        refused += batch.refused
    return hours, refused


def whole(data: bytes) -> Hours:
    found = read_curve_file(io.BytesIO(data), "a file", zone_name=MADRID)
    return {
        (curve.supply[:20] or curve.meter, int(hour)): (int(wh), int(export), int(quality))
        for curve in found.supplies
        for hour, wh, export, quality in zip(
            curve.start_hours, curve.import_wh, curve.export_wh, curve.quality, strict=True
        )
    }


@st.composite
def curves(draw: st.DrawFn) -> list[Hour]:
    first = draw(st.sampled_from([ORDINARY, SPRING, AUTUMN])) + draw(st.integers(-30, 3))
    count = draw(st.integers(1, 60))
    kept = draw(st.sets(st.integers(0, count - 1), min_size=1))
    one = st.tuples(st.integers(0, 55_000), st.integers(0, 55_000), st.integers(1, 6))
    return [Hour(first + at, *draw(one)) for at in sorted(kept)]


@pytest.mark.parametrize("name", WRITERS)
@given(hours=curves(), batch_rows=st.sampled_from([1, 7, 1000]), backwards=st.booleans())
@settings(max_examples=20, deadline=None)
def test_batches_hold_the_same_hours_as_the_whole_file(
    name: str, hours: list[Hour], batch_rows: int, backwards: bool
) -> None:
    data = WRITERS[name].write(hours[::-1] if backwards else hours)
    found, refused = streamed(data, batch_rows)
    assert (found, refused) == (whole(data), [])


def test_quarters_wait_for_their_hour_over_batches_and_the_incomplete_ones_are_told() -> None:
    lines = ide(some_hours(ORDINARY, 30)).splitlines(keepends=True)
    found, refused = streamed(b"".join(lines[:6] + lines[7:]), batch_rows=3)
    assert sorted(hour for _, hour in found) == [ORDINARY + i for i in range(30) if i != 1]
    assert [row.line for row in refused] == [6, 7, 8]
    assert {(row.meter, row.raw != "", row.dialect) for row in refused} == {(SUPPLY[:20], True, "i-DE CSV")}


def test_the_later_of_two_quarters_counts() -> None:
    data = ide([Hour(ORDINARY + i, 400) for i in range(4)])
    lines = data.splitlines(keepends=True)
    found, refused = streamed(b"".join([*lines[:2], lines[1].replace(b";100;", b";60;"), *lines[2:]]))
    assert found[SUPPLY[:20], ORDINARY][0] == 360
    assert [(row.line, "the same quarter" in row.reason.lower(), row.raw) for row in refused] == [(2, True, "")]


def test_a_zip_of_several_dialects_names_the_member_of_each_refused_row() -> None:
    hours = some_hours(ORDINARY, 30)
    data = zipped({"a.0": f5d(hours) + b"rubbish\n", "b/c": p5d(hours, supply=OTHER), "leeme": b"hola"})
    file = StreamedFile(io.BytesIO(data), Context(MADRID, None, 10))
    batches = list(file.batches())
    assert file.outcome.format == "F5D + P5D"
    assert "leeme: The file is none of the known formats" in file.outcome.problem
    assert sum(map(len, batches)) == 60
    assert [(row.member, row.dialect, row.raw) for batch in batches for row in batch.refused] == [
        ("a.0", "F5D", "rubbish")
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_a_row_refused_for_its_time_is_the_same_hour_when_it_is_read_again_later(name: str) -> None:
    hours = some_hours(ORDINARY, 50)
    if name == "ide":
        data = ide(hours, quarters=False)
    else:
        data = WRITERS[name].write(hours)
    now = hour_start(ORDINARY + 10)
    found, refused = streamed(data, received_at=now)
    assert len(found) == 34 and len(refused) == 16
    assert {(row.dialect, bool(row.raw)) for row in refused} == {(WRITERS[name].name, True)}
    reread = read_again(list(enumerate(refused)), Context(MADRID, None))
    again = joined(reread.batches, by_supply=name != "prime")
    assert reread.reasons == {}
    assert dict(zip(again.hour.tolist(), again.values[:, 0].tolist(), strict=True)) == {
        h.start: h.wh for h in hours[34:]
    }
    assert again.refused == []
    assert {row.meter[:20] for row in refused} == {SUPPLY[:20]}


def test_days_of_the_clock_change_are_held_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.metering.domain.formats.clock_change._MOST_HELD", 60)
    days = [some_hours(AUTUMN, 25) for _ in range(20)]
    supplies = [f"ES0575{number:012}AA" for number in range(20)]
    parts = [datadis_wall(hours, supply=cups) for hours, cups in zip(days, supplies, strict=True)]
    found, refused = streamed(b"".join([parts[0], *(part.split(b"\n", 1)[1] for part in parts[1:])]), batch_rows=1000)
    assert refused == [] and len(found) == 20 * 25
    assert {(cups, hour) for cups, hour in found} == {(cups, AUTUMN + at) for cups in supplies for at in range(25)}


def test_a_damaged_heading_does_not_come_back_with_the_rows() -> None:
    data = (
        WRITERS["cnmc"]
        .write(some_hours(ORDINARY, 5))
        .replace(b"Consumo_kWh", b"Extra;Consumo_kWh", 1)
        .replace(b";0,126;", b";x;")
    )
    _, refused = streamed(data)
    assert [row.around for row in refused if row.raw] == [{}] and len(refused) == 2


def test_a_dialect_that_is_no_more_is_said_of_its_rows() -> None:
    row = RefusedRow(1, "", "x", "?", dialect="Minitel", raw="x")
    assert "no dialect 'Minitel' any more" in read_again([(3, row)], Context(MADRID)).reasons[3]


def test_no_two_dialects_have_one_name() -> None:
    assert len({dialect.name for dialect in DIALECTS}) == len(DIALECTS)


class Month(io.RawIOBase):
    """P5D of so many supplies, written as it is read."""

    def __init__(self, supplies: int) -> None:
        first = hour_number(datetime(2026, 5, 31, 22, tzinfo=UTC))
        self._one = p5d([Hour(first + at, 100 + at % 50) for at in range(720)])
        self._parts: Iterable[bytes] = iter(range(supplies))  # type: ignore[assignment]
        self._left = b""

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size:
            number = next(self._parts, None)  # type: ignore[call-overload]
            if number is None:
                break
            self._left += self._one.replace(SUPPLY.encode(), f"ES0575{number % 40:012}AA0F".encode())
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def peak(supplies: int) -> tuple[int, int]:
    """Most bytes in use while a file of so many supplies' months is read, and its hours."""
    file = StreamedFile(Month(supplies), Context(MADRID, None, 2_000))  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        hours = sum(len(batch) for batch in file.batches())
        return tracemalloc.get_traced_memory()[1], hours
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file() -> None:
    peak(2)  # what is loaded once
    small, few = peak(8)
    large, many = peak(40)
    assert (few, many) == (8 * 720, 40 * 720)
    assert large < 1.2 * small


def test_a_compressed_file_is_streamed_too() -> None:
    data = f5d(some_hours(ORDINARY, 200))
    assert streamed(gzip.compress(data)) == streamed(data)
