"""Readings of a meter's registers, the closes between two of them, and which of two readings stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod


class Origin(IntEnum):
    """How a reading came about: table 44 of the CNMC's exchange formats."""

    REMOTE = 10
    PORTABLE = 20
    VISUAL = 30
    ESTIMATED = 40
    SELF_READING = 50
    REMOTE_MANAGEMENT = 60
    CALCULATED = 70
    NONE = 99


TECHNICIAN = frozenset({Origin.REMOTE, Origin.PORTABLE, Origin.VISUAL, Origin.REMOTE_MANAGEMENT})
"""Read from the meter by the distributor, over the wire or on the spot: a real reading."""

ON_THE_SPOT = frozenset({Origin.PORTABLE, Origin.VISUAL})
"""A local or visual reading: what replaces a close that remote reading did not give (case d)."""


def rank(origin: Origin) -> int:
    """Priority of a reading: technician 3 > member's self-reading 2 > estimate or calculation 1 > none 0."""
    if origin in TECHNICIAN:
        return 3
    if origin is Origin.SELF_READING:
        return 2
    return 0 if origin is Origin.NONE else 1


@dataclass(frozen=True)
class Reading:
    """What the registers of one meter showed at local midnight at the start of ``day``.

    ``registers_wh``: absolute Wh per tariff period, P1 first. ``total_wh``: the meter's total register, where it has one.
    """

    meter: str
    day: date
    registers_wh: tuple[int, ...]
    origin: Origin
    received_at: datetime
    total_wh: int | None = None


def supersedes(new: Reading, old: Reading) -> bool:
    """Whether a reading replaces another of the same day: a higher rank does, of the same rank the one received later."""
    mine, other = rank(new.origin), rank(old.origin)
    return mine > other or (mine == other and new.received_at > old.received_at)


def standing(readings: Sequence[Reading]) -> Reading:
    """The reading that counts among several of one day. ValueError when there is none."""
    if not readings:
        raise ValueError("There is no reading to choose from.")
    best = readings[0]
    for reading in readings[1:]:
        if supersedes(reading, best):
            best = reading
    return best


@dataclass(frozen=True)
class Close:
    """Wh consumed per tariff period (P1 first) in the local days of ``period``, from register readings of ``origin``."""

    period: DatePeriod
    wh: tuple[int, ...]
    origin: Origin

    def __post_init__(self) -> None:
        if min(self.wh, default=0) < 0:
            raise Invalid(
                f"The close of {self.period.start} to {self.period.end} has {min(self.wh):,} Wh: energy is not negative.",
                "NEGATIVE_CLOSE",
            )


def difference(initial: Reading, final: Reading) -> tuple[int, ...]:
    """Final less initial register, per tariff period; negative where the registers ran backwards."""
    return tuple(b - a for a, b in zip(initial.registers_wh, final.registers_wh, strict=True))
