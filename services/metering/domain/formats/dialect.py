"""What a dialect is: how its files are recognised, and how one is read into a sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from services.metering.domain.formats.sink import Sink
from services.metering.domain.hours import END_DAY, hour_number, local_days

HEAD_BYTES = 1 << 16
"""Bytes of the beginning by which a dialect is told from the others."""

HEADING = "heading"
"""Name under which the heading line is kept with a row that is to be read again."""

INTERVAL = "interval"
"""Under this name stands what a stamped row measures: HOUR or QUARTER. The supply's other rows told it."""
HOUR, QUARTER = "hour", "quarter"

HOUR_NUMBER = "hour number"
"""Which hour of its day (from 1) a row of a day of the clock change means, as the labels of the whole day told."""

OCCURRENCE = "occurrence"
"""1 or 2: which of the two times that the clock showed its time a row stands for, as its place in the file told."""

CLOCK_AHEAD_HOURS = 24
"""A meter's clock may run ahead a little; an hour of the day after tomorrow has not been measured."""


@dataclass(frozen=True)
class Context:
    """``zone_name``: whose local time the stamps are. ``received_at``: when the file came; hours far after it are refused.

    ``batch_rows``: about how many rows are handed on at once, where they are. ``around``: when one row is read again by
    itself, what was kept with it; None while a file is read.
    """

    zone_name: str
    received_at: datetime | None = None
    batch_rows: int = 1 << 15
    around: Mapping[str, str] | None = None

    @property
    def latest(self) -> datetime:
        """``received_at``, or the end of known time when nobody says."""
        return self.received_at or datetime(END_DAY.year - 1, 12, 30, tzinfo=UTC)

    def known_hours(self) -> tuple[int, int]:
        """The hours that a file received then can tell of (half-open)."""
        days = local_days(self.zone_name)
        now = hour_number(self.latest.replace(minute=0, second=0, microsecond=0))
        return days.first_hour, min(days.end_hour, now + CLOCK_AHEAD_HOURS)


class Reader(Protocol):
    """Takes the bytes of one file."""

    @property
    def problem(self) -> str:
        """Empty, or why reading stopped early."""

    @property
    def line(self) -> int:
        """The line that is being read, from 1."""

    def feed(self, piece: bytes) -> None:
        """Some more bytes."""

    def gap(self, reason: str) -> None:
        """Some bytes are lost here, for that reason (a sentence): what they cut on either side is no row."""

    def close(self) -> None:
        """The file has ended."""


def under_heading(raw: str, around: Mapping[str, str]) -> bytes:
    """A file of one row, under the heading it stood under if there was one."""
    return "".join(f"{line}\n" for line in (around.get(HEADING), raw) if line).encode()


@dataclass(frozen=True)
class Dialect:
    """``recognises`` is given the first HEAD_BYTES of the content (fewer when the file is shorter). ``alone`` makes a file
    out of one row and what stood around it, as the reader gave both to the quarantine.
    """

    name: str
    recognises: Callable[[bytes], bool]
    open: Callable[[Sink, Context], Reader]
    alone: Callable[[str, Mapping[str, str]], bytes] = under_heading
