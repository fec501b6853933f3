"""Readings of a meter's registers as files and members give them, after the border: local days, whole Wh or litres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.metering.domain.estimation.closes import Origin

WH, LITRE = "Wh", "litre"
"""Units: energy (varh for reactive channels), and water."""

WATER = "water"
"""The one channel of a water meter; an electricity meter's are those of ``readings.CHANNELS``."""


@dataclass(frozen=True)
class MaximumPower:
    """The highest quarter-hourly power of a tariff period (``period`` 1 for P1): watts and the instant (UTC)."""

    period: int
    watts: int
    at: datetime | None


@dataclass(frozen=True)
class RegisterRow:
    """What the registers of one meter showed at local midnight at the start of ``day``.

    ``meter`` is the serial, ``supply`` the CUPS or account number where a file names that instead; one of both is empty at
    most. ``registers``: channel -> absolute value per tariff period, P1 first (one value for a meter with one register).
    ``totals``: channel -> the total register, where the meter has one. ``since``: the first day of a monthly close.
    ``line``: where it stands in its file, 0 for one that came by no file.
    """

    meter: str
    supply: str
    day: date
    origin: Origin
    unit: str
    registers: Mapping[str, tuple[int, ...]]
    totals: Mapping[str, int] = field(default_factory=dict)
    since: date | None = None
    max_power: tuple[MaximumPower, ...] = ()
    line: int = 0
