"""The highest demand that is a contract's own: a monthly close tells that of the contract before it, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from services.billing.domain.bill import Energy
from services.billing.domain.planning import Segment
from services.chassis.periods import day_start


def with_own_demand(
    segments: Sequence[Segment], energies: Sequence[Energy | None], tz: ZoneInfo
) -> list[Energy | None]:
    """The energy of each segment; without its highest demands where one that exceeds is of a day before the contract.

    How high the demand was on the contract's own days is then not known, as if no maximeter had been read.
    """
    begun: dict[str, date] = {}
    for segment in segments:
        begun.setdefault(segment.contract.id, segment.days.start)
    return [
        replace(energy, max_demand_w=None)
        if energy is not None and _of_others(segment, energy, begun[segment.contract.id], tz)
        else energy
        for segment, energy in zip(segments, energies, strict=True)
    ]


def _of_others(segment: Segment, energy: Energy, begun: date, tz: ZoneInfo) -> bool:
    read, powers = energy.max_demand_w or {}, dict(segment.contract.powers)
    return any(
        read[period] > powers[period] and at < day_start(begun, tz)
        for period, at in energy.max_demand_at.items()
        if period in read and period in powers
    )
