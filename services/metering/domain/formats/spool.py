"""Rows that wait until a file has been read, on disk beyond the first few: memory does not grow with the file."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import IO

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.readings import CHANNELS

ROW = np.dtype(
    [
        ("owner", "<i4"),
        ("member", "<i4"),
        ("line", "<i8"),
        ("place", "<i8"),
        ("start", "<i4"),
        ("quality", "u1"),
        ("invoice", "<i4"),
        ("values", "<u4", len(CHANNELS)),
    ]
)
"""``place`` counts the rows of a spool in the order given."""
COLUMNS = ("owner", "member", "line", "start", "quality", "invoice")
"""What a row that is added one by one begins with; its values follow."""

PART_ROWS = 1 << 15
"""Rows looked at together, unless one owner alone has more."""
_FIELDS = len(COLUMNS) + len(CHANNELS)


class Spool:
    """Takes rows in the file's order, and gives them back by owner."""

    def __init__(self) -> None:
        self._open = array("q")
        self._held: list[NDArray[np.void]] = []
        self._disk: IO[bytes] | None = None
        self._chunks: list[int] = []
        """Rows of each chunk on disk."""
        self._of_owner = np.zeros(0, np.int64)
        self._count = 0

    def add(self, row: tuple[int, ...]) -> None:
        """One row: COLUMNS, then the values."""
        self._open.extend(row)
        if len(self._open) >= PART_ROWS * _FIELDS:
            self._compact()

    def extend(self, rows: NDArray[np.void]) -> None:
        """Rows that are compact already; their places are given here."""
        self._compact()
        self._keep(rows)

    def counts(self, owners: int) -> NDArray[np.int64]:
        """How many rows each owner has."""
        self._compact()
        return np.pad(self._of_owner, (0, owners - len(self._of_owner)))

    def parts(self, bounds: list[int]) -> Iterator[NDArray[np.void]]:
        """The rows of the owners from each bound (included) to the next, in the order given. Only once."""
        self._compact()
        if self._disk is None:
            rows = np.concatenate(self._held) if self._held else np.zeros(0, ROW)
            self._held = []
            for first, end in pairwise(bounds):
                yield rows[(rows["owner"] >= first) & (rows["owner"] < end)]
            return
        self._write()
        sizes = [int(self._of_owner[first:end].sum()) for first, end in pairwise(bounds)]
        with self._disk as given, tempfile.TemporaryFile() as sorted_out:
            self._disk = None
            self._sort(given, sorted_out, bounds, sizes)
            given.truncate(0)
            sorted_out.seek(0)
            for size in sizes:
                yield np.frombuffer(sorted_out.read(size * ROW.itemsize), ROW)

    def _sort(self, given: IO[bytes], out: IO[bytes], bounds: list[int], sizes: list[int]) -> None:
        """Each part's rows one behind the other, in the order given."""
        ends = np.append(0, np.cumsum(sizes))[:-1]
        given.seek(0)
        for count in self._chunks:
            rows = np.frombuffer(given.read(count * ROW.itemsize), ROW)
            part = np.searchsorted(bounds, rows["owner"], side="right") - 1
            order = np.argsort(part, kind="stable")
            rows, part = rows[order], part[order]
            begins = np.flatnonzero(np.append(True, part[1:] != part[:-1]))
            for begin, end in pairwise([*begins.tolist(), count]):
                at = int(part[begin])
                out.seek(int(ends[at]) * ROW.itemsize)
                out.write(rows[begin:end].tobytes())
                ends[at] += end - begin

    def _compact(self) -> None:
        if not self._open:
            return
        flat = np.frombuffer(self._open, np.int64).reshape(-1, _FIELDS)
        rows = np.empty(len(flat), ROW)
        for column, name in enumerate(COLUMNS):
            rows[name] = flat[:, column]
        rows["values"] = flat[:, len(COLUMNS) :]
        self._open = array("q")
        self._keep(rows)

    def _keep(self, rows: NDArray[np.void]) -> None:
        rows["place"] = np.arange(self._count, self._count + len(rows))
        self._count += len(rows)
        counted = np.bincount(rows["owner"], minlength=len(self._of_owner))
        counted[: len(self._of_owner)] += self._of_owner
        self._of_owner = counted
        self._held.append(rows)
        if sum(map(len, self._held)) > 2 * PART_ROWS:
            self._write()

    def _write(self) -> None:
        if self._disk is None:
            self._disk = tempfile.TemporaryFile()  # noqa: SIM115 - open until the parts are given
        for rows in self._held:
            for begin in range(0, len(rows), PART_ROWS):
                chunk = rows[begin : begin + PART_ROWS]
                self._disk.write(chunk.tobytes())
                self._chunks.append(len(chunk))
        self._held = []


def parts_of(counts: NDArray[np.int64]) -> list[int]:
    """Bounds of owners that together have about PART_ROWS rows, or of one that has more."""
    bounds, rows = [0], 0
    for owner, count in enumerate(counts.tolist()):
        if rows and rows + count > PART_ROWS:
            bounds.append(owner)
            rows = 0
        rows += count
    return [*bounds, len(counts)]
