"""Blocks of consumption: a price for each step of it (marginal), or one price for all of it (category by total).

Quantities are whole thousandths of what is priced, Wh of a kWh or litres of a m³; limits hold for a number of months and a
part of them has that part of each limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

Algorithm = Literal["marginal", "category"]
ALGORITHMS: tuple[Algorithm, ...] = ("marginal", "category")


@dataclass(frozen=True)
class Block:
    """Consumption up to `up_to` thousandths (None: the rest) at `price` per kWh or m³.

    `fixed_charge` is what the category costs besides, where categories differ in it; only with the category algorithm.
    """

    up_to: int | None
    price: Decimal
    fixed_charge: Decimal | None = None


@dataclass(frozen=True)
class Step:
    """What of a consumption is priced by one block: `used` thousandths; `label` names the block by its own limits."""

    label: str
    used: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return round_half_up(Decimal(self.used) / 1000 * self.price)


def steps(used: int, blocks: Sequence[Block], algorithm: Algorithm, share: Fraction = Fraction(1)) -> tuple[Step, ...]:
    """`used` thousandths over `blocks` in rising order, whose limits count for `share` of their months.

    Marginal: each block takes its own part; the first is there even when nothing was used. Category: one step at the price
    of the block that the whole reaches, a consumption equal to a limit being still below it.
    """
    if algorithm == "category":
        index = category(used, blocks, share)
        return (Step(_label(blocks, index), used, blocks[index].price),)
    return tuple(_marginal(used, blocks, share))


def _marginal(used: int, blocks: Sequence[Block], share: Fraction) -> Iterator[Step]:
    floor = 0
    for index, block in enumerate(blocks):
        ceiling = used if block.up_to is None else min(used, _limit(block.up_to, share))
        if index == 0 or ceiling > floor:
            yield Step(_label(blocks, index), ceiling - floor, block.price)
        floor = max(floor, ceiling)


def category(used: int, blocks: Sequence[Block], share: Fraction = Fraction(1)) -> int:
    """Index of the block that a whole consumption reaches."""
    return next(index for index, each in enumerate(blocks) if each.up_to is None or used <= _limit(each.up_to, share))


def share_of_months(days: DatePeriod, months: int = 1) -> Fraction:
    """`days` as a part of `months` calendar months, each month counting by its own days: a quarter of 3 months is 1."""
    return sum((Fraction(part.days, in_month) for part, in_month in days.by_month()), start=Fraction(0)) / months


def spread(used: int, days: Sequence[int]) -> tuple[int, ...]:
    """`used` thousandths over spans of so many days, in proportion; whole, and the parts sum to `used` exactly."""
    whole, passed, given, parts = sum(days), 0, 0, []
    for each in days:
        passed += each
        upto = int(round_half_up(Decimal(used * passed) / whole, 0))
        parts.append(upto - given)
        given = upto
    return tuple(parts)


def _limit(up_to: int, share: Fraction) -> int:
    return int(round_half_up(Decimal(up_to * share.numerator) / share.denominator, 0))


def _label(blocks: Sequence[Block], index: int) -> str:
    """ "0–150", "> 150": limits in whole units, as the price book gives them."""
    before = blocks[index - 1].up_to if index else 0
    assert before is not None
    upper = blocks[index].up_to
    return f"> {_units(before)}" if upper is None else f"{_units(before)}–{_units(upper)}"


def _units(thousandths: int) -> str:
    return f"{(Decimal(thousandths) / 1000).normalize():f}"
