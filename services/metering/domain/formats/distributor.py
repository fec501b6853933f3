"""What the distributors' exchange files (F5D, P5D, F1) have in common: fields in fixed places, ``;`` after every one."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.metering.domain.formats.dialect import Context
from services.metering.domain.formats.fields import energy, flag, supply_code
from services.metering.domain.formats.lines import BadRow, LineReader, first_lines
from services.metering.domain.formats.sink import Sink
from services.metering.domain.formats.stamps import LocalClock, parse_day, parse_time

ENERGIES = ("AE", "AS", "R1", "R2", "R3", "R4")


class ExchangeReader(LineReader):
    """Rows with a season flag beside the stamp. Subclasses say where the fields are."""

    def __init__(self, sink: Sink, context: Context) -> None:
        super().__init__(sink, context)
        self._clock = LocalClock(context)

    def fields(self, text: str, count: int) -> list[str]:
        """The fields of a row that must have ``count`` of them, with or without ``;`` after the last."""
        found = text.split(";")
        if len(found) == count + 1 and not found[-1].strip():
            found.pop()
        if len(found) != count:
            raise BadRow(f"The row has {len(found)} fields, not {count}.")
        return [field.strip() for field in found]

    def owner(self, text: str) -> int:
        """The number of the supply."""
        return self.sink.owner(supply_code(text))

    def last_quarter(self, stamp: str, season: str) -> int:
        """The quarter with which the interval of a stamp ends. 24:00 is 00:00 of the next day."""
        day, _, time = stamp.partition(" ")
        return self._clock.quarter_by_season(parse_day(day), parse_time(time), flag("The season flag", season))


def energies(texts: list[str], scale: int, most: int) -> list[int]:
    """Wh of AE, AS and, where they are, R1 to R4. Import must be there; an empty one of the others is zero."""
    values = [energy(ENERGIES[at], text, scale, most, 0 if at else None) for at, text in enumerate(texts)]
    return values + [0] * (len(ENERGIES) - len(values))


def recogniser(pattern: str, fields: int) -> Callable[[bytes], bool]:
    """Whether most first lines of a file begin like ``pattern`` and have that many fields: damage to some is no matter."""
    begin = re.compile(pattern)

    def recognises(head: bytes) -> bool:
        lines = first_lines(head)
        alike = sum(
            1
            for line in lines
            if begin.match(line) and len(line.rstrip(";").split(";")) <= fields <= len(line.split(";"))
        )
        return bool(lines) and 2 * alike >= len(lines)

    return recognises
