"""What damage to a packed file takes with it: of bzip2 one block, of an uncompressed file in a zip nothing but the byte."""

from __future__ import annotations

import bz2
import io
import random
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, timedelta

import pytest

from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.formats.containers import Container
from services.metering.domain.formats.packing import Gap
from tests.support.prime_files import meter, report, stamp
from tests.unit.metering.formats.curve_writers import SUPPLY, WRITERS, Hour, f5d, prime
from tests.unit.metering.formats.mutations import cut, drop, flip, insert, untouched
from tests.unit.metering.formats.register_writers import s05
from tests.unit.metering.formats.test_curve_mutations import FIRST, HOURS, kept
from tests.unit.metering.formats.test_register_dialects import daily

MUTATIONS = 2_000
RIGHT = {hour.start: hour.wh for hour in HOURS}
MANY = [Hour(FIRST + at, at * 7919 % 9000) for at in range(6_000)]


def prime_meter(hours: Sequence[Hour]) -> str:
    return meter(SUPPLY, [f'<S02 Fh="{stamp(hour.start)}" Bc="00" AI="{hour.wh}" AE="0"/>' for hour in hours])


def read(data: bytes) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "packed")


def archive(files: Sequence[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file:
        for name, data in files:
            file.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["f5d", "prime"])
def test_a_wrong_byte_in_an_uncompressed_file_of_a_zip_loses_its_own_row_alone(name: str) -> None:
    chance = random.Random(f"{name} stored")
    content = WRITERS[name].write(HOURS)
    whole = archive([("curve", content)])
    begin = whole.index(content)
    rows = {hour.start: WRITERS[name].write([hour]).split(b"\n")[-2 if name == "f5d" else 3] for hour in HOURS}
    first_rows = min(content.index(row) for row in rows.values())
    for _ in range(200):
        data = bytearray(whole)
        at = begin + chance.randrange(first_rows, len(content))
        data[at] ^= 1 << chance.randrange(8)
        found = read(bytes(data))
        lines = untouched(content, bytes(data[begin : begin + len(content)]))
        assert {start for start, row in rows.items() if row in lines} <= kept(found).keys(), at - begin
        assert "checksum does not fit" in found.problem
        assert "checksum does not fit" in found.quarantined[-1].reason


def test_2000_mutations_of_an_archive_of_uncompressed_files_lose_no_row_they_did_not_touch() -> None:
    """Of the archive's own bytes, too: names, sizes, offsets and the directory stand twice, or can be done without."""
    chance = random.Random("archive")
    content = f5d(HOURS)
    middle = content.index(b"\n", len(content) // 2) + 1
    whole = archive([("a", content[:middle]), ("b", content[middle:])])
    rows = {hour.start: f5d([hour]).strip() for hour in HOURS}

    def flip_one(data: bytearray, chance: random.Random) -> None:
        data[chance.randrange(4, len(data))] ^= 1 << chance.randrange(8)

    for number in range(MUTATIONS):
        data = bytearray(whole)
        operation = chance.choice((flip_one, flip_one, flip_one, cut, flip, drop, insert))
        operation(data, chance)
        found = read(bytes(data))
        lines = untouched(whole, bytes(data))
        missing = [at for at, row in rows.items() if row in lines and at not in kept(found)]
        # More than one byte of a header can take its file with it; that is said.
        assert operation not in (flip_one, cut) or missing == [], (number, operation.__name__, missing, found.problem)
        assert found.problem or found.quarantined or kept(found).keys() == RIGHT.keys(), number


def test_2000_mutations_of_small_bzip2_blocks_lose_only_the_blocks_they_touch() -> None:
    chance = random.Random("blocks")
    parts = [HOURS[at : at + 4] for at in range(0, len(HOURS), 4)]
    packed = [bz2.compress(f5d(part)) for part in parts]
    begins = [sum(map(len, packed[:at])) for at in range(len(packed))]
    whole = b"".join(packed)
    for _ in range(MUTATIONS):
        data = bytearray(whole)
        at = chance.randrange(4, len(whole))
        data[at] ^= 1 << chance.randrange(8)
        found = read(bytes(data))
        hit = max(part for part, begin in enumerate(begins) if begin <= at)
        # The first row behind a gap could be the end of one that was lost: it is not taken.
        safe = [hour for number, part in enumerate(parts) if number != hit for hour in part[number == hit + 1 :]]
        assert kept(found).items() <= RIGHT.items()
        assert {hour.start for hour in safe} <= kept(found).keys(), (at, hit, found.problem)
        assert kept(found) == RIGHT or found.problem


@pytest.mark.parametrize("write", [f5d, prime])
@pytest.mark.parametrize("place", [0.05, 0.5, 0.97])
def test_a_damaged_bzip2_block_loses_itself_and_is_told_with_its_line(
    write: Callable[..., bytes], place: float
) -> None:
    content = (
        write(MANY) if write is f5d else report(*(prime_meter(MANY[at : at + 200]) for at in range(0, 6_000, 200)))
    )
    data = bytearray(bz2.compress(content, 1))
    at = int(len(data) * place)
    data[at : at + 3] = b"\x55\xaa\x55"
    found = read(bytes(data))
    right = {hour.start: hour.wh for hour in MANY}
    if place == 0.05 and write is prime:
        assert "none of the known formats" in found.problem  # the report and its meter are lost
        return
    assert kept(found).items() <= right.items()
    lost = sorted(right.keys() - kept(found).keys())
    block = 105_000 // (len(content) // len(MANY)) + (200 if write is prime else 2)
    assert 0 < len(lost) <= block and lost == list(range(lost[0], lost[-1] + 1))
    told = [row for row in found.quarantined if "packed file is damaged between its bytes" in row.reason]
    assert len(told) == 1 and "in one place" in found.problem
    assert content.split(b"\n")[told[0].line - 1].startswith(told[0].value.encode()) or write is prime
    assert write is prime or abs(told[0].line - (lost[0] - FIRST) - 1) <= 1


def test_a_bzip2_file_cut_short_gives_the_blocks_before_the_cut() -> None:
    content = f5d(MANY)
    data = bz2.compress(content, 1)
    found = read(data[: len(data) * 2 // 3])
    assert "cut short" in found.problem
    assert kept(found).items() <= {hour.start: hour.wh for hour in MANY}.items()
    assert len(kept(found)) > 1_000
    assert kept(read(data)) == {hour.start: hour.wh for hour in MANY}
    assert kept(read(data[:-6])) == kept(read(data))  # the end mark alone


def test_endless_repetitions_are_given_piece_by_piece() -> None:
    (member,) = Container(io.BytesIO(bz2.compress(b"\n" * (30 << 20)))).members()
    sizes = [len(piece) for piece in member.pieces if not isinstance(piece, Gap)]
    assert (sum(sizes), max(sizes) <= 1 << 16, member.problem) == (30 << 20, True, "")


def test_rubbish_that_begins_like_bzip2_is_no_block() -> None:
    chance = random.Random("rubbish")
    found = read(b"BZh9" + chance.randbytes(3 << 20))
    assert found.problem and not found.supplies


def test_of_registers_a_gap_loses_the_meter_it_cut() -> None:
    rows = [daily(date(2024, 1, 1) + timedelta(days=at), meter=f"M{at % 9}") for at in range(400)]
    data = bytearray(bz2.compress(s05(rows), 1))
    at = len(data) // 2
    data[at : at + 3] = b"\x55\xaa\x55"
    found = read(bytes(data))
    assert 100 < len(found.closes) < 400
    known = {(row.meter, row.day): row.registers for row in rows}
    assert all(known[row.meter, row.day] == row.registers for row in found.closes)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_without_its_directory_gives_the_files_that_are_found(method: int) -> None:
    halves = [("a", f5d(HOURS[:10])), ("b", f5d(HOURS[10:]))]
    whole = archive(halves, method)
    assert kept(read(whole)) == RIGHT
    begin = whole.index(b"PK\x01\x02")
    found = read(whole[:begin])
    assert kept(found) == RIGHT and "directory of the zip archive is damaged" in found.problem
    second = whole.index(b"PK\x03\x04", 4)
    assert kept(read(whole[: second + 10])) == {hour.start: hour.wh for hour in HOURS[:10]}


def test_what_cannot_be_unpacked_is_said() -> None:
    whole = archive([("curve", f5d(HOURS))], zipfile.ZIP_LZMA)
    assert "method (number 14) that is not read" in read(whole).problem
    assert "archive is empty" in read(archive([])).problem
    assert "nothing in it could be read" in read(b"PK\x03\x04" + bytes(100)).problem
    encrypted = bytearray(archive([("curve", f5d(HOURS))]))
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    assert "is encrypted" in read(bytes(encrypted)).problem
