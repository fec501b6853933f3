"""May a member's own reading be taken? Every objection at once, so that the member corrects it in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

WORKING_DAYS_BEFORE_CYCLE = 10
"""A self-reading is sent at the latest so many working days before the new billing cycle, unless the cooperative says else."""


class Objection(StrEnum):
    """Why a self-reading is not taken."""

    PERIOD_MISSING = "PERIOD_MISSING"
    NEGATIVE = "NEGATIVE"
    TOO_MANY_DIGITS = "TOO_MANY_DIGITS"
    BELOW_LAST_REAL = "BELOW_LAST_REAL"
    ALREADY_BILLED = "ALREADY_BILLED"
    NO_PHOTO = "NO_PHOTO"
    OTHER_SUPPLY = "OTHER_SUPPLY"
    TOO_LATE = "TOO_LATE"


SENTENCES: Mapping[Objection, str] = {
    Objection.PERIOD_MISSING: "The reading of {register} is missing: write what the meter shows for every period.",
    Objection.NEGATIVE: "{register} is {shown}: a meter shows no negative number.",
    Objection.TOO_MANY_DIGITS: "{register} is {shown}: your meter has only {digits} digits.",
    Objection.BELOW_LAST_REAL: "{register} is {shown}, less than the {last} that was read last: check the number.",
    Objection.ALREADY_BILLED: "Up to {billed} everything is billed: give a reading of a later day, not of {day}.",
    Objection.NO_PHOTO: "A photo of the meter is missing.",
    Objection.OTHER_SUPPLY: "The photo belongs to {given}, your supply is {cups}.",
    Objection.TOO_LATE: "The reading of {day} comes too late for this bill: the last day was {latest}.",
}
"""Message ids for gettext; numbers in kWh as the meter shows them."""


@dataclass(frozen=True)
class SelfReading:
    """What the member gives: kWh per register as shown (None where left empty), for which supply, and whether with a photo."""

    day: date
    shown_kwh: Sequence[int | None]
    cups: str
    with_photo: bool


@dataclass(frozen=True)
class Expectation:
    """What it must fit: ``last_real_kwh`` per register of the last real reading, ``last_billed`` the last day billed.

    ``latest``: the last day on which a reading still enters this cycle (``latest_day``).
    """

    cups: str
    digits: int
    last_real_kwh: Sequence[int]
    last_billed: date
    latest: date


@dataclass(frozen=True)
class Objected:
    """One objection with its figures."""

    objection: Objection
    parameters: Mapping[str, int | str] = field(default_factory=dict)

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        return translate(SENTENCES[self.objection]).format(**self.parameters)


def objections(given: SelfReading, expected: Expectation) -> list[Objected]:
    """Everything that speaks against a self-reading; empty when it may be taken and a receipt given."""
    found: list[Objected] = []
    for number, last in enumerate(expected.last_real_kwh, 1):
        shown = given.shown_kwh[number - 1] if number <= len(given.shown_kwh) else None
        found += _register(f"P{number}", shown, last, expected.digits)
    if given.day <= expected.last_billed:
        dates = {"billed": expected.last_billed.isoformat(), "day": given.day.isoformat()}
        found.append(Objected(Objection.ALREADY_BILLED, dates))
    if given.day > expected.latest:
        dates = {"day": given.day.isoformat(), "latest": expected.latest.isoformat()}
        found.append(Objected(Objection.TOO_LATE, dates))
    if not given.with_photo:
        found.append(Objected(Objection.NO_PHOTO))
    if given.cups != expected.cups:
        found.append(Objected(Objection.OTHER_SUPPLY, {"given": given.cups, "cups": expected.cups}))
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


def _register(register: str, shown: int | None, last: int, digits: int) -> list[Objected]:
    if shown is None:
        return [Objected(Objection.PERIOD_MISSING, {"register": register})]
    if shown < 0:
        return [Objected(Objection.NEGATIVE, {"register": register, "shown": shown})]
    if len(str(shown)) > digits:
        return [Objected(Objection.TOO_MANY_DIGITS, {"register": register, "shown": shown, "digits": digits})]
    if shown < last:
        return [Objected(Objection.BELOW_LAST_REAL, {"register": register, "shown": shown, "last": last})]
    return []
