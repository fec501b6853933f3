"""The two days a year on which ``hh:mm`` may be the number of the hour or the wall clock: the day's own labels tell.

* Autumn, 25 hours. A label 25:00 means numbers. Otherwise, 02:00 or 03:00 written twice means the wall clock: the labels
  before it are as always, the first of the two is summer time, the second and all later ones are winter time.
* Spring, 23 hours. Labels 23:00 and 24:00 while 02:00 or 03:00 is absent mean the wall clock, which skips one of them.

Everything else is the number of the hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.metering.domain.formats.dialect import HOUR_NUMBER
from services.metering.domain.formats.lines import BadRow
from services.metering.domain.formats.sink import Sink
from services.metering.domain.formats.stamps import LocalClock
from services.metering.domain.hours import QUARTERS

_AUTUMN = 25
_REPEATED = (2, 3)
_MOST_ROWS = 200
"""Rows held of one supply and day; a file that repeats a day over and over is resolved by parts."""
_MOST_HELD = 100_000
"""Rows held in all: two such days of two thousand supplies. With more, the days that came first are taken for whole."""


@dataclass(frozen=True)
class Row:
    """A row that is right but for its time, or one that is ``refused`` for that reason and still has its place in the day.

    ``around``: what it is read with; ``point``: the supply it names.
    """

    line: int
    text: str
    owner: int
    values: Sequence[int]
    quality: int
    invoice: int
    around: Mapping[str, str] = field(default_factory=dict)
    point: str = ""
    refused: str = ""

    def put(self, sink: Sink, last_quarter: int) -> None:
        """Give it to the sink, as the interval that ends with that quarter."""
        sink.text, sink.around = self.text, self.around
        sink.interval(self.line, self.owner, last_quarter, self.values, self.quality, self.invoice)

    def put_hour(self, sink: Sink, hour: int) -> None:
        """Give it to the sink, as the interval that ends with that hour."""
        self.put(sink, hour * QUARTERS + QUARTERS - 1)


class ChangeDays:
    """Holds the rows of days of 23 and 25 hours until the whole day has been seen."""

    def __init__(self, clock: LocalClock, sink: Sink) -> None:
        self._clock, self._sink = clock, sink
        self._held: dict[tuple[str, int, int], list[tuple[int, Row]]] = {}
        self._count = 0

    def add(self, day: int, label: int, row: Row) -> None:
        """A row of a day of the clock change, with its ``hh`` as label; refused rows too: without their labels the others
        would mean other hours.
        """
        held = self._held.setdefault((self._sink.member, row.owner, day), [])
        held.append((label, row))
        self._count += 1
        if len(held) >= _MOST_ROWS:
            self._resolve(day, held)
            self._count -= len(held)
            held.clear()
        while self._count > _MOST_HELD:
            first = next(iter(self._held))
            oldest = self._held.pop(first)
            self._resolve(first[2], oldest)
            self._count -= len(oldest)

    def resolve_all(self) -> None:
        """No more rows will come."""
        for (_, _, day), held in self._held.items():
            self._resolve(day, held)
        self._held.clear()
        self._count = 0

    def _resolve(self, day: int, held: list[tuple[int, Row]]) -> None:
        numbers = _numbers([label for label, _ in held], self._clock.hours_in(day))
        for (_, row), number in zip(held, numbers, strict=True):
            try:
                if row.refused:
                    raise BadRow(row.refused)
                hour = self._clock.hour(day, number)
            except BadRow as bad:
                told = {**row.around, HOUR_NUMBER: str(number)}
                self._sink.quarantine(row.line, row.text, str(bad), row.text, told, row.point)
            else:
                row.put_hour(self._sink, hour)


def _numbers(labels: list[int], hours: int) -> list[int]:
    """The number of the hour that each label of a day means."""
    count = Counter(labels)
    if hours == _AUTUMN:
        twice = [label for label in _REPEATED if count[label] == 2]
        if len(twice) != 1 or count[_AUTUMN]:
            return labels
        second = len(labels) - 1 - labels[::-1].index(twice[0])
        return [label + (label > twice[0] or at == second) for at, label in enumerate(labels)]
    wall = count[24] and count[23] and sum(count[label] > 0 for label in _REPEATED) < 2
    return [label - (label >= 3) for label in labels] if wall else labels
