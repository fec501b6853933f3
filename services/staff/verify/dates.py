"""Days that a bundle names: whether each is one, and whether the invoice's are those of what it bills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from services.staff.verify.numbers import day, month_after

NAMES = ("issue_date", "accrual_date", "from", "to", "start", "day", "found_on", "first_wrong")
ROWS = ("payments", "instalments", "priced_hours")
"""Lists whose rows begin with a day."""

Place = tuple[str | int, ...]


def impossible_days(bundle: dict[str, Any]) -> list[str]:
    """Each day or hour that the calendar does not have, with its place in the bundle."""
    found = []
    for place, value in _leaves(bundle):
        row_of = place[-3] if len(place) > 2 and place[-1] == 0 else None
        if row_of == "hours" or (len(place) > 3 and place[-4] == "quarter_demand_w" and place[-1] == 0):
            if not _is_hour(value):
                found.append(f"{_told(place)} says {value!r}, which is no instant with its offset.")
        elif (place[-1] in NAMES or row_of in ROWS) and value not in (None, "") and not _is_day(value):
            found.append(f"{_told(place)} says {value!r}, which is no day of the calendar (YYYY-MM-DD).")
    return found


def other_days(bundle: dict[str, Any]) -> list[str]:
    """Is the invoice's period that of its segments? They fill it, or lie in one calendar month: contracts begin and end."""
    invoice, segments = bundle["invoice"], bundle["segments"]
    if not segments:
        return []
    start, end = day(invoice["from"]), day(invoice["to"])
    first, last = min(day(each["from"]) for each in segments), max(day(each["to"]) for each in segments)
    month = start.day == 1 and end == month_after(start)
    if (start, end) == (first, last) or (month and start <= first and last <= end):
        return []
    return [f"The invoice says that it bills {start} to {end} (excluded), and what it bills is of {first} to {last}."]


def _leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, (*place, name))
    elif place:
        yield place, value


def _is_day(value: Any) -> bool:
    try:
        return day(value).isoformat() == value
    except (TypeError, ValueError):
        return False


def _is_hour(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _told(place: Place) -> str:
    """`segments[0].from`."""
    return "".join(f"[{name}]" if isinstance(name, int) else f".{name}" for name in place).removeprefix(".")
