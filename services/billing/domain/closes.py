"""What a register counted between two of its readings, and its share of the spans in which prices differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.billing.domain.blocks import spread
from services.chassis.periods import DatePeriod


@dataclass(frozen=True)
class Close:
    """Two readings of one register of a meter: whole litres (or Wh) at the first and at the last midnight of `period`.

    `used` is final - initial, more where the register passed zero. `origin` is that of the weaker reading: "technician",
    "self_reading" or "estimate".
    """

    meter: str
    register: str
    period: DatePeriod
    unit: str
    initial: int
    final: int
    used: int
    origin: str
    reading_ids: tuple[str, ...] = ()


def days_of(closes: Sequence[Close]) -> int:
    """Days that the closes cover; two meters that hung one after the other add up."""
    return sum(close.period.days for close in closes)


def used_within(closes: Sequence[Close], spans: Sequence[DatePeriod]) -> tuple[int, ...]:
    """What of the closes fell in each span, by days: no hourly measurement says better (RD 88/2026 art. 44.1).

    The spans cover the closes; the parts of each close sum to what it counted.
    """
    totals = [0] * len(spans)
    for close in closes:
        parts = [span.intersection(close.period) for span in spans]
        days = [part.days if part else 0 for part in parts]
        if sum(days) != close.period.days:
            raise ValueError(f"the spans do not cover the close of {close.period.start} to {close.period.end}")
        for index, used in enumerate(spread(close.used, days)):
            totals[index] += used
    return tuple(totals)
