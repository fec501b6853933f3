"""May a member's own reading be taken? Every objection at once, so that the member corrects it in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

WORKING_DAYS_BEFORE_CYCLE = 10
"""A self-reading is sent at the latest so many working days before the new billing cycle, unless the cooperative says else."""

TOTAL = "total"
"""Name of the register of a meter that has one."""

Figure = int | str | date
"""What a sentence is filled with: a number as the meter shows it, a name, a day."""


class Objection(StrEnum):
    """Why a self-reading is not taken."""

    PERIOD_MISSING = "PERIOD_MISSING"
    NEGATIVE = "NEGATIVE"
    TOO_MANY_DIGITS = "TOO_MANY_DIGITS"
    BELOW_LAST_REAL = "BELOW_LAST_REAL"
    IN_FUTURE = "IN_FUTURE"
    BEFORE_LAST_REAL = "BEFORE_LAST_REAL"
    ALREADY_BILLED = "ALREADY_BILLED"
    TOO_LATE = "TOO_LATE"
    NO_PHOTO = "NO_PHOTO"
    PHOTO_TOO_LARGE = "PHOTO_TOO_LARGE"
    NOT_A_PHOTO = "NOT_A_PHOTO"
    PHOTO_DAMAGED = "PHOTO_DAMAGED"
    OTHER_SUPPLY = "OTHER_SUPPLY"


SENTENCES: Mapping[Objection, str] = {
    Objection.PERIOD_MISSING: "{register}: write what the meter shows.",
    Objection.NEGATIVE: "{register}: the meter cannot show {shown}, for it shows no negative number.",
    Objection.TOO_MANY_DIGITS: "{register}: {shown} is longer than the {digits} digits of your meter.",
    Objection.BELOW_LAST_REAL: "{register}: {shown} is less than the {last} that was read last. Check the number.",
    Objection.IN_FUTURE: "{day} has not come yet: write the day on which you read the meter.",
    Objection.BEFORE_LAST_REAL: "The meter was read on {last_day}: give a reading of a later day, not of {day}.",
    Objection.ALREADY_BILLED: "Up to {billed} everything is billed: give a reading of a later day, not of {day}.",
    Objection.TOO_LATE: "The reading of {day} comes too late for this bill: the last day was {latest}.",
    Objection.NO_PHOTO: "A photo of the meter is missing.",
    Objection.PHOTO_TOO_LARGE: "The photo is larger than {megabytes} MB: take it at a lower resolution.",
    Objection.NOT_A_PHOTO: "The file is not a photo: choose a JPEG, PNG, WebP or HEIC picture.",
    Objection.PHOTO_DAMAGED: "The photo did not arrive whole: choose it again, or take another.",
    Objection.OTHER_SUPPLY: "The photo belongs to {given}, your supply is {cups}.",
}
"""Message ids for gettext; numbers in kWh or m3 as the meter shows them."""


class Closed(StrEnum):
    """Why no self-reading can be given now, whatever it says."""

    NO_METER = "NO_METER"
    LATE = "LATE"


CLOSED: Mapping[Closed, str] = {
    Closed.NO_METER: "No meter is entered for this service yet. Write to the office, and we look into it.",
    Closed.LATE: "The last day to give a reading for this bill was {latest}. From {cycle} on you can give one for the next.",
}
"""Message ids for gettext."""


@dataclass(frozen=True)
class Expectation:
    """What it must fit: registers by name ("P1" ..., or "total") with what the last real reading showed on ``last_day``
    (None, and zeros, without one); ``last_billed`` the last day billed (None before the first bill).

    ``latest``: the last day on which a reading still enters this cycle. ``cups``: the supply's CUPS or account number.
    """

    cups: str
    digits: int
    registers: Sequence[str]
    last_real: Sequence[int]
    last_day: date | None
    last_billed: date | None
    latest: date
    today: date


@dataclass(frozen=True)
class Objected:
    """One objection with its figures. ``part``: what to correct, a register's name, "day", "photo" or "supply"."""

    objection: Objection
    part: str
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def sentence(self, translate: Callable[[str], str] = str, figure: Callable[[Figure], str] = str) -> str:
        """In words; ``figure`` writes numbers, days and the names of registers as the reader's language does."""
        return translate(SENTENCES[self.objection]).format(**{name: figure(v) for name, v in self.figures.items()})


