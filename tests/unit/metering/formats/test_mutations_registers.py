"""Damaged files of register readings, by the thousand: no crash, and no reading that is right is lost."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.metering.domain.estimation.closes import Origin
from services.metering.domain.formats import CurveFile, read_curve_file
from services.metering.domain.registers import WH, RegisterRow
from tests.unit.metering.formats.mutations import OPERATIONS, several, untouched
from tests.unit.metering.formats.register_writers import english, s04, s05, spanish

MUTATIONS = 2_000
FIRST = date(2026, 10, 20)  # the clock goes back on the 25th
METER = "CIR0141433184"
Writer = Callable[[Sequence[RegisterRow]], bytes]


def rows_of(origin: Origin, count: int, since: bool = False, periods: int = 3) -> list[RegisterRow]:
    """Closes of one meter, a day or a month apart, every figure of them different."""
    found = []
    for number in range(count):
        day = date(2026, 1 + number, 1) if since else FIRST + timedelta(days=number)
        whs = tuple(1000 * (1 + 37 * number + period) for period in range(periods))
        begin = date(day.year - (day.month == 1), (day.month - 2) % 12 + 1, 1) if since else None
        values, totals = {"import": whs}, {"import": sum(whs)} if periods > 1 else {}
        found.append(RegisterRow(METER, "", day, origin, WH, values, totals, since=begin))
    return found


SAMPLES: dict[str, tuple[Writer, list[RegisterRow]]] = {
    "S04": (s04, rows_of(Origin.REMOTE_MANAGEMENT, 6, since=True, periods=6)),
    "S05": (s05, rows_of(Origin.REMOTE_MANAGEMENT, 6, periods=6)),
    "spanish": (spanish, rows_of(Origin.VISUAL, 12)),
    "english": (english, rows_of(Origin.VISUAL, 12, periods=1)),
}


def read(data: bytes) -> CurveFile:
    return read_curve_file(io.BytesIO(data), "mutated")


def plain(rows: Sequence[RegisterRow]) -> list[RegisterRow]:
    return [replace(row, line=0) for row in rows]


@pytest.mark.parametrize("name", SAMPLES)
def test_an_undamaged_file_is_read_whole(name: str) -> None:
    write, rows = SAMPLES[name]
    assert [replace(row, max_power=()) for row in plain(read(write(rows)).closes)] == rows


@pytest.mark.parametrize("name", SAMPLES)
def test_mutations_lose_no_good_reading(name: str) -> None:
    chance = random.Random(f"{name} 1")
    write, rows = SAMPLES[name]
    whole = write(rows)
    good = plain(read(whole).closes)
    empty = set(write([]).split(b"\n"))
    of_row = [set(write([row]).split(b"\n")) - empty for row in rows]
    begin = whole.split(b"\n")[: 3 if name.startswith("S0") else 1]
    for number in range(MUTATIONS):
        data = bytearray(whole)
        operation = chance.choice(OPERATIONS)
        operation(data, chance)
        found = read(bytes(data))
        lines = untouched(whole, bytes(data))
        if not all(line in lines for line in begin):
            continue  # whose readings these are, or which column is which, nothing else says
        if operation is several and 2 * len(lines) < len(data.split(b"\n")):
            continue  # most of it is no such file
        taken = plain(found.closes)
        doubled = sum("again" in row.reason for row in found.quarantined)
        lost = [row for row, its in zip(good, of_row, strict=True) if its <= lines and row not in taken]
        assert len(lost) <= doubled, (number, operation.__name__, lost, found.problem, found.quarantined)
