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

import pytest

from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.formats.containers import Container
from services.metering.domain.formats.deflate import salvaged
from services.metering.domain.formats.packing import PIECE
from tests.unit.metering.formats.curve_writers import WRITERS, Hour
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


ZIP_NAME = "curve-0.csv"
ZIP_CONTENT = 30 + len(ZIP_NAME)


def deflated(packing: str, packed: bytes) -> tuple[int, int]:
    """Where the deflated content of a packed file begins, and how long it is."""
    if packing == "gzip":
        return 10, len(packed) - 18
    (entry,) = zipfile.ZipFile(io.BytesIO(packed)).infolist()
    return ZIP_CONTENT, entry.compress_size


@pytest.mark.parametrize("packing", ["gzip", "zip"])
@pytest.mark.parametrize("name", WRITERS)
def test_of_a_packed_file_with_a_wrong_byte_what_came_before_it_is_read(name: str, packing: str) -> None:
    chance = random.Random(f"{name} {packing} byte")
    whole = bytearray(PACKINGS[packing](WRITERS[name].write(HOURS)))
    begin, size = deflated(packing, bytes(whole))
    looked_at = 0
    for _ in range(MUTATIONS):
        data = whole.copy()
        at = begin + chance.randrange(size * 2 // 3, size - 1)
        data[at] ^= 1 << chance.randrange(8)
        before = zlib.decompressobj(-zlib.MAX_WBITS).decompress(bytes(data[begin:at]))
        everything = b"".join(salvaged(zlib.decompressobj(-zlib.MAX_WBITS), bytes(data[begin:])))
        if 4 * before.count(b"\n") > 3 * everything.count(
            b"\n"
        ):  # else rubbish for the most part, that may be anything
            found = read(bytes(data))
            assert found.problem or kept(found) == {hour.start: hour.wh for hour in HOURS}  # a bit that fills up a byte
            assert whole_hours(name, before) <= kept(found).keys()
            looked_at += 1
    assert looked_at > 5


def test_a_large_file_in_a_damaged_archive_is_read_once_and_up_to_the_damage() -> None:
    hours = [Hour(HOURS[0].start + number, number % 700) for number in range(12_000)]
    content = WRITERS["f5d"].write(hours)
    data = bytearray(zipped(content))
    at = len(data) * 3 // 4
    data[at : at + 8] = bytes(8)
    before = zlib.decompressobj(-zlib.MAX_WBITS).decompress(bytes(data[ZIP_CONTENT:at]))
    (member,) = Container(io.BytesIO(data)).members()
    given = b"".join(member.pieces)
    assert "damaged" in member.problem + member.remark
    assert len(before) > 5 * PIECE
    assert given.startswith(before) and len(given) < len(content) + PIECE


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
