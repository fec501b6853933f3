"""Rows that were quarantined and read again later are what the file would have given with nothing wrong, in every dialect."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.rereading import read_again
from services.metering.domain.formats.streaming import StreamedFile
from services.metering.domain.hours import hour_start
from services.metering.domain.readings import ReadingBatch, RefusedRow
from tests.unit.metering.formats.curve_writers import SUPPLY, WRITERS, Hour, datadis_wall, ide, kwh
from tests.unit.metering.formats.register_writers import s04, s05, spanish
from tests.unit.metering.formats.test_curve_dialects import AUTUMN, ORDINARY, SPRING, some_hours
from tests.unit.metering.formats.test_register_dialects import daily, monthly
from tests.unit.metering.formats.test_streamed_files import MADRID, Hours

FILES: dict[str, Callable[..., bytes]] = {name: writer.write for name, writer in WRITERS.items()}
FILES["i-DE without season"] = partial(ide, flag=False)
FILES["i-DE by hours"] = partial(ide, quarters=False)
FILES["i-DE by hours without season"] = partial(ide, quarters=False, flag=False)
FILES["wall clock"] = datadis_wall


def hours_of(batches: list[ReadingBatch]) -> Hours:
    found: Hours = {}
    for batch in batches:
        columns = (batch.meter, batch.hour, batch.values[:, 0], batch.values[:, 1], batch.quality)
        for meter, hour, wh, export, quality in zip(*(column.tolist() for column in columns), strict=True):
            found[batch.meters[meter], hour] = (wh, export, quality)
    return found


def read(data: bytes, context: Context) -> tuple[Hours, list[RefusedRow]]:
    batches = list(StreamedFile(io.BytesIO(data), context).batches())
    return hours_of(batches), [row for batch in batches for row in batch.refused]


@pytest.mark.parametrize("name", FILES)
@given(
    day=st.sampled_from([ORDINARY, SPRING, AUTUMN]),
    count=st.integers(26, 50),
    before=st.integers(-30, 20),
    backwards=st.booleans(),
    batch_rows=st.sampled_from([3, 1000]),
)
@settings(max_examples=12, deadline=None)
def test_rows_that_lay_ahead_are_the_same_hours_later(
    name: str, day: int, count: int, before: int, backwards: bool, batch_rows: int
) -> None:
    hours = some_hours(day, count)
    backwards &= "wall" not in name and "without" not in name  # there the order tells the hour that comes twice
    data = FILES[name](hours[::-1] if backwards else hours)
    right, none = read(data, Context(MADRID))
    now, refused = read(data, Context(MADRID, hour_start(day + before), batch_rows))
    assert (none, len(right)) == ([], count)
    assert all(row.raw for row in refused)
    again = read_again(list(enumerate(refused)), Context(MADRID))
    assert again.reasons == {}
    assert now | hours_of(again.batches) == right


@pytest.mark.parametrize("name", [name for name in FILES if name != "prime"])
@pytest.mark.parametrize("day", [ORDINARY, SPRING, AUTUMN])
def test_a_row_that_the_rules_refused_shifts_no_other_and_is_the_same_hour_under_other_rules(
    name: str, day: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hour of the day once as the one that is not credible: its label still tells what the others mean."""
    count = {ORDINARY: 24, SPRING: 23, AUTUMN: 25}[day]
    for at in range(count):
        hours = some_hours(day, count)
        hours[at] = Hour(hours[at].start, 44_004, 0)
        data = FILES[name](hours)
        right, _ = read(data, Context(MADRID))
        with monkeypatch.context() as rules:
            for module in ("f5d", "p5d", "f1", "consumer"):
                for most in ("TYPE_5_MAX_WH", "TYPE_1_MAX_WH", "TYPE_2_MAX_WH"):
                    path = f"services.metering.domain.formats.{module}.{most}"
                    rules.setattr(path, 11_000 if name in ("ide", "i-DE without season") else 44_000, raising=False)
            now, refused = read(data, Context(MADRID))
        missing = {(SUPPLY[:20], hours[at].start)}
        assert now == {key: value for key, value in right.items() if key not in missing}, at
        again = read_again(list(enumerate(refused)), Context(MADRID))
        assert (again.reasons, hours_of(again.batches)) == ({}, {key: right[key] for key in missing}), at


def test_one_quarter_read_again_without_the_others_is_no_hour() -> None:
    data = ide(some_hours(ORDINARY, 3))
    _, refused = read(data, Context(MADRID, hour_start(ORDINARY - 25)))
    last = [(number, row) for number, row in enumerate(refused) if "24:00" in row.raw or ":00;" in row.raw]
    assert len(refused) == 12 and len(last) == 3
    again = read_again(last, Context(MADRID))
    assert again.batches == [] or hours_of(again.batches) == {}
    assert set(again.reasons) == {number for number, _ in last}


def test_a_wall_clock_without_what_its_day_told_is_not_guessed() -> None:
    row = f"{SUPPLY};2026/10/25;03:00;{kwh(140)};Real"
    told = RefusedRow(1, SUPPLY[:20], row, "", dialect="Datadis CSV", raw=row)
    assert "without the rows around it" in read_again([(0, told)], Context(MADRID)).reasons[0]
    stamped = f"{SUPPLY};2026/10/25 02:30;100;0"
    heading = {"heading": "CUPS;FECHA-HORA;CONSUMO Wh;GENERACION Wh"}
    told = RefusedRow(1, SUPPLY[:20], stamped, "", dialect="i-DE CSV", raw=stamped, around=heading)
    assert "without the rows around it" in read_again([(0, told)], Context(MADRID)).reasons[0]


def test_what_is_left_of_a_damaged_close_is_never_read_as_a_whole_one() -> None:
    whole = s05([daily()])
    last = whole.split(b"\n")[15]
    _, refused = read(whole.replace(last, last.replace(b'Ctr="1"', b'Ctr="1')), Context(MADRID))
    assert refused and {row.raw for row in refused} == {""}
    assert all("ask whoever sent" in row.reason and row.meter == "M1" for row in refused)


@pytest.mark.parametrize("write", [s04, s05])
def test_closes_and_tables_that_lay_ahead_are_the_same_later(write: Callable[..., bytes]) -> None:
    written = [monthly() if write is s04 else daily()]
    early = Context(MADRID, hour_start(ORDINARY))
    for data in (write(written), spanish([replace(row, origin=Origin.VISUAL) for row in written])):
        right = [row for batch in StreamedFile(io.BytesIO(data), Context(MADRID)).batches() for row in batch.closes]
        _, refused = read(data, early)
        assert len(right) == len(refused) == 1
        again = read_again([(right[0].line, refused[0])], Context(MADRID))
        assert (again.reasons, [row for batch in again.batches for row in batch.closes]) == ({}, right)
