"""What a later real reading changes: the energy billed too much or too little, and how far back it may be claimed.

Energy only; money, interest and instalments are billing's (RD 88/2026 articles 44 and 45).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.chassis.errors import Invalid
from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import Reading, supersedes

CLAIMABLE_MONTHS = 12
"""Under-measured energy older than a year may not be billed (RD 88/2026 articles 44.4 and 45.2)."""


@dataclass(frozen=True)
class Correction:
    """Wh per tariff period to add to what was billed; negative is in the member's favour."""

    wh: tuple[int, ...]

    @property
    def total_wh(self) -> int:
        return sum(self.wh)


def correction(used: Reading, real: Reading) -> Correction:
    """The difference when ``real`` takes the place of the reading that was billed.

    Raises Invalid when it does not supersede it, or the two are not the same meter's.
    """
    if used.meter != real.meter or len(used.registers_wh) != len(real.registers_wh):
        raise Invalid(f"Readings of meters {used.meter} and {real.meter} do not correct each other.", "TWO_METERS")
    if not supersedes(real, used):
        raise Invalid(
            f"The reading of {real.day} (origin {real.origin.value}) does not supersede the one of {used.day} "
            f"(origin {used.origin.value}): technician comes before member, member before estimate.",
            "LOWER_PRIORITY",
        )
    return Correction(tuple(new - old for old, new in zip(used.registers_wh, real.registers_wh, strict=True)))


def claimable(
    missed: Sequence[tuple[DatePeriod, int]], discovered: date, months: int = CLAIMABLE_MONTHS
) -> tuple[int, int]:
    """Under-measured Wh by period, split into (claimable, lapsed) on the day the error was found.

    A period that begins before the limit is claimable only for its days inside it, in proportion (half-up).
    """
    limit = _months_before(discovered, months)
    kept = 0
    for period, wh in missed:
        days = max(0, (period.end - max(period.start, limit)).days)
        kept += (2 * wh * days + period.days) // (2 * period.days)
    return kept, sum(wh for _, wh in missed) - kept


def _months_before(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    year, index = divmod(month, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, index + 1, min(day.day, last))
        except ValueError:
            continue
    raise ValueError(f"There is no day {months} months before {day}.")
