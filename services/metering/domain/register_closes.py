"""Which readings of a meter stand beside each other, and what the meter counted between them.

A reading that lies between two better ones is superfluous: what happened there is known from those. So a member's reading
counts until a technician's comes after it, and one that a later technician's reading contradicts does not count at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

from services.chassis.periods import DatePeriod
from services.metering.domain.estimation.closes import TECHNICIAN, Close, Origin, Reading, difference, rank, standing
from services.metering.domain.estimation.split import half_up
from services.metering.domain.estimation.validation import Finding, Problem, check_amount, check_registers
from services.metering.domain.registers import WATER, WH

BILLING_DAYS = 25
"""A close of at least so many days is compared with the year before it; shorter ones vary too much from day to day."""

SHORT_DAYS = 7
"""Closes of fewer days are joined with their neighbours before hours are estimated from them."""

YEAR_DAYS = 365
WHOLE_UNIT = 1_000
"""Most registers show whole kWh (or m3): each is cut on its own."""


@dataclass(frozen=True)
class Kept:
    """A stored reading of the main channel (import, or water): Wh or litres in ``reading.registers_wh``."""

    id: str
    unit: str
    reading: Reading
    doubtful: bool = False


@dataclass(frozen=True)
class MeterClose:
    """What one meter counted in the local days of ``period``, per tariff period; ``origin`` is that of its weaker reading."""

    meter: str
    period: DatePeriod
    unit: str
    initial: tuple[int, ...]
    final: tuple[int, ...]
    origin: Origin
    reading_ids: tuple[str, str] = field(compare=False)
    """Not compared: a monthly and a daily reading of one midnight that show the same make the same close."""

    @property
    def used(self) -> tuple[int, ...]:
        return tuple(last - first for first, last in zip(self.initial, self.final, strict=True))

    def close(self, periods: int) -> Close | None:
        """The close of a tariff with so many periods; None when the meter has other registers.

        Meters for six periods show zeros where a tariff has three.
        """
        used = self.used
        if self.unit != WH or len(used) < periods or any(used[periods:]):
            return None
        return Close(self.period, used[:periods], self.origin)


def main_channel(unit: str) -> str:
    """The channel that is billed: what a water meter counts, or imported energy."""
    return "import" if unit == WH else WATER


def origin_word(origin: Origin) -> str:
    """ "technician", "self_reading" or "estimate": how the interfaces name a rank."""
    if origin in TECHNICIAN:
        return "technician"
    return "self_reading" if origin is Origin.SELF_READING else "estimate"


def chain(kept: Iterable[Kept]) -> list[Kept]:
    """The readings of one meter that count, one a day, by day: good ones, the better before the worse, never backwards."""
    chosen: list[Kept] = []
    for candidate in _best_of_each_day(kept):
        mine = rank(candidate.reading.origin)
        while chosen and rank(chosen[-1].reading.origin) < mine:
            worst = rank(chosen[-1].reading.origin)
            between_better = any(rank(one.reading.origin) > worst for one in chosen[:-1])
            if not between_better and _fits(chosen[-1], candidate):
                break
            chosen.pop()
        if not chosen or _fits(chosen[-1], candidate):
            chosen.append(candidate)
    return chosen


def extended(chained: list[Kept], kept: Sequence[Kept], new: Kept) -> list[Kept]:
    """The chain of ``kept``, to which ``new`` was added; ``chained`` is the one without it. Cheap where it comes last."""
    if new.doubtful:
        return chained
    last = chained[-1] if chained else None
    comes_last = all(one.reading.day < new.reading.day for one in kept if one is not new and not one.doubtful)
    worse_or_equal = last is None or rank(new.reading.origin) <= rank(last.reading.origin)
    if comes_last and worse_or_equal and rank(new.reading.origin) and (last is None or _fits(last, new)):
        return [*chained, new]
    return chain(kept)


def closes(kept: Iterable[Kept]) -> list[MeterClose]:
    """What the meter counted between each two consecutive readings that count."""
    return [_close(first, last) for first, last in pairwise(chain(kept))]


def without_overlaps(found: Iterable[MeterClose]) -> list[MeterClose]:
    """Closes of the meters of one point, of which none covers a day twice: of two, the one of better readings stays."""
    taken: list[MeterClose] = []
    for one in sorted(found, key=lambda c: (-rank(c.origin), c.period.start, c.meter)):
        if all(one.period.intersection(other.period) is None for other in taken):
            taken.append(one)
    return sorted(taken, key=lambda c: c.period.start)


def joined(found: Iterable[MeterClose], span: DatePeriod) -> list[MeterClose]:
    """Closes of one point with the short ones inside ``span`` made one with their neighbours of the same meter and rank.

    Registers show whole kWh: over a day or two, what the cutting takes is much of what was used.
    """
    made: list[MeterClose] = []
    for one in sorted(found, key=lambda close: close.period.start):
        before = made[-1] if made else None
        if before is not None and _one_of_two(before, one, span):
            period = DatePeriod(before.period.start, one.period.end)
            ids = (before.reading_ids[0], one.reading_ids[1])
            made[-1] = replace(before, period=period, final=one.final, reading_ids=ids)
        else:
            made.append(one)
    return made


def examine(new: Kept, chained: Sequence[Kept], power_w: int, hours_in: Callable[[DatePeriod], int]) -> list[Finding]:
    """What speaks against a reading, beside the ``chain`` of its meter's others; empty when it may close periods.

    Compared with readings of its own rank or better: a member's reading never speaks against a technician's.
    ``power_w``: contracted W, 0 where there is none to compare with. ``hours_in``: hours of a period of local days.
    """
    mine = rank(new.reading.origin)
    better = [one for one in chained if rank(one.reading.origin) >= mine and _alike(one, new)]
    before = [one for one in better if one.reading.day < new.reading.day]
    after = [one for one in better if one.reading.day > new.reading.day]
    allowed = tolerance(new.reading)
    found = check_registers(new.reading, new.reading, allowed)[:1]
    if before:
        found += _backwards(before[-1], new)
    if after:
        found += _backwards(new, after[0])
    if before and not found:
        found += _amount(before, new, power_w, hours_in)
    return found


def tolerance(reading: Reading) -> int:
    """What cutting each register to whole units may take from their sum: nothing where a meter shows parts of units."""
    values = [*reading.registers_wh, *([] if reading.total_wh is None else [reading.total_wh])]
    return WHOLE_UNIT * len(reading.registers_wh) if all(value % WHOLE_UNIT == 0 for value in values) else 0


def _amount(before: list[Kept], new: Kept, power_w: int, hours_in: Callable[[DatePeriod], int]) -> list[Finding]:
    """Energy against the year before, by days, where a year is known; else against what the contracted power allows."""
    close = _close(before[-1], new)
    wh = sum(close.used)
    year_ago = close.period.end - timedelta(days=YEAR_DAYS)
    if close.period.days >= BILLING_DAYS and before[0].reading.day <= year_ago:
        past = [_close(first, last) for first, last in pairwise(before)]
        comparable = [one for one in past if one.period.days >= BILLING_DAYS and one.period.end > year_ago]
        highest = [half_up(sum(one.used) * close.period.days, one.period.days) for one in comparable]
        if highest:
            return check_amount(wh, highest, 0, 0)
    if new.unit != WH or not power_w:
        return []
    return check_amount(wh, (), power_w, hours_in(close.period))


def _one_of_two(first: MeterClose, second: MeterClose, span: DatePeriod) -> bool:
    return (
        first.meter == second.meter
        and first.period.end == second.period.start
        and first.final == second.initial
        and rank(first.origin) == rank(second.origin)
        and min(first.period.days, second.period.days) < SHORT_DAYS
        and span.start <= first.period.start
        and second.period.end <= span.end
    )


def _best_of_each_day(kept: Iterable[Kept]) -> Iterator[Kept]:
    by_day: dict[date, list[Kept]] = defaultdict(list)
    for one in kept:
        if not one.doubtful and rank(one.reading.origin):
            by_day[one.reading.day].append(one)
    for day in sorted(by_day):
        some = by_day[day]
        best = standing([one.reading for one in some])
        yield next(one for one in some if one.reading is best)


def _close(first: Kept, last: Kept) -> MeterClose:
    a, b = first.reading, last.reading
    weaker = min((b.origin, a.origin), key=rank)
    ids = (first.id, last.id)
    return MeterClose(a.meter, DatePeriod(a.day, b.day), last.unit, a.registers_wh, b.registers_wh, weaker, ids)


def _alike(first: Kept, second: Kept) -> bool:
    return first.unit == second.unit and len(first.reading.registers_wh) == len(second.reading.registers_wh)


def _fits(first: Kept, second: Kept) -> bool:
    return _alike(first, second) and min(difference(first.reading, second.reading), default=0) >= 0


def _backwards(first: Kept, second: Kept) -> list[Finding]:
    found = check_registers(first.reading, second.reading)
    return [one for one in found if one.problem is Problem.BACKWARDS]
