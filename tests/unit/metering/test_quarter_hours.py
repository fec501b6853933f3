"""Quarters of an hour: packed and read back, laid over earlier ones, believed only where they sum to their hour."""

from __future__ import annotations

import io
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.calendar import calendar
from services.metering.domain.curve import DayCurves, blank_days
from services.metering.domain.formats import read_curve_file
from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.streaming import StreamedFile
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.merge import layers
from services.metering.domain.quarter_demands import demands
from services.metering.domain.quarter_hours import (
    agreeing,
    blank_quarters,
    lay,
    only_agreeing,
    pack_quarters,
    told,
    unpack_quarters,
)
from services.metering.domain.readings import IMPORT, MISSING, NO_QUARTERS, REAL, ReadingBatch, joined
from tests.support.quarters import quarter_file
from tests.unit.metering.formats.curve_writers import OTHER, SUPPLY, Hour, ide, kwh, local, season

MADRID = "Europe/Madrid"
DAYS = local_days(MADRID)
DATES = (date(2026, 3, 29), date(2026, 10, 15), date(2026, 10, 25))
"""23, 24 and 25 hours."""

Days = list[dict[int, tuple[int, int, int, int]]]

_QUARTER = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
_DAYS = st.lists(st.dictionaries(st.integers(0, 24), st.tuples(*[_QUARTER] * 4)), max_size=4)


def table(days: Days) -> np.ndarray:
    found = blank_quarters(len(days))
    for row, day in zip(found, days, strict=True):
        for slot, quarters in day.items():
            row[slot] = quarters
    return found


