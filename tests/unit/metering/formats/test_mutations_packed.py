"""Packed files that were damaged, or that are bombs: what can be unpacked is read, memory stays bounded, nothing crashes."""

from __future__ import annotations

import bz2
import gzip
import io
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.prime import S02Reader, read_s02
from tests.unit.metering.formats.curve_writers import WRITERS
from tests.unit.metering.formats.mutations import cut, drop, flip, insert
from tests.unit.metering.formats.test_curve_mutations import HOURS, kept

MUTATIONS = 250
LIMIT = 24 << 20


def zipped(data: bytes, copies: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(copies):
            archive.writestr(f"curve-{number}.csv", data)
    return packed.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "zip": zipped,
}


def read(data: bytes) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "packed")


def whole_hours(name: str, content: bytes) -> set[int]:
    """The hours of which all lines, with their ends, stand at the beginning of a file that was cut short."""
    lines = content.split(b"\n")[:-1]
    empty = set(WRITERS[name].write([]).split(b"\n"))
    return {hour.start for hour in HOURS if set(WRITERS[name].write([hour]).split(b"\n")) - empty <= set(lines)}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", WRITERS)
def test_a_packed_file_is_read_like_the_plain_one(name: str, packing: str) -> None:
    data = WRITERS[name].write(HOURS)
    assert kept(read(PACKINGS[packing](data))) == kept(read(data)) == {hour.start: hour.wh for hour in HOURS}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", WRITERS)
def test_damage_to_a_packed_file_crashes_nothing(name: str, packing: str) -> None:
    chance = random.Random(f"{name} {packing}")
    whole = PACKINGS[packing](WRITERS[name].write(HOURS))
    for _ in range(MUTATIONS):
        data = bytearray(whole)
        operation = chance.choice((cut, flip, drop, insert))
        operation(data, chance)
        found = read(bytes(data))
        right = {hour.start: hour.wh for hour in HOURS}
        assert bytes(data) == whole or found.problem or found.quarantined or kept(found) == right, operation.__name__


@pytest.mark.parametrize("name", WRITERS)
def test_of_a_gzip_file_cut_short_all_that_can_be_unpacked_is_read(name: str) -> None:
    chance = random.Random(f"{name} cut")
    whole = gzip.compress(WRITERS[name].write(HOURS), mtime=0)
    for _ in range(MUTATIONS):
        data = whole[: chance.randrange(20, len(whole))]
        content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)
        found = read(data)
        assert "cut short" in found.problem
        assert whole_hours(name, content) <= kept(found).keys()


@pytest.mark.parametrize("name", WRITERS)
def test_of_a_gzip_file_with_a_wrong_byte_what_came_before_it_is_read(name: str) -> None:
    chance = random.Random(f"{name} byte")
    whole = bytearray(gzip.compress(WRITERS[name].write(HOURS), mtime=0))
    looked_at = 0
    for _ in range(MUTATIONS):
        data = whole.copy()
        at = chance.randrange(len(data) // 2, len(data) - 8)
        data[at] ^= 1 << chance.randrange(8)
        before = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(bytes(data[:at]))
        good = whole_hours(name, before)
        if 4 * len(good) > 3 * len(HOURS):  # of a file of rubbish for the most part nobody can tell what it was
            assert good <= kept(read(bytes(data))).keys()
            looked_at += 1
    assert looked_at > MUTATIONS // 10


def zeros(count: int, level: int = 9) -> bytes:
    """A gzip member of zeros, a thousandth of its content."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    parts = [squeeze.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join([*parts, squeeze.flush()])


def bombs() -> dict[str, bytes]:
    """Each begins with a good file, where its packing lets it."""
    good = WRITERS["f5d"].write(HOURS)
    member = zeros(96 << 20)
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3_000):
            archive.writestr(f"{number}", b"")
    return {
        "gzip": gzip.compress(good, mtime=0) + member,
        "gzip in gzip": gzip.compress(gzip.compress(good, mtime=0) + member),
        "bzip2": bz2.compress(good + bytes(72 << 20)),
        "zip": zipped(good + bytes(72 << 20)),
        "zip of many": zipped(bytes(8 << 20), copies=12),
        "zip of nothings": many.getvalue(),
        "zip in zip": zipped(zipped(good)),
    }


def test_bombs_are_told_and_take_no_memory() -> None:
    for name, data in bombs().items():
        tracemalloc.start()
        try:
            found = read(data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found.problem or found.quarantined, name
        assert peak < LIMIT, (name, peak)
        if name in ("gzip", "bzip2", "zip"):
            assert kept(found) == {hour.start: hour.wh for hour in HOURS}, name


def test_the_reader_of_reports_unpacks_gzip_as_far_as_it_goes() -> None:
    content = WRITERS["prime"].write(HOURS)
    whole = bytearray(gzip.compress(content, mtime=0))
    at = len(whole) * 3 // 4
    whole[at : at + 4] = b"\xff\xff\xff\xff"
    before = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(bytes(whole[:at]))
    reader = S02Reader("Europe/Madrid", datetime(2026, 11, 21, tzinfo=UTC))
    hours = {int(hour) for batch in read_s02(reader, [bytes(whole)]) for hour in batch.hour}
    assert "damaged" in reader.problem
    assert len(whole_hours("prime", before)) > 5
    assert whole_hours("prime", before) <= hours
