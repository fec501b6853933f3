"""A file taken whole: the rows that wait on disk give what they would give in memory, and memory does not grow with them."""

from __future__ import annotations

import random
import tracemalloc
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.metering.domain.formats import CurveFile, gathering, read_curve_file, spool
from services.metering.domain.formats.gathering import GatheringSink

MADRID = ZoneInfo("Europe/Madrid")
START = datetime(2026, 9, 30, 22, tzinfo=UTC)
SUPPLIES = ("ES0575000000000877HA", "ES0575000000001234GE", "ES0575000000000012BC", "ES0575000000000999DC")


def file_of(seed: int) -> bytes:
    """Supplies side by side, one of them in quarters: rows that come again, astray, missing, with and without invoice."""
    chance = random.Random(seed)
    lines = []
    for quarter in range(1, 4 * 120):
        end = (START + timedelta(minutes=15 * quarter)).astimezone(MADRID)
        stamp = f"{end:%Y/%m/%d %H:%M};{int(bool(end.dst()))}"
        for index, supply in enumerate(SUPPLIES):
            astray = index and chance.random() < 0.02
            if (index and quarter % 4 and not astray) or chance.random() < 0.01:
                continue
            for _ in range(1 + (chance.random() < 0.05)):
                wh = chance.choice(["7", "7", "12", "-1"])
                lines.append(f"{supply};{stamp};{wh};1;0;0;0;0;1;1;{chance.choice(['', 'F1', 'F2'])};")
    return "\n".join(lines).encode()


def told(file: CurveFile) -> object:
    curves = [
        (
            curve.name,
            *(column.tolist() for column in (curve.start_hours, curve.values, curve.quality, curve.line)),
            curve.invoices,
            None if curve.invoice is None else curve.invoice.tolist(),
        )
        for curve in file.supplies
    ]
    return curves, file.quarantined, file.quarantined_count


@pytest.mark.parametrize("listed", [10_000, 40])
@pytest.mark.parametrize("rows", [1, 37, 300])
def test_rows_on_disk_are_the_same_curves_and_the_same_quarantine(
    monkeypatch: pytest.MonkeyPatch, rows: int, listed: int
) -> None:
    monkeypatch.setattr(gathering, "MAX_QUARANTINED", listed)
    data = file_of(rows)
    whole = told(read_curve_file(BytesIO(data)))
    monkeypatch.setattr(spool, "PART_ROWS", rows)
    given = read_curve_file(BytesIO(data))
    assert told(given) == whole
    assert len(given.quarantined) == min(listed, given.quarantined_count)
    for reason in ("The stamp is not the end", "quarters of this hour are missing", "The same hour comes again"):
        assert listed == 40 or any(reason in row.reason for row in given.quarantined), reason
    assert given.quarantined_count > 60


def test_each_curve_is_given_away_instead_of_kept() -> None:
    data = file_of(1)
    names: list[str] = []
    file = read_curve_file(BytesIO(data), each=lambda curve: names.append(curve.name))
    kept = read_curve_file(BytesIO(data))
    assert (names, file.supplies) == ([curve.name for curve in kept.supplies], [])
    assert (file.format, file.quarantined) == (kept.format, kept.quarantined)


def peak(rows: int) -> int:
    """Bytes at most while so many rows of a hundred supplies, hour by hour, are taken and given back."""
    tracemalloc.start()
    sink = GatheringSink()
    owners = [sink.owner(f"ES{number:018}") for number in range(100)]
    for row in range(rows):
        sink.interval(row, owners[row % 100], (row // 100) * 4 + 3, (row % 900, 0, 0, 0, 0, 0), 1)
    total = sum(int(curve.import_wh.sum()) for curve in sink.curves())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == int((np.arange(rows) % 900).sum())
    return most


def test_memory_does_not_grow_with_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PART_ROWS", 1_000)
    assert peak(30_000) < 1.2 * peak(10_000)
