"""Day curves: packed and unpacked, merged version by version, summed per tariff period."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metering.domain.calendar import calendar
from services.metering.domain.curve import DayCurves, blank_days, pack, unpack
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.merge import layers, merge
from services.metering.domain.readings import DOUBTFUL, MISSING, REAL
from services.metering.domain.totals import hours_expected, period_totals

MADRID = local_days("Europe/Madrid")


def same(one: DayCurves, other: DayCurves) -> bool:
    return bool(
        (one.length == other.length).all()
        and (one.values == other.values).all()
        and (one.quality == other.quality).all()
    )


@st.composite
def curves(draw: st.DrawFn) -> DayCurves:
    count = draw(st.integers(0, 12))
    days = blank_days(np.array([draw(st.sampled_from([23, 24, 25])) for _ in range(count)], np.int8))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    for row in range(count):
        hours = int(days.length[row])
        if draw(st.booleans()):
            days.quality[row, :hours] = draw(st.sampled_from([MISSING, REAL, REAL, 2, DOUBTFUL, 14, 15, 255]))
        else:
            days.quality[row, :hours] = seed.choice([MISSING, REAL, 3, DOUBTFUL], hours)
        for channel in range(6):
            limit = draw(st.sampled_from([1, 256, 257, 65_536, 65_537, 2**32]))
            least = draw(st.sampled_from([0, limit // 2, limit - 1]))
            days.values[row, :hours, channel] = seed.integers(least, limit, hours)
        days.values[row, days.quality[row] == MISSING] = 0
    return days


@settings(max_examples=80, deadline=None)
@given(curves())
def test_unpacked_is_what_was_packed(days: DayCurves) -> None:
    assert same(unpack(pack(days)), days)


def steady_day(wh: int) -> DayCurves:
    day = blank_days(np.array([24], np.int8))
    day.quality[0, :24] = REAL
    day.values[0, :24, 0] = wh
    return day


def uneven_day() -> DayCurves:
    day = steady_day(0)
    day.values[0, 1:24:2, 5] = 7
    return day


def test_the_layout_of_a_packed_day() -> None:
    # A usual day of import alone; 3 low bits, base 150 x 8; 24 times 3 zero bits; 24 times no step.
    assert pack(steady_day(1_200)) == [bytes([0x41, 0xE3, 150]) + bytes(9) + b"\xff\xff\xff"]
    assert pack(steady_day(0)) == [b"\x40"]
    assert pack(blank_days(np.array([25], np.int8))) == [b"\x30\x80"]
    peak = steady_day(1)
    peak.values[0, 3, 0] = 9
    # No low bits, base 1; no step, but eight in the fourth hour.
    assert pack(peak) == [bytes([0x41, 0x20]) + b"\xe0\x1f\xff\xff"]
    # The lowest bit 0 and 1 in turn; above it no step and three steps in turn.
    assert pack(uneven_day()) == [bytes([0x60, 1]) + b"\x55\x55\x55" + bytes.fromhex("8c6318c6318c6310")]
    doubt = steady_day(1)
    doubt.quality[0, 23] = DOUBTFUL
    assert pack(doubt) == [bytes([0x3F, 0x41, 0x20]) + bytes([REAL] * 23 + [DOUBTFUL]) + b"\xff\xff\xff"]
    doubt.quality[0, :24] = DOUBTFUL
    assert pack(doubt) == [bytes([0x39, 0x41, 0x20]) + b"\xff\xff\xff"]
    doubt.quality[0, :24] = 200
    assert pack(doubt) == [bytes([0x3F, 0x41, 0x20]) + bytes([200] * 24) + b"\xff\xff\xff"]


@pytest.mark.parametrize("base", [1, 6, 7, 8, 255])
def test_a_base_up_to_six_takes_no_byte_of_its_own(base: int) -> None:
    head = [0x41, base << 5] if base < 7 else [0x41, 7 << 5, base]
    assert pack(steady_day(base)) == [bytes(head) + b"\xff\xff\xff"]
    assert same(unpack(pack(steady_day(base))), steady_day(base))


def test_a_household_day_with_reactive_energy_takes_less_than_eighty_bytes() -> None:
    chance = np.random.default_rng(7)
    days = blank_days(np.full(310, 24, np.int8))
    days.quality[:, :24] = REAL
    for channel, usual in ((0, 500), (2, 180), (5, 12)):
        days.values[:, :24, channel] = chance.exponential(usual, (310, 24))
    assert sum(map(len, pack(days))) / 310 < 78


@pytest.mark.parametrize("wh", [0, 1, 255, 256, 2**31, 2**32 - 1])
def test_the_largest_values_take_no_more_than_their_bits(wh: int) -> None:
    for values in (steady_day(wh), steady_day(0)):
        values.values[0, 5, :] = wh
        (blob,) = pack(values)
        assert same(unpack([blob]), values)
        assert len(blob) < 4 + 6 * (24 * 34 // 8)


SECOND_LAYOUT = [
    (bytes([0x21, 0x41, 0x23, 150]) + bytes(9) + b"\xff\xff\xff", steady_day(1_200)),
    (b"\x20\x80", blank_days(np.array([25], np.int8))),
    (bytes([0x21, 0x60, 1]) + b"\x55\x55\x55" + bytes.fromhex("8c6318c6318c6310"), uneven_day()),
]


def test_rows_of_the_second_layout_are_still_read_beside_new_ones() -> None:
    days = [day for _, day in SECOND_LAYOUT]
    mixed = steady_day(1)
    mixed.quality[0, 23] = DOUBTFUL
    blobs = [blob for blob, _ in SECOND_LAYOUT]
    blobs += [bytes([0x2F, 0x41, 0x20, 1]) + bytes([REAL] * 23 + [DOUBTFUL]) + b"\xff\xff\xff"]
    fresh = pack(steady_day(77))
    found = unpack([*fresh, *blobs, *fresh])
    for row, day in enumerate([steady_day(77), *days, mixed, steady_day(77)]):
        assert same(found.take(np.array([row])), day), row


OLD_LAYOUT = [
    bytes([24, REAL, 1, 0]) + bytes(range(24)),
    bytes([23, REAL, 2, 4]) + b"\x34\x12" * 23 + bytes([7] * 23),
    bytes([25, 255, 3, 0]) + bytes([REAL] * 24 + [DOUBTFUL]) + b"\x00\x00\x01\x00" * 25,
    bytes([24, MISSING, 0, 0]),
]


def test_rows_of_the_first_layout_are_still_read_beside_new_ones() -> None:
    fresh = pack(steady_day(77))[0]
    found = unpack([OLD_LAYOUT[0], fresh, *OLD_LAYOUT[1:]])
    assert found.length.tolist() == [24, 24, 23, 25, 24]
    assert found.values[0, :24, 0].tolist() == list(range(24))
    assert found.values[1, :24, 0].tolist() == [77] * 24
    assert found.values[2, :24, 0].tolist() == [0x1234] * 23 + [0]
    assert found.values[2, 0].tolist() == [0x1234, 0, 0, 0, 0, 7]
    assert found.values[3, 24, 0] == 65_536
    assert found.quality[3].tolist() == [REAL] * 24 + [DOUBTFUL]
    assert found.quality[4].tolist() == [MISSING] * 25
    assert same(unpack(pack(found)), found)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x18\x01",
        b"\x18\x01\x01\x00",
        b"\x1a\x01\x00\x00",
        b"\x18\x01\x01\x00" + b"1" * 25,
        b"\x21",
        b"\x21\xc0",
        b"\x21\x41",
        b"\x21\x41\x40\xff\xff\xff",
        b"\x21\x41\x00\xff\xff",
        b"\x21\x41\x00\xff\xff\xff\x80",
        b"\x2f\x40" + bytes(23),
        b"\x21\x40\x00",
        b"\x41",
        b"\x40\x00",
        b"\x30",
        b"\x30\xc0",
        b"\x3f\x40" + bytes(23),
        b"\x41\xe0\xff\xff",
        b"\x80\x40",
    ],
)
def test_a_damaged_row_is_named(blob: bytes) -> None:
    good = pack(steady_day(5))
    with pytest.raises(ValueError, match="the row is damaged"):
        unpack([*good, blob, *good])


@pytest.mark.parametrize("quality", [REAL, DOUBTFUL])
def test_a_row_that_was_cut_short_or_grew_is_named(quality: int) -> None:
    day = steady_day(800)
    day.values[0, :24, 2] = range(24)
    day.quality[0, 0] = quality
    (blob,) = pack(day)
    for length in range(len(blob)):
        with pytest.raises(ValueError, match="the row is damaged"):
            unpack([blob[:length]])
    with pytest.raises(ValueError, match="the row is damaged"):
        unpack([blob + b"\x00"])


def reading(slots: list[int], wh: list[int], quality: int = REAL, owner: int = 7, day: date = date(2026, 10, 6)):
    start = MADRID.start_of(day_number(day))
    values = np.zeros((len(slots), 6), np.int64)
    values[:, 0] = wh
    return (
        np.full(len(slots), owner, np.int64),
        np.array([start + slot for slot in slots], np.int64),
        values,
        np.full(len(slots), quality, np.uint8),
    )


def test_missing_hours_stay_missing_and_are_never_zero() -> None:
    found, repeats = layers(MADRID, *reading([0, 1, 3], [5, 0, 8]))
    assert repeats == 0 and len(found) == 1
    day = found[0]
    assert (day.owner.tolist(), day.day.tolist()) == ([7], [day_number(date(2026, 10, 6))])
    assert day.curves.quality[0, :5].tolist() == [REAL, REAL, MISSING, REAL, MISSING]
    assert day.curves.values[0, :4, 0].tolist() == [5, 0, 0, 8]


def test_identical_readings_are_duplicates_and_different_ones_are_versions() -> None:
    owner, hour, values, quality = reading([0, 0, 0, 0, 1], [5, 5, 6, 5, 9])
    found, repeats = layers(MADRID, owner, hour, values, quality)
    assert repeats == 1
    assert [layer.curves.values[0, 0, 0] for layer in found] == [5, 6, 5]
    assert [layer.curves.quality[0, 1] for layer in found] == [REAL, MISSING, MISSING]


def test_layers_of_many_days_and_owners() -> None:
    one, two = reading([0, 23], [1, 2]), reading([24], [3], owner=8, day=date(2026, 10, 25))
    found, _ = layers(MADRID, *(np.concatenate(pair) for pair in zip(one, two, strict=True)))
    assert [(int(o), int(d)) for o, d in zip(found[0].owner, found[0].day, strict=True)] == [
        (7, day_number(date(2026, 10, 6))),
        (8, day_number(date(2026, 10, 25))),
    ]
    assert found[0].curves.length.tolist() == [24, 25]
    assert found[0].curves.values[1, 24, 0] == 3


def test_nothing_read_is_nothing_to_lay() -> None:
    assert layers(MADRID, *reading([], [])) == ([], 0)


def test_merge_counts_and_keeps() -> None:
    before = layers(MADRID, *reading([0, 1, 2], [10, 20, 30]))[0][0].curves
    after = layers(MADRID, *reading([1, 2, 3], [20, 31, 40]))[0][0].curves
    merged = merge(before, after)
    assert (merged.new.tolist(), merged.duplicates.tolist(), merged.superseded.tolist()) == ([1], [1], [1])
    assert merged.changed.tolist() == [True]
    assert merged.curves.values[0, :4, 0].tolist() == [10, 20, 31, 40]
    again = merge(merged.curves, after)
    assert again.changed.tolist() == [False] and again.duplicates.tolist() == [3]


def test_the_same_value_with_another_quality_is_a_new_version() -> None:
    before = layers(MADRID, *reading([0], [10], DOUBTFUL))[0][0].curves
    merged = merge(before, layers(MADRID, *reading([0], [10], REAL))[0][0].curves)
    assert merged.superseded.tolist() == [1] and merged.curves.quality[0, 0] == REAL


def full_days(start: date, end: date, wh: int) -> tuple[np.ndarray, DayCurves]:
    numbers = np.arange(day_number(start), day_number(end))
    days = blank_days(MADRID.lengths(numbers))
    inside = np.arange(25) < days.length[:, None]
    days.values[:, :, 0] = np.where(inside, wh, 0)
    days.values[:, :, 1] = np.where(inside, 1, 0)
    days.quality[:] = np.where(inside, REAL, MISSING)
    return numbers, days


def test_october_2026_per_period_with_its_25_hour_day() -> None:
    numbers, days = full_days(date(2026, 10, 1), date(2026, 11, 1), 100)
    total = period_totals(calendar("2.0TD", "peninsula"), MADRID, np.zeros(31, np.int64), 1, numbers, days)
    assert total.import_wh.tolist() == [[16_800, 16_800, 40_900]]
    assert total.export_wh.tolist() == [[168, 168, 409]]
    assert (total.measured.tolist(), total.estimated.tolist()) == ([745], [0])
    assert hours_expected(MADRID, day_number(date(2026, 10, 1)), day_number(date(2026, 11, 1))) == 745


def test_missing_and_estimated_hours_are_told_apart() -> None:
    numbers, days = full_days(date(2026, 10, 6), date(2026, 10, 8), 10)
    days.quality[0, 3] = MISSING
    days.values[0, 3] = 0
    days.quality[1, 10:12] = [DOUBTFUL, 2]
    total = period_totals(calendar("flat", ""), MADRID, np.array([1, 1]), 3, numbers, days)
    assert total.import_wh.tolist() == [[0], [470], [0]]
    assert (total.measured.tolist(), total.estimated.tolist()) == ([0, 45, 0], [0, 2, 0])


def test_energy_of_every_period_adds_up_to_the_curve() -> None:
    numbers, days = full_days(date(2026, 1, 1), date(2027, 1, 1), 0)
    inside = days.quality != MISSING
    days.values[:, :, 0][inside] = np.arange(inside.sum())
    for tariff in ("2.0TD", "3.0TD", "flat"):
        asker = np.zeros(len(numbers), np.int64)
        total = period_totals(calendar(tariff, "peninsula"), MADRID, asker, 1, numbers, days)
        assert total.import_wh.sum() == days.values[:, :, 0].sum()


def test_no_days_is_no_energy() -> None:
    none = np.zeros(0, np.int64)
    total = period_totals(calendar("2.0TD", "peninsula"), MADRID, none, 2, none, blank_days(none.astype(np.int8)))
    assert total.import_wh.tolist() == [[0, 0, 0], [0, 0, 0]]
