"""Consumption profiles: how a consumer of a tariff typically spreads energy over the hours, as data.

A table row says which share of a year an hour takes: by month, day type and clock hour, between two dates. A published
profile with a value per date and hour is written with one-day rows and day type ``any``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from services.chassis.errors import Refused
from services.metering.domain.calendar import FLAT
from services.metering.domain.estimation.day_types import DAY_TYPES, clock_hours, months_and_types
from services.metering.domain.hours import END_DAY, LocalDays, day_number, day_of_number

COLUMNS = ("tariff", "from", "to", "month", "day_type", "hour", "coefficient", "source")
ANY = "any"

PLACES = 12
"""Decimal places kept of a coefficient: weights are whole multiples of 10^-12."""

_ABSENT = -1


@dataclass(frozen=True)
class RefusedRow:
    """A row of a profile file that was not taken: its line, what it said, and why, as a sentence."""

    line: int
    value: str
    reason: str


@dataclass
class _Block:
    """Coefficients valid in the days [start, end): (12 months, 3 day types, 24 clock hours), -1 where none.

    ``rivals`` are the blocks that share a day with it, itself included: no two may have the same cell.
    """

    start: int
    end: int
    table: NDArray[np.int64]
    rivals: list[_Block] = field(default_factory=list)


class Profile:
    """The coefficients of one tariff."""

    def __init__(self, tariff: str, blocks: list[_Block], sources: tuple[str, ...]) -> None:
        self.tariff = tariff
        self.sources = sources
        self._blocks = blocks

    @property
    def coefficients(self) -> int:
        """How many cells of month, day type and hour have one."""
        return sum(int((block.table != _ABSENT).sum()) for block in self._blocks)

    def weights(self, days: LocalDays, hours: NDArray[np.int64]) -> NDArray[np.int64]:
        """The weight of each of some hours (n,), given in order.

        The repeated hour of a 25-hour day weighs what the one before it does.
        Raises Refused, naming the first hour the profile has no coefficient for.
        """
        day, slot = days.day_and_slot(hours)
        month, kind = months_and_types(day)
        clock = clock_hours(days)[hours - days.first_hour]
        found = np.full(len(hours), _ABSENT, np.int64)
        for block in self._blocks:
            if not len(day) or block.end <= day[0] or block.start > day[-1]:
                continue
            rows = np.flatnonzero((day >= block.start) & (day < block.end))
            value = block.table[month[rows], kind[rows], clock[rows]]
            found[rows] = np.where(value != _ABSENT, value, found[rows])
        absent = np.flatnonzero(found == _ABSENT)
        if len(absent):
            at = int(absent[0])
            raise Refused(
                f"The profile of {self.tariff} has no coefficient for {day_of_number(int(day[at]))} hour "
                f"{int(slot[at]) + 1}: upload one that covers it.",
                "NO_PROFILE",
            )
        return found


class EvenProfile(Profile):
    """Every hour weighs the same: for services that no profile is published for (water, tariffs without periods)."""

    def __init__(self, tariff: str = FLAT) -> None:
        super().__init__(tariff, [], ("even",))

    def weights(self, days: LocalDays, hours: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.ones(len(hours), np.int64)


@dataclass(frozen=True)
class LoadedProfiles:
    """The profiles of a file by tariff, and the rows that were refused."""

    profiles: dict[str, Profile]
    refused: tuple[RefusedRow, ...]


def load_profiles(lines: Iterable[str]) -> LoadedProfiles:
    """Profiles out of a CSV file with the header COLUMNS; lines that begin with ``#`` are remarks.

    ``from`` and ``to`` are half-open dates (``to`` may be empty), ``month`` is 1-12 or empty, ``day_type`` one of DAY_TYPES
    or ``any``, ``hour`` 1-24 by the clock (hour 1 begins at midnight), ``coefficient`` a decimal with a point. A bad row is
    refused and stops no other; ValueError when the header is not the expected one.
    """
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]
    header = tuple(_cells(numbered[0][1])) if numbered else ()
    if header != COLUMNS:
        raise ValueError(f"A profile file begins with the columns {','.join(COLUMNS)}, not {','.join(header)!r}.")
    blocks: dict[str, dict[tuple[int, int], _Block]] = {}
    sources: dict[str, dict[str, None]] = {}
    refused: list[RefusedRow] = []
    for number, line in numbered[1:]:
        try:
            row = _Row.read(_cells(line))
            _place(blocks.setdefault(row.tariff, {}), row)
        except ValueError as wrong:
            refused.append(RefusedRow(number, line.strip()[:120], str(wrong)))
        else:
            sources.setdefault(row.tariff, {})[row.source] = None
    profiles = {
        tariff: Profile(tariff, list(found.values()), tuple(sources[tariff]))
        for tariff, found in blocks.items()
        if tariff in sources
    }
    return LoadedProfiles(profiles, tuple(refused))


@lru_cache(maxsize=8)
def sample_profile(tariff: str) -> Profile:
    """The shipped sample of a tariff (2.0TD, 3.0TD). ValueError for a tariff without one."""
    place = files(__package__) / "data" / f"sample_{tariff}.csv"
    if not place.is_file():
        raise ValueError(f"There is no sample profile for {tariff!r}: upload its coefficients.")
    with place.open(encoding="utf-8") as lines:
        return load_profiles(lines).profiles[tariff]


@dataclass(frozen=True)
class _Row:
    tariff: str
    start: int
    end: int
    months: slice
    kinds: slice
    hour: int
    weight: int
    source: str

    @classmethod
    def read(cls, cells: list[str]) -> _Row:
        """A row's cells; ValueError with a sentence for the first that cannot be."""
        if len(cells) != len(COLUMNS):
            raise ValueError(f"The row has {len(cells)} cells, not {len(COLUMNS)}.")
        tariff, start, end, month, day_type, hour, coefficient, source = (cell.strip() for cell in cells)
        if not tariff or not source:
            raise ValueError("The row must name its tariff and the source of the coefficient.")
        first, last = _day("from", start), _day("to", end) if end else day_number(END_DAY)
        if last <= first:
            raise ValueError(f"The row is valid from {start} to {end}: no day lies between them (the end is excluded).")
        index = _number("month", month, 1, 12) - 1 if month else 0
        if day_type not in (*DAY_TYPES, ANY):
            raise ValueError(f'day_type is "{day_type}": it must be {", ".join(DAY_TYPES)} or {ANY}.')
        kind = DAY_TYPES.index(day_type) if day_type != ANY else 0
        return cls(
            tariff,
            first,
            last,
            slice(index, index + 1) if month else slice(None),
            slice(kind, kind + 1) if day_type != ANY else slice(None),
            _number("hour", hour, 1, 24) - 1,
            _weight(coefficient),
            source,
        )


