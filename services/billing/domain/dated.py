"""Values that change by law or by agreement on a date: a row each, without gap or overlap.

A new year or a new rate is a new row of data, never a new `if`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Literal, TypeVar

from services.chassis.errors import Invalid, Refused
from services.chassis.periods import DatePeriod

Value = TypeVar("Value")


@dataclass(frozen=True)
class Row(Generic[Value]):
    """`value` in force from `start` (included) to `end` (excluded; None = until further notice)."""

    start: date
    end: date | None
    source: str
    value: Value

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Flaw:
    """Days that no row covers, that several rows cover, or a row that ends before it starts; in a sentence too."""

    kind: Literal["empty", "order", "overlap", "gap"]
    start: date | None
    end: date | None
    sentence: str


def flaws(name: str, rows: Iterable[Row[Any]]) -> list[Flaw]:
    """What is wrong with the dates of the table `name`; nothing when each day of it has exactly one row."""
    ordered = sorted(rows, key=lambda row: row.start)
    if not ordered:
        sentence = f"The table {name!r} has no row; give it at least one with `from` and `source`."
        return [Flaw("empty", None, None, sentence)]
    found = [
        Flaw(
            "order", row.start, row.end, f"In {name!r} the row from {row.start} ends on {row.end}, not after it starts."
        )
        for row in ordered
        if row.end is not None and row.end <= row.start
    ]
    longest = ordered[0]  # the row that reaches furthest so far
    for row in ordered[1:]:
        if longest.end is None or longest.end > row.start:
            ends = [end for end in (longest.end, row.end) if end is not None]
            sentence = (
                f"In {name!r} the row from {longest.start} overlaps the row from {row.start}; "
                f"end the first on {row.start}."
            )
            found.append(Flaw("overlap", row.start, min(ends) if ends else None, sentence))
        elif longest.end < row.start:
            sentence = (
                f"In {name!r} no row covers {longest.end} to {row.start}; every day between the first and the "
                "last row needs one."
            )
            found.append(Flaw("gap", longest.end, row.start, sentence))
        if longest.end is not None and (row.end is None or row.end > longest.end):
            longest = row
    return found


class DatedTable(Generic[Value]):
    """Rows in order of date. Invalid when two rows overlap or leave days without a row between them."""

    def __init__(self, name: str, rows: Iterable[Row[Value]]) -> None:
        self.name = name
        self.rows = tuple(sorted(rows, key=lambda row: row.start))
        for flaw in flaws(name, self.rows):
            raise Invalid(flaw.sentence, field=name)

    def at(self, day: date) -> Value:
        """The value in force on `day`; Refused (NO_TABLE_ROW) when the table does not reach that day."""
        for row in reversed(self.rows):
            if row.covers(day):
                return row.value
        raise self._no_row(day)

    def find(self, day: date) -> Value | None:
        """The value in force on `day`, or None where the table does not reach that day."""
        return next((row.value for row in self.rows if row.covers(day)), None)

    def within(self, period: DatePeriod) -> Iterator[Row[Value]]:
        """The rows in force on some day of `period`, whether or not they cover all of it."""
        return (row for row in self.rows if row.start < period.end and (row.end is None or period.start < row.end))

    def spans(self, period: DatePeriod) -> Iterator[tuple[DatePeriod, Row[Value]]]:
        """`period` cut where the value changes, in order; Refused when a day of it has no row."""
        if not self.rows[0].start <= period.start:
            raise self._no_row(period.start)
        last = self.rows[-1].end
        if last is not None and last < period.end:
            raise self._no_row(last)
        for row in self.rows:
            start = max(row.start, period.start)
            end = period.end if row.end is None else min(row.end, period.end)
            if start < end:
                yield DatePeriod(start, end), row

    def _no_row(self, day: date) -> Refused:
        first, last = self.rows[0].start, self.rows[-1].end
        until = f" to {last} (excluded)" if last else " on"
        return Refused(
            f"The table {self.name!r} says nothing for {day}: it goes from {first}{until}. Add the row for that date.",
            reason="NO_TABLE_ROW",
            table=self.name,
            day=day.isoformat(),
        )
