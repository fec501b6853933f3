"""The file of sharing coefficients that participants send to the distributor (RD 244/2019, annex I).

``<CAU>_<year>.txt``: ``CUPS;coefficient`` for constant ones, ``CUPS;hour;coefficient`` with the hours 1 to 8760 for
variable ones; decimal comma, at most six decimals. In every hour they sum to one, exactly.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.chassis.errors import Invalid
from services.metering.domain.hours import day_number, day_of_number, local_days

ONE = 1_000_000
"""A coefficient of one, in the millionths that files write."""
HOURS = 8_760
"""Of a file. The 29th of February has the coefficients of the 28th."""
_BEFORE_LEAP_DAY = (31 + 28) * 24
_NAME = re.compile(r"(ES[0-9]{16}[A-Z]{2}[0-9][A-Z]A[0-9]{3})_([0-9]{4})\.TXT")
_CUPS = re.compile(r"ES[0-9]{16}[A-Z]{2}([0-9][A-Z])?")
_COEFFICIENT = re.compile(r"(0|1)(?:,([0-9]{1,6}))?")
_SUPPLY = 20
"""Characters of a CUPS without its border point, by which supplies are told apart."""


@dataclass(frozen=True)
class Coefficients:
    """The agreement of one installation and year: millionths, (1, k) when constant or (8760, k)."""

    cau: str
    year: int
    supplies: tuple[str, ...]
    millionths: NDArray[np.int64]


class Agreements:
    """The coefficients of one installation, by year; a year without a file has those of the year before."""

    def __init__(self, files: Sequence[Coefficients]) -> None:
        """Invalid when the files are of several installations, or two of the same year."""
        if not files:
            raise Invalid("There is no file of coefficients; name at least one.", field="coefficients")
        caus = sorted({each.cau for each in files})
        if len(caus) > 1:
            raise Invalid(f"The files are of several installations, {', '.join(caus)}; share one at a time.")
        self.by_year = {each.year: each for each in sorted(files, key=lambda each: each.year)}
        if len(self.by_year) < len(files):
            raise Invalid("Two files are of the same year; leave the one that is in force.", field="coefficients")
        self.cau = caus[0]

    @property
    def supplies(self) -> tuple[str, ...]:
        """The participants of any year, in order of appearance."""
        return tuple(dict.fromkeys(supply for each in self.by_year.values() for supply in each.supplies))

    def weights(self, hours: NDArray[np.int64], zone_name: str) -> NDArray[np.int64]:
        """(n, k) millionths of `supplies` in hours given as whole hours since the epoch.

        Hour 1 of a file is the first of the local year, and they are counted as they elapse. Invalid when an hour lies
        before the first year there is.
        """
        days = local_days(zone_name)
        number, _ = days.day_and_slot(hours)
        years = np.array([day_of_number(each).year for each in number.tolist()], np.int64)
        found = np.zeros((len(hours), len(self.supplies)), np.int64)
        for year in np.unique(years).tolist():
            inside = years == year
            agreed = self._of(year)
            position = hours[inside] - days.start_of(day_number(date(year, 1, 1)))
            if isleap(year):
                position = np.where(position >= _BEFORE_LEAP_DAY, position - 24, position)
            rows = agreed.millionths[np.zeros_like(position) if len(agreed.millionths) == 1 else position]
            columns = [self.supplies.index(supply) for supply in agreed.supplies]
            part = np.zeros((len(position), len(self.supplies)), np.int64)
            part[:, columns] = rows
            found[inside] = part
        return found

    def _of(self, year: int) -> Coefficients:
        before = [each for each in self.by_year if each <= year]
        if not before:
            first = next(iter(self.by_year))
            raise Invalid(
                f"There are no coefficients for {year}: those of {self.cau} begin with {first}.", field="year"
            )
        return self.by_year[before[-1]]


def read_coefficients(name: str, text: str) -> Coefficients:
    """One file, by its name without folder and its text. Invalid names the line and what is wrong in it."""
    match = _NAME.fullmatch(name.upper())
    if match is None:
        raise Invalid(
            f"{name!r} is not the name of a file of coefficients; it is the code of the installation (CUPS of 22 characters, "
            "A and three digits), a low line and the year, such as ES1234000000000001JN0FA001_2026.txt.",
            field="coefficients",
        )
    rows = [(number, line.strip()) for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1)]
    rows = [(number, line) for number, line in rows if line]
    if not rows:
        raise Invalid(f"{name} is empty; it needs a line for each participant.", field="coefficients")
    fields = len(_split(rows[0][1]))
    if fields not in (2, 3):
        raise Invalid(
            f"{name}, line {rows[0][0]}: {rows[0][1]!r} has {fields} fields; write CUPS;coefficient or CUPS;hour;coefficient."
        )
    supplies, values = _values(name, rows, fields)
    _check_sums(name, values)
    return Coefficients(match[1], int(match[2]), supplies, values)


def _split(line: str) -> list[str]:
    """A separator may stand at the end of a line too."""
    return [field.strip() for field in line.removesuffix(";").split(";")]


def _values(name: str, rows: Iterable[tuple[int, str]], fields: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    hours = 1 if fields == 2 else HOURS
    found: dict[str, NDArray[np.int64]] = {}
    full: dict[str, str] = {}
    for number, line in rows:
        place = f"{name}, line {number}"
        texts = _split(line)
        if len(texts) != fields:
            raise Invalid(f"{place}: {line[:60]!r} has {len(texts)} fields, and the first line {fields}.")
        supply = texts[0].upper()
        if _CUPS.fullmatch(supply) is None:
            raise Invalid(f"{place}: {texts[0][:40]!r} is not a CUPS.")
        hour = 1 if fields == 2 else _hour(texts[1], place)
        column = found.setdefault(supply[:_SUPPLY], np.full(hours, -1, np.int64))
        full.setdefault(supply[:_SUPPLY], supply)
        if column[hour - 1] >= 0:
            raise Invalid(
                f"{place}: {supply} has hour {hour} twice." if fields == 3 else f"{place}: {supply} stands twice."
            )
        column[hour - 1] = _coefficient(texts[-1], place)
    for key, column in found.items():
        missing = np.flatnonzero(column < 0)
        if len(missing):
            raise Invalid(
                f"{name}: {full[key]} has no coefficient for hour {missing[0] + 1}; give every hour 1 to {HOURS}."
            )
    return tuple(full.values()), np.stack(list(found.values()), axis=1)


def _hour(text: str, place: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= HOURS:
        raise Invalid(f"{place}: {text[:20]!r} is not an hour of the year, 1 to {HOURS}.")
    return int(text)


def _coefficient(text: str, place: str) -> int:
    match = _COEFFICIENT.fullmatch(text)
    value = int(match[1]) * ONE + int((match[2] or "0").ljust(6, "0")) if match else ONE + 1
    if value > ONE:
        raise Invalid(f"{place}: {text[:20]!r} is not a coefficient; write 0 to 1 with a comma, such as 0,135464.")
    return value


def _check_sums(name: str, values: NDArray[np.int64]) -> None:
    wrong = np.flatnonzero(values.sum(axis=1) != ONE)
    if len(wrong):
        total = int(values[wrong[0]].sum())
        where = f"of hour {wrong[0] + 1} " if len(values) > 1 else ""
        raise Invalid(
            f"{name}: the coefficients {where}sum to {total // ONE},{total % ONE:06d}, and they must sum to 1 exactly."
        )