def _cells(line: str) -> list[str]:
    """A line on its own: a quotation mark that is never closed spoils no other."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as wrong:
        raise ValueError(f"The row is no CSV: {wrong}.") from None


def _place(blocks: dict[tuple[int, int], _Block], row: _Row) -> None:
    """Put a coefficient into its block; ValueError when another one is already valid there."""
    span = (row.start, row.end)
    if span not in blocks:
        new = _Block(*span, np.full((12, len(DAY_TYPES), 24), _ABSENT, np.int64))
        blocks[span] = new
        new.rivals = [block for block in blocks.values() if block.start < new.end and new.start < block.end]
        for block in new.rivals[:-1]:
            block.rivals.append(new)
    here = (row.months, row.kinds, row.hour)
    if any((block.table[here] != _ABSENT).any() for block in blocks[span].rivals):
        raise ValueError("Another row gives a coefficient for the same days and hour.")
    blocks[span].table[here] = row.weight


def _day(name: str, text: str) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError:
        raise ValueError(f'{name} is "{text}": write a date as 2026-10-31.') from None


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and low <= int(text) <= high):
        raise ValueError(f'{name} is "{text}": it must be a number from {low} to {high}.')
    return int(text)


def _weight(text: str) -> int:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f'coefficient is "{text}": write a decimal number with a point.') from None
    if not value.is_finite() or not 0 <= value <= 1:
        raise ValueError(f'coefficient is "{text}": a share of the year lies between 0 and 1.')
    scaled = value.scaleb(PLACES)
    if scaled != scaled.to_integral_value():
        raise ValueError(f'coefficient is "{text}": more than {PLACES} decimal places.')
    return int(scaled)
