"""Is a measurement credible? The checks of P.O. 10.5 on hours, on closes, and on one against the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np

from services.metering.domain.estimation.closes import Reading, difference
from services.metering.domain.estimation.series import HourSeries
from services.metering.domain.readings import MISSING

COHERENCE_WH = 1_000
"""A curve agrees with a close when they differ by at most 1 kWh in a tariff period."""

GROWTH_PERCENT = 120
"""A close must stay below this share of the highest of the last twelve months."""

WINDOW_DAYS = 3
"""A monthly reading is taken within so many days of its date (RD 88/2026 article 43)."""


class Problem(StrEnum):
    """What can be wrong with a close."""

    BACKWARDS = "BACKWARDS"
    SUM_DIFFERS = "SUM_DIFFERS"
    GROWTH = "GROWTH"
    ABOVE_POWER = "ABOVE_POWER"
    OUT_OF_WINDOW = "OUT_OF_WINDOW"


SENTENCES: Mapping[Problem, str] = {
    Problem.BACKWARDS: "Register {register} runs backwards: {initial_wh} Wh, then {final_wh} Wh.",
    Problem.SUM_DIFFERS: "On {day} the tariff periods add up to {sum_wh} Wh, the total register shows {total_wh} Wh.",
    Problem.GROWTH: "The highest of the last twelve months is {highest_wh} Wh: {wh} Wh are not below its 120 %.",
    Problem.ABOVE_POWER: "{wh} Wh are more than {power_w} W contracted could use in {hours} hours ({limit_wh} Wh).",
    Problem.OUT_OF_WINDOW: "The reading of {day} is more than {window} days from {expected}, the day it was due.",
}


@dataclass(frozen=True)
class Finding:
    """One problem with its figures (Wh, W, hours, ISO dates)."""

    problem: Problem
    parameters: Mapping[str, int | str] = field(default_factory=dict)

    def sentence(self) -> str:
        filled = {name: f"{v:,}" if isinstance(v, int) else v for name, v in self.parameters.items()}
        return SENTENCES[self.problem].format(**filled)


def without_absurd_hours(series: HourSeries, most_wh: int | None) -> tuple[HourSeries, int]:
    """The series with incredible hours made gaps, and how many there were: those above ``most_wh`` (Contract.most_wh)."""
    if most_wh is None:
        return series, 0
    absurd = series.values > most_wh
    kept = np.where(absurd, 0, series.values)
    methods = np.where(absurd, MISSING, series.methods).astype(np.uint8)
    return HourSeries(series.first, kept, methods), int(absurd.sum())


def coherent(close_wh: int, curve_wh: int) -> bool:
    """Whether a close and the sum of a curve agree in one tariff period: within 1 kWh, the limit included."""
    return abs(close_wh - curve_wh) <= COHERENCE_WH


def check_registers(initial: Reading, final: Reading, tolerance_wh: int = 0) -> list[Finding]:
    """No register runs backwards; in each reading the tariff periods add up to the total register, where there is one.

    ``tolerance_wh``: what rounding may take; meters that show whole kWh cut each register on its own.
    """
    found = [
        Finding(
            Problem.BACKWARDS,
            {
                "register": f"P{number}",
                "initial_wh": initial.registers_wh[number - 1],
                "final_wh": final.registers_wh[number - 1],
            },
        )
        for number, used in enumerate(difference(initial, final), 1)
        if used < 0
    ]
    for reading in (initial, final):
        summed = sum(reading.registers_wh)
        if reading.total_wh is not None and abs(summed - reading.total_wh) > tolerance_wh:
            found.append(
                Finding(
                    Problem.SUM_DIFFERS,
                    {"day": reading.day.isoformat(), "sum_wh": summed, "total_wh": reading.total_wh},
                )
            )
    return found


def check_amount(wh: int, last_twelve: Sequence[int], power_w: int, hours: int) -> list[Finding]:
    """Is a close's energy credible? Below 120 % of the highest of the last twelve months where there are any.

    Without history: not more than the contracted power could use in the hours of the period.
    """
    if last_twelve:
        highest = max(last_twelve)
        if wh * 100 >= highest * GROWTH_PERCENT and wh > 0:
            return [Finding(Problem.GROWTH, {"wh": wh, "highest_wh": highest})]
        return []
    limit = power_w * hours
    if wh > limit:
        figures: dict[str, int | str] = {"wh": wh, "power_w": power_w, "hours": hours, "limit_wh": limit}
        return [Finding(Problem.ABOVE_POWER, figures)]
    return []


def check_window(day: date, expected: date, window: int = WINDOW_DAYS) -> list[Finding]:
    """Was a reading taken near the day it was due?"""
    if abs((day - expected).days) <= window:
        return []
    figures: dict[str, int | str] = {"day": day.isoformat(), "expected": expected.isoformat(), "window": window}
    return [Finding(Problem.OUT_OF_WINDOW, figures)]
