"""Consumption that is presumed an error: far above what the same holder used in the same season before.

Argentina, Ley 24.240 art. 31: where consumption has seasons, more than 75 % above the average of the same period of the
two years before; where it has none, above the average of the twelve months before. The holder pays the average meanwhile.
Quantities are whole thousandths (Wh, litres). Years are compared day by day: a February of 29 days expects 29 days' worth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.chassis.money import round_half_up

Basis = Literal["season", "year"]
BASES: tuple[Basis, ...] = ("season", "year")
YEARS = 2


@dataclass(frozen=True)
class Presumption:
    """When a consumption is presumed an error: more than `excess_percent` above the average that `basis` names."""

    basis: Basis
    excess_percent: Decimal
    source: str


@dataclass(frozen=True)
class Billed:
    """What was billed of a service in the month that begins on `month`: thousandths, over so many days."""

    month: date
    days: int
    used: int


@dataclass(frozen=True)
class Average:
    """What was usual, for as many days as the bill has: exact thousandths, and the months it was taken from."""

    value: Fraction
    months: tuple[date, ...]

    @property
    def rounded(self) -> int:
        return int(round_half_up(Decimal(self.value.numerator) / self.value.denominator, 0))

    def exceeded_by(self, used: int, percent: Decimal) -> bool:
        """Whether `used` is more than `percent` above it; exactly that much is not."""
        return used > self.value * (1 + Fraction(percent) / 100)


def months_of(basis: Basis, month: date) -> tuple[date, ...]:
    """First days of the months that a month's consumption is compared with, oldest first."""
    if basis == "season":
        return tuple(date(month.year - back, month.month, 1) for back in range(YEARS, 0, -1))
    first = month.year * 12 + month.month - 13
    return tuple(date(index // 12, index % 12 + 1, 1) for index in range(first, first + 12))


def average(history: Iterable[Billed], basis: Basis, month: date, days: int) -> Average | None:
    """The usual consumption of `days` days billed in a month; None where nothing comparable was billed.

    A year that was not billed does not count: it would halve the average.
    """
    wanted = months_of(basis, month)
    found = [each for each in history if each.month in wanted and each.days]
    if not found:
        return None
    usual = Fraction(sum(each.used for each in found), sum(each.days for each in found))
    return Average(usual * days, tuple(sorted({each.month for each in found})))