@given(_DAYS)
@settings(max_examples=30)
def test_packed_days_are_read_back_and_take_no_more_than_their_largest_quarter_needs(days: Days) -> None:
    wh = table(days)
    packed = pack_quarters(wh)
    assert (unpack_quarters(packed) == wh).all()
    for blob, day in zip(packed, days, strict=True):
        width = max(1, -(-max((q.bit_length() for four in day.values() for q in four), default=0) // 8))
        assert len(blob) == 4 + 4 * width * len(day)


def test_damaged_rows_and_what_no_row_holds_are_said() -> None:
    (blob,) = pack_quarters(table([{0: (1, 2, 3, 4), 7: (5, 6, 7, 8)}]))
    for damaged in (b"", blob[:3], blob[:-1], blob + b"\0", bytes([blob[0], blob[1], blob[2], blob[3] | 2]) + blob[4:]):
        with pytest.raises(ValueError, match="the row is damaged"):
            unpack_quarters([damaged])
    with pytest.raises(ValueError, match="4,294,967,296 Wh"):
        pack_quarters(table([{0: (0, 2**32, 0, 0)}]))


@given(_DAYS, _DAYS)
@settings(max_examples=30)
def test_later_quarters_stand_and_only_what_differs_is_a_change(before: Days, after: Days) -> None:
    days = min(len(before), len(after))
    merged, changed = lay(table(before[:days]), table(after[:days]))
    for at in range(days):
        assert (merged[at] == table([before[at] | after[at]])[0]).all()
        differs = {slot for slot, four in after[at].items() if before[at].get(slot) != four}
        assert set(np.flatnonzero(changed[at]).tolist()) == differs


@st.composite
def known_days(draw: st.DrawFn) -> tuple[np.ndarray, DayCurves, np.ndarray]:
    """Day numbers, their hours and their quarters: hours that agree with theirs, that do not, that miss or have none."""
    day = np.array(sorted(day_number(one) for one in draw(st.sets(st.sampled_from(DATES), min_size=1))))
    curves, wh = blank_days(DAYS.lengths(day)), blank_quarters(len(day))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    for at, length in enumerate(curves.length.tolist()):
        kind = chance.integers(0, 5, length)
        four = chance.integers(0, 60, (length, 4)) * (chance.random(length) < 0.8)[:, None]
        wh[at, :length] = np.where((kind < 3)[:, None], four, NO_QUARTERS)
        curves.values[at, :length, IMPORT] = four.sum(axis=1) + (kind == 1)
        curves.quality[at, :length] = np.where((kind == 2) | (kind == 4), MISSING, REAL)
    curves.values[curves.quality == MISSING] = 0
    return day, curves, wh


@given(known_days(), st.dictionaries(st.integers(1, 6), st.integers(0, 240)))
@settings(max_examples=60)
def test_what_is_told_sums_to_the_hour_and_what_may_exceed_is_counted(
    known: tuple[np.ndarray, DayCurves, np.ndarray], limits: dict[int, int]
) -> None:
    day, curves, wh = known
    of_tariff = calendar("3.0TD", "peninsula")
    found = demands(of_tariff, DAYS, day, curves, wh, limits)
    above, unknown = [], dict.fromkeys(limits, 0)
    for at, number in enumerate(day.tolist()):
        for slot in range(DAYS.hours_in(number)):
            hour = DAYS.start_of(number) + slot
            period = int(of_tariff.classify(np.array([hour]))[0])
            limit, energy = limits.get(period), int(curves.values[at, slot, IMPORT])
            four, present = wh[at, slot].tolist(), curves.quality[at, slot] != MISSING
            if limit is None:
                continue
            if present and four[0] != NO_QUARTERS and sum(four) == energy:
                above += [(f"P{period}", 4 * hour + i, 4 * q) for i, q in enumerate(four) if 4 * q > limit]
            elif not present or 4 * energy > limit:
                unknown[period] += 1
    assert [(one.period, one.quarter, one.watts) for one in found.above] == above
    assert found.unknown == {f"P{period}": hours for period, hours in sorted(unknown.items()) if hours}
    kept = only_agreeing(wh, curves)
    agrees = agreeing(wh, curves)
    assert (kept[agrees].sum(axis=1) == curves.values[:, :, IMPORT][agrees]).all() and not told(kept)[~agrees].any()


def batches(data: bytes, rows: int) -> list[ReadingBatch]:
    return list(StreamedFile(io.BytesIO(data), Context(MADRID, None, rows)).batches())


@pytest.mark.parametrize("rows", [1, 3, 50, 1_000])
@pytest.mark.parametrize("day", DATES)
def test_batches_carry_the_quarters_of_each_hour_across_their_borders(rows: int, day: date) -> None:
    first, end = DAYS.start_of(day_number(day)), DAYS.start_of(day_number(day) + 1)
    file = {hour: (hour % 97, 0, hour % 89, 7) for hour in range(first, end)}
    found = {}
    for batch in batches(quarter_file(file), rows):
        if len(batch):
            assert batch.quarters is not None
            assert (batch.quarters.sum(axis=1) == batch.values[:, IMPORT]).all()
            found |= {
                hour: tuple(four) for hour, four in zip(batch.hour.tolist(), batch.quarters.tolist(), strict=True)
            }
    assert found == file and len(found) in (23, 24, 25)
    (whole,) = read_curve_file(io.BytesIO(quarter_file(file)), "a file", zone_name=MADRID).supplies
    assert whole.quarters is not None
    assert dict(zip(whole.start_hours.tolist(), map(tuple, whole.quarters.tolist()), strict=True)) == file


def test_the_exchange_file_and_the_download_by_quarters_say_the_same() -> None:
    """F1 by quarters (F1QH) in kWh with three decimals, as Datadis has them; each quarter is rounded to Wh by itself."""
    hour = DAYS.start_of(day_number(DATES[2])) + 1
    stamps = [(local(hour, 0, 15 * number), 5_000 + 7 * number) for number in range(1, 21)]  # over the repeated hour
    rows = [
        f"{SUPPLY};11;{end:%Y/%m/%d %H:%M:%S};{season(end)};{kwh(wh, '.')};0;0;0;0;0;0;0;1;1;\n" for end, wh in stamps
    ]
    (f1,) = batches("".join(rows).encode(), 100)
    (same,) = batches(quarter_file({hour + at: [wh for _, wh in stamps[4 * at : 4 * at + 4]] for at in range(5)}), 100)
    assert f1.quarters is not None and same.quarters is not None
    assert f1.hour.tolist() == same.hour.tolist() == list(range(hour, hour + 5))
    assert f1.quarters.tolist() == same.quarters.tolist() and f1.quarters[0].tolist() == [5_007, 5_014, 5_021, 5_028]


def test_a_file_of_hours_and_quarters_says_which_are_which() -> None:
    hour = DAYS.start_of(day_number(DATES[1]))
    hours = ide([Hour(hour + at, 30) for at in range(20)], supply=OTHER, quarters=False).splitlines(keepends=True)[1:]
    data = quarter_file({hour + at: (1, 2, 3, at) for at in range(20)}) + b"".join(hours)
    whole = joined(batches(data, 10), by_supply=True)
    assert whole.quarters is not None and len(whole) == 40
    by_quarters = np.array([whole.meters[at] == SUPPLY[:20] for at in whole.meter.tolist()])
    assert (whole.quarters[~by_quarters] == NO_QUARTERS).all()
    part = whole.take(by_quarters)
    assert part.quarters is not None and sorted(part.quarters[:, 3].tolist()) == list(range(20))
    assert all(batch.quarters is None for batch in batches(ide([Hour(hour, 30)], quarters=False), 10))


def test_layers_keep_every_version_of_an_hours_quarters_and_days_that_have_none_apart() -> None:
    hour = DAYS.start_of(day_number(DATES[1]))
    values = np.zeros((4, 6), np.int64)
    values[:, IMPORT] = 10
    quarters = np.array([[10, 0, 0, 0], [0, 10, 0, 0], [0, 10, 0, 0], [NO_QUARTERS] * 4])
    owner, hours = np.array([1, 1, 1, 2]), np.array([hour, hour, hour, hour])
    found, repeats = layers(DAYS, owner, hours, values, np.full(4, REAL, np.uint8), quarters)
    assert repeats == 1 and [len(layer.curves) for layer in found] == [2, 1]
    assert [layer.quarters.owner.tolist() for layer in found if layer.quarters] == [[1], [1]]
    assert [layer.quarters.wh[0, 0].tolist() for layer in found if layer.quarters] == [[10, 0, 0, 0], [0, 10, 0, 0]]
