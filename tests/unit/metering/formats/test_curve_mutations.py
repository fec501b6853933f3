"""Damaged files, by the thousand and from a fixed seed: nothing crashes, nothing grows, and no row that is right is lost."""

from __future__ import annotations

import io
import random
import tracemalloc
from datetime import UTC, datetime

import pytest

from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.hours import hour_number
from tests.unit.metering.formats.curve_writers import SUPPLY, WRITERS, Hour
from tests.unit.metering.formats.mutations import OPERATIONS, several, swap_fields, untouched

MUTATIONS = 2_000
FIRST = hour_number(datetime(2026, 3, 28, 12, tzinfo=UTC))  # half a day before the 23-hour day
HOURS = [Hour(FIRST + i, 100 + i, i % 3) for i in range(20)]


def read(data: bytes) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "mutated")


def kept(file: CurveFile) -> dict[int, int]:
    return {
        int(start): int(wh)
        for curve in file.supplies
        if (curve.supply or curve.meter) == SUPPLY
        for start, wh in zip(curve.start_hours, curve.import_wh, strict=True)
    }


@pytest.mark.parametrize("name", WRITERS)
def test_mutations_lose_no_good_row(name: str) -> None:
    chance = random.Random(f"{name} 1")
    whole = WRITERS[name].write(HOURS)
    empty_lines = set(WRITERS[name].write([]).split(b"\n"))
    of_hour = [set(WRITERS[name].write([hour]).split(b"\n")) - empty_lines for hour in HOURS]
    for number in range(MUTATIONS):
        data = bytearray(whole)
        operation = chance.choice(OPERATIONS)
        operation(data, chance)
        found = read(bytes(data))
        lines = untouched(whole, bytes(data))
        if name == "prime" and not all(line in lines for line in whole.split(b"\n")[:3]):
            continue  # the meter's own line is damaged: its rows cannot be told whose they are
        heading_moved = operation in (swap_fields, several) and whole.split(b"\n")[0] not in lines
        if heading_moved and name in ("ide", "edistribucion"):
            continue  # with the headings of import and export exchanged the file says another thing
        if operation is several and 2 * len(lines) < len(data.split(b"\n")):
            continue  # most of it is no such file
        taken = kept(found)
        doubled = sum("comes again" in row.reason for row in found.quarantined)
        lost = [
            hour
            for hour, rows in zip(HOURS, of_hour, strict=True)
            if rows <= lines and taken.get(hour.start) != hour.wh
        ]
        assert len(lost) <= doubled, (number, operation.__name__, lost, found.problem, found.quarantined)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_endless_rubbish_takes_no_memory(name: str) -> None:
    class Endless(io.RawIOBase):
        """A good beginning, then 32 MB of one line without an end."""

        def __init__(self) -> None:
            self.left = [WRITERS[name].write(HOURS), *[b"9" * (1 << 16)] * 512]

        def read(self, size: int = -1) -> bytes:
            if not self.left:
                return b""
            piece = self.left.pop(0)
            if len(piece) > size:
                self.left.insert(0, piece[size:])
            return piece[:size]

    tracemalloc.start()
    try:
        found = read_curve_file(Endless(), "endless")  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept(found) == {hour.start: hour.wh for hour in HOURS}
    assert found.quarantined or found.problem
    assert peak < 24 << 20


def test_quarantined_rows_are_counted_but_not_all_kept() -> None:
    found = read(WRITERS["p5d"].write(HOURS) + b"rubbish\n" * 25_000)
    assert (found.quarantined_count, len(found.quarantined), len(kept(found))) == (25_000, 10_000, len(HOURS))
