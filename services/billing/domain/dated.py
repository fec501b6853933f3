"""Values that change by law or by agreement on a date: a row each, without gap or overlap.

A new year or a new rate is a new row of data, never a new `if`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

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


class DatedTable(Generic[Value]):
    """Rows in order of date. Invalid when two rows overlap or leave days without a row between them."""

    def __init__(self, name: str, rows: Iterable[Row[Value]]) -> None:
        self.name = name
        self.rows = tuple(sorted(rows, key=lambda row: row.start))
        if not self.rows:
            raise Invalid(f"The table {name!r} has no row; give it at least one with `from` and `source`.", field=name)
        for row in self.rows:
            if row.end is not None and row.end <= row.start:
                raise Invalid(
                    f"In {name!r} the row from {row.start} ends on {row.end}, not after it starts.", field=name
                )
        for earlier, later in zip(self.rows, self.rows[1:], strict=False):
            if earlier.end is None or earlier.end > later.start:
                raise Invalid(
                    f"In {name!r} the row from {earlier.start} overlaps the row from {later.start}; "
                    f"end the first on {later.start}.",
                    field=name,
                )
            if earlier.end < later.start:
                raise Invalid(
                    f"In {name!r} no row covers {earlier.end} to {later.start}; every day between the first and the "
                    "last row needs one.",
                    field=name,
                )

    def at(self, day: date) -> Value:
        """The value in force on `day`; Refused (NO_TABLE_ROW) when the table does not reach that day."""
        for row in reversed(self.rows):
            if row.covers(day):
                return row.value
        raise self._no_row(day)

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
