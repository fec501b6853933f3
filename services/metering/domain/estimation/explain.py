"""Why each hour has the value it has: a code with parameters, and sentences for the office and for members.

The sentences are message ids: translate them with gettext, then fill them in. Energies are Wh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.chassis.periods import DatePeriod
from services.metering.domain.readings import MISSING, REAL


class Case(StrEnum):
    """The situations of the estimation procedure; the last two are of the large meters alone, types 1 to 3."""

    A1 = "a1"
    A2 = "a2"
    B = "b"
    C = "c"
    C_PRIME = "c'"
    D = "d"
    D_PRIME = "d'"
    E = "e"
    E_PRIME = "e'"
    INTERPOLATED = "interpolated"
    MEAN = "mean"


class Code(StrEnum):
    """What was done to the hours of one tariff period between two days."""

    CURVE_COHERENT = "CURVE_COHERENT"
    CURVE_IS_CLOSE = "CURVE_IS_CLOSE"
    SCALED_TO_CLOSE = "SCALED_TO_CLOSE"
    ALREADY_SCALED = "ALREADY_SCALED"
    EMPTY_CURVE_PROFILED = "EMPTY_CURVE_PROFILED"
    GAPS_FROM_CLOSE = "GAPS_FROM_CLOSE"
    GAPS_ZERO_CURVE_SCALED = "GAPS_ZERO_CURVE_SCALED"
    GAPS_FROM_READING = "GAPS_FROM_READING"
    GAPS_FROM_SELF_READING = "GAPS_FROM_SELF_READING"
    SELF_READING_BELOW_CURVE = "SELF_READING_BELOW_CURVE"
    SELF_READING_DISAGREES = "SELF_READING_DISAGREES"
    INTERPOLATED = "INTERPOLATED"
    HISTORICAL_MEAN = "HISTORICAL_MEAN"
    LAST_YEAR = "LAST_YEAR"
    CONTRACTED_POWER = "CONTRACTED_POWER"
    NO_HOURS = "NO_HOURS"


OFFICE: Mapping[Code, str] = {
    Code.CURVE_COHERENT: "The curve is complete ({hours} hours, {valid_wh} Wh) and agrees with the close of {close_wh} Wh "
    "within 1 kWh: it is used as measured.",
    Code.CURVE_IS_CLOSE: "The curve is complete ({hours} hours) and there is no close: its sum of {valid_wh} Wh is the close.",
    Code.SCALED_TO_CLOSE: "The curve is complete but its {valid_wh} Wh differ from the close of {close_wh} Wh by more than "
    "1 kWh: every hour was scaled to the close.",
    Code.ALREADY_SCALED: "Every hour was scaled before and the sum is the close of {close_wh} Wh: nothing to do.",
    Code.EMPTY_CURVE_PROFILED: "The curve is complete but all zero, the close is {close_wh} Wh: it was spread by the profile "
    "({profile}).",
    Code.GAPS_FROM_CLOSE: "Hours missing: {gaps} of {hours}. The close of {close_wh} Wh less {valid_wh} Wh measured "
    "leaves {missing_wh} Wh, spread over them by the profile ({profile}).",
    Code.GAPS_ZERO_CURVE_SCALED: "Hours missing: {gaps} of {hours}. The {valid_wh} Wh measured already exceed the "
    "close of {close_wh} Wh: the missing hours are zero and the others were scaled to the close.",
    Code.GAPS_FROM_READING: "Hours missing: {gaps} of {hours}, and there is no remote close. The reading taken on the "
    "spot gives {close_wh} Wh; less {valid_wh} Wh measured, {missing_wh} Wh were spread by the profile ({profile}).",
    Code.GAPS_FROM_SELF_READING: "Hours missing: {gaps} of {hours}, and there is no real close. The member's own reading "
    "gives {close_wh} Wh; less {valid_wh} Wh measured, {missing_wh} Wh were spread by the profile ({profile}).",
    Code.SELF_READING_BELOW_CURVE: "Hours missing: {gaps} of {hours}. The member's own reading gives {close_wh} Wh, less "
    "than the {valid_wh} Wh the meter itself measured: measured hours stand, the missing ones are zero until a real reading.",
    Code.SELF_READING_DISAGREES: "The curve is complete with {valid_wh} Wh; the member's own reading gives {close_wh} Wh. "
    "What the meter measured stands.",
    Code.INTERPOLATED: "Hours missing: {gaps} of {hours}, never more than three in a row: each was drawn between the "
    "measured hours beside it.",
    Code.HISTORICAL_MEAN: "Hours missing: {gaps} of {hours}, and no reading is at hand: each takes the mean of six real hours "
    "of the same clock hour and day type before it, without the highest and the lowest: {gap_wh} Wh together. Two standard "
    "deviations less or more would be {low_wh} to {high_wh} Wh.",
    Code.LAST_YEAR: "Hours missing: {gaps} of {hours}, and no reading is at hand: the {result_wh} Wh follow from "
    "{history_wh} Wh really measured in {history_hours} hours of the same period last year. By the profile ({profile}) the "
    "missing hours take {gap_wh} Wh of them.",
    Code.CONTRACTED_POWER: "Hours missing: {gaps} of {hours}, without reading or complete history: {power_w} W "
    "contracted x {hours} hours x 33 % = {result_wh} Wh, of which the missing hours take {gap_wh} Wh by the profile ({profile}).",
    Code.NO_HOURS: "The close has {close_wh} Wh, but these days have no hour of that tariff period: they cannot be placed.",
}
"""For staff: what was known and what was done."""

_FROM_CLOSE = "Some hours did not arrive from your meter. We know the total from its register and shared it out."
_SCALED = "The hours were adjusted so that together they equal your meter's register."

MEMBER: Mapping[Code, str] = {
    Code.CURVE_COHERENT: "Measured by your meter.",
    Code.CURVE_IS_CLOSE: "Measured by your meter.",
    Code.SCALED_TO_CLOSE: _SCALED,
    Code.ALREADY_SCALED: _SCALED,
    Code.EMPTY_CURVE_PROFILED: _FROM_CLOSE,
    Code.GAPS_FROM_CLOSE: _FROM_CLOSE,
    Code.GAPS_ZERO_CURVE_SCALED: _SCALED,
    Code.GAPS_FROM_READING: "Some hours did not arrive from your meter. A technician read it, and we shared the total out.",
    Code.GAPS_FROM_SELF_READING: "Some hours did not arrive from your meter. We used the reading you sent us.",
    Code.SELF_READING_BELOW_CURVE: "The reading you sent us is lower than what your meter measured hour by hour. The hours "
    "that are missing count as zero until we have read the meter.",
    Code.SELF_READING_DISAGREES: "Measured by your meter.",
    Code.INTERPOLATED: "A short gap, filled from the hours before and after it.",
    Code.HISTORICAL_MEAN: "There is no reading of your meter. We estimated from what you used at the same hours of similar "
    "days shortly before.",
    Code.LAST_YEAR: "There is no reading of your meter. We estimated from what you used in the same days last year.",
    Code.CONTRACTED_POWER: "There is no reading of your meter and no history. We estimated from your contracted power.",
    Code.NO_HOURS: "Your meter's register has energy that these days cannot have. We are checking it.",
}
"""For members: the reason without figures."""

MEMBER_LATER = "When the real reading arrives, the bill is put right."
"""What the member reads beside every estimate."""


@dataclass(frozen=True)
class Reason:
    """One decision: its code and case, the local days and tariff period ("P1") it covers, and its figures."""

    code: Code
    case: Case
    days: DatePeriod
    tariff_period: str
    method: int
    parameters: Mapping[str, int | str] = field(default_factory=dict)

    def office(self, translate: Callable[[str], str] = str, figure: Callable[[int], str] = "{:,}".format) -> str:
        """The sentence for staff; ``translate`` is gettext, ``figure`` writes an integer in the reader's way."""
        filled = {name: figure(v) if isinstance(v, int) else translate(v) for name, v in self.parameters.items()}
        return translate(OFFICE[self.code]).format(**filled)

    def member(self, translate: Callable[[str], str] = str) -> str:
        """The sentence for the member."""
        return translate(MEMBER[self.code])


def reason_to_plain(reason: Reason) -> dict[str, Any]:
    """A reason as JSON data, to be kept with what it explains."""
    return {
        "code": reason.code.value,
        "case": reason.case.value,
        "start": reason.days.start.isoformat(),
        "end": reason.days.end.isoformat(),
        "tariff_period": reason.tariff_period,
        "method": reason.method,
        "parameters": dict(reason.parameters),
    }


def reason_of_plain(data: Mapping[str, Any]) -> Reason:
    """The reason that ``reason_to_plain`` wrote."""
    days = DatePeriod.parse(data["start"], data["end"])
    return Reason(
        Code(data["code"]), Case(data["case"]), days, data["tariff_period"], data["method"], data["parameters"]
    )


def letter(method: int) -> str:
    """``R`` for a firm measured value, ``E`` for any other, empty for a missing one: what consumer files print."""
    if method == MISSING:
        return ""
    return "R" if method == REAL else "E"