@dataclass(frozen=True)
class SelfReading:
    """What the member gives: kWh or m3 per register as shown (None where left empty), when, and for which supply.

    ``photo_problem``: what is wrong with the photo that comes with it, None when it is a good one.
    """

    day: date
    shown: Sequence[int | None]
    cups: str
    photo_problem: Objected | None = None


def objections(given: SelfReading, expected: Expectation) -> list[Objected]:
    """Everything that speaks against a self-reading; empty when it may be taken and a receipt given."""
    found: list[Objected] = []
    for number, (register, last) in enumerate(zip(expected.registers, expected.last_real, strict=True)):
        shown = given.shown[number] if number < len(given.shown) else None
        found += _register(register, shown, last, expected.digits)
    found += _day(given.day, expected)
    if given.photo_problem is not None:
        found.append(given.photo_problem)
    if given.cups != expected.cups:
        found.append(Objected(Objection.OTHER_SUPPLY, "supply", {"given": given.cups, "cups": expected.cups}))
    return found


class Late(StrEnum):
    """What becomes of a reading that is given after the last day of its cycle."""

    REFUSE = "refuse"
    NEXT_BILL = "next_bill"


@dataclass(frozen=True)
class Window:
    """The bill that a reading given on a day enters: of the cycle that begins on ``cycle``, when given by ``latest``."""

    cycle: date
    latest: date

    def is_open(self, today: date) -> bool:
        return today <= self.latest


def window(today: date, is_working_day: Callable[[date], bool], working_days: int, late: Late) -> Window:
    """The window of a day, where cycles begin on the first of each month.

    Once it is over, a cooperative that refuses late readings has it closed until the cycle begins; one that takes them
    has them enter the bill after.
    """
    cycle = _next_month(today)
    found = Window(cycle, latest_day(cycle, is_working_day, working_days))
    while late is Late.NEXT_BILL and not found.is_open(today):
        cycle = _next_month(cycle)
        found = Window(cycle, latest_day(cycle, is_working_day, working_days))
    return found


def latest_day(
    cycle_start: date, is_working_day: Callable[[date], bool], working_days: int = WORKING_DAYS_BEFORE_CYCLE
) -> date:
    """The day ``working_days`` working days before a billing cycle begins."""
    day, left = cycle_start, working_days
    while left:
        day -= timedelta(days=1)
        left -= is_working_day(day)
    return day


def register_names(count: int) -> tuple[str, ...]:
    """Names of a meter's registers: P1 to P6, or one total."""
    return (TOTAL,) if count == 1 else tuple(f"P{number}" for number in range(1, count + 1))


def _register(register: str, shown: int | None, last: int, digits: int) -> list[Objected]:
    if shown is None:
        return [Objected(Objection.PERIOD_MISSING, register, {"register": register})]
    figures: dict[str, Figure] = {"register": register, "shown": shown}
    if shown < 0:
        return [Objected(Objection.NEGATIVE, register, figures)]
    if len(str(shown)) > digits:
        return [Objected(Objection.TOO_MANY_DIGITS, register, figures | {"digits": digits})]
    if shown < last:
        return [Objected(Objection.BELOW_LAST_REAL, register, figures | {"last": last})]
    return []


def _day(day: date, expected: Expectation) -> list[Objected]:
    """What is wrong with the day: at most one, the one to put right first."""
    if day > expected.today:
        return [Objected(Objection.IN_FUTURE, "day", {"day": day})]
    if expected.last_billed is not None and day <= expected.last_billed:
        return [Objected(Objection.ALREADY_BILLED, "day", {"billed": expected.last_billed, "day": day})]
    if expected.last_day is not None and day < expected.last_day:
        return [Objected(Objection.BEFORE_LAST_REAL, "day", {"last_day": expected.last_day, "day": day})]
    if day > expected.latest:
        return [Objected(Objection.TOO_LATE, "day", {"day": day, "latest": expected.latest})]
    return []


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
