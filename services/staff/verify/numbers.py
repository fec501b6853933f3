"""Rounding, days and dated rows, as a bundle writes them: amounts are texts, dates ISO, "to" is excluded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

LONGEST_MONTH = 31

Tax = tuple[str, Decimal, Decimal, Decimal]
"""Kind, base, amount and rate (a ratio)."""


class Unverifiable(Exception):
    """The bundle lacks something or has something that this calculation does not know; a sentence."""


def number(text: Any) -> Decimal:
    """An amount as the bundle writes it."""
    return Decimal(str(text))


def rounded(amount: Decimal, places: int = 2) -> Decimal:
    """Half-up, as a clerk rounds."""
    return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def day(text: str) -> date:
    return date.fromisoformat(text)


def days_between(start: date, end: date) -> list[date]:
    """Every day from start (included) to end (excluded)."""
    return [start + timedelta(days=index) for index in range((end - start).days)]


def days_in_year(one: date) -> int:
    return 366 if one.year % 4 == 0 and (one.year % 100 != 0 or one.year % 400 == 0) else 365


def days_in_month(one: date) -> int:
    return (month_after(one) - one.replace(day=1)).days


def month_after(one: date) -> date:
    """The first day of the month after that of a day."""
    return date(one.year + one.month // 12, one.month % 12 + 1, 1)


def row_on(rows: Iterable[dict[str, Any]], on: date, what: str, **wanted: str) -> dict[str, Any]:
    """The one row in force on a day. Raises Unverifiable when there is none, or more than one."""
    text = on.isoformat()  # days of one form compare as texts
    found = [
        row
        for row in rows
        if row["from"] <= text
        and (not row.get("to") or text < row["to"])
        and all(row.get(name) == value for name, value in wanted.items())
    ]
    if len(found) == 1:
        return found[0]
    of = "".join(f" of {value}" for value in wanted.values())
    count = "no row" if not found else f"{len(found)} rows"
    raise Unverifiable(f"The bundle has {count} of {what}{of} for {on}.")


def stretches(days: Iterable[date], value_of: Callable[[date], Any]) -> list[tuple[int, date, Any]]:
    """Consecutive days with one value and within one year: how many, the first of them, and the value."""
    found: list[tuple[int, date, Any]] = []
    before: date | None = None
    for one in sorted(set(days)):
        value = value_of(one)
        follows = before is not None and one == before + timedelta(days=1) and one.year == before.year
        if found and follows and found[-1][2] == value:
            count, first, _ = found[-1]
            found[-1] = (count + 1, first, value)
        else:
            found.append((1, one, value))
        before = one
    return found
