"""What the lines of an invoice print besides their amounts: price, quantity and days are those of the calculation, too.

Many a wrong price comes to the same cent, so the multiplication alone does not show it.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from services.staff.verify.numbers import number
from services.staff.verify.services import Line

FACTORS = {"unit_price": "price", "quantity": "quantity", "days": "days", "year_days": "year_days"}
"""What is printed -> what the calculation calls it."""
WORDS = {
    "unit_price": "unit price",
    "quantity": "quantity",
    "days": "number of days",
    "year_days": "length of the year",
}
KEPT = Decimal("1E-10")
"""The books keep ten decimals of a price: rounding takes at most half of the last one, and a digit changed is a whole one."""

Printed = dict[str, Any]
Name = tuple[str, str, str, Decimal]


def unlike_factors(printed: list[Printed], calculated: list[Line]) -> list[str]:
    """Printed figures that are not those which gave the same amount when it was calculated again."""
    left = list(calculated)
    found = []
    for line in printed:
        mine = [each for each in left if (each.service, each.concept, each.period, each.amount) == _name(line)]
        if not mine:
            continue  # another amount, which is told as such
        best = min(mine, key=lambda each: len(_differing(line, each)))
        left.remove(best)
        found += _differing(line, best)
    return found


def unlike_sides(printed: list[Printed], sides: Iterable[tuple[int, list[Printed]]]) -> list[str]:
    """The same of a rectifying invoice, whose lines are those of its sides with the sign that each has there."""
    known: dict[Name, list[Printed]] = {}
    for sign, lines in sides:
        for line in lines:
            known.setdefault((*_name(line)[:3], sign * number(line["amount"])), []).append(line)
    found = []
    for line in printed:
        wrong: list[list[str]] = [
            [
                _sentence(line, factor, _size(other[factor]), _size(line[factor]))
                for factor in FACTORS
                if not _same(_size(line.get(factor)), _size(other.get(factor)))
            ]
            for other in known.get(_name(line), [])
        ]
        fewest: list[str] = min(wrong, key=len, default=[])
        found += fewest
    return found


def _name(line: Printed) -> Name:
    return line["service"], line["concept"], line["period"], number(line["amount"])


def _differing(line: Printed, mine: Line) -> list[str]:
    return [
        _sentence(line, factor, getattr(mine, name), None if line.get(factor) is None else number(line[factor]))
        for factor, name in FACTORS.items()
        if not _same(None if line.get(factor) is None else number(line[factor]), getattr(mine, name))
    ]


def _same(one: Decimal | None, other: Decimal | int | None) -> bool:
    """A figure that only one of the two has is a difference, too: a reader would miss it, or multiply by it."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < KEPT


def _size(text: Any) -> Decimal | None:
    """Without its sign, which is turned where a line is taken back."""
    return None if text is None else abs(number(text))


def _sentence(line: Printed, factor: str, again: Any, printed: Any) -> str:
    what = " ".join(part for part in (line["service"], line["concept"], line["period"]) if part)
    told = ["none" if figure is None else figure for figure in (again, printed)]
    return f"{what}: the {WORDS[factor]} is {told[0]} when calculated again, and {told[1]} on the invoice."
