"""How much energy a kind of place uses in each hour: shape of the day, of the week and of the year.

The shapes are hand-drawn after the usual form of such loads; nothing is measured. What matters for a demonstration is
that an evening looks like an evening, a bar closes on Mondays and a country house is empty in February.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Household:
    """A kind of consumer.

    `working` and `resting` give the share of each local hour, 0 to 23, of a working day and of a Saturday or Sunday;
    `seasons` the factor of each month, January first, in the northern hemisphere; `standby_w` never stops;
    `closed_on` is a weekday (Monday = 0) with standby only; `weekends_only` leaves working
    days outside high summer at standby.
    """

    code: str
    working: tuple[int, ...]
    resting: tuple[int, ...]
    seasons: tuple[int, ...]
    standby_w: int
    kwh_a_day: float
    closed_on: int | None = None
    weekends_only: bool = False


_EVENING = (3, 2, 2, 2, 2, 2, 5, 9, 7, 4, 4, 4, 6, 9, 8, 5, 4, 5, 7, 10, 14, 15, 12, 7)
_EVENING_REST = (4, 3, 2, 2, 2, 2, 3, 5, 8, 9, 9, 9, 10, 13, 12, 8, 6, 6, 8, 10, 13, 14, 12, 8)
_MORNING = (2, 2, 2, 2, 2, 3, 5, 9, 10, 9, 8, 9, 11, 13, 10, 7, 6, 6, 8, 10, 11, 9, 6, 3)
_NIGHT = (16, 16, 15, 14, 12, 9, 6, 6, 4, 3, 3, 3, 4, 5, 5, 4, 3, 4, 5, 7, 9, 9, 8, 12)
_SHOP = (2, 2, 2, 2, 2, 2, 2, 4, 8, 14, 15, 15, 15, 13, 6, 5, 8, 14, 15, 14, 9, 3, 2, 2)
_BAR = (6, 3, 2, 2, 2, 2, 5, 11, 13, 13, 12, 12, 14, 16, 15, 12, 9, 9, 10, 12, 14, 15, 14, 10)
_PUMP = (10, 10, 10, 10, 10, 10, 6, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 6, 8, 10)
_OFFICE = (2, 2, 2, 2, 2, 2, 3, 8, 14, 16, 16, 16, 16, 15, 9, 5, 6, 6, 4, 3, 2, 2, 2, 2)
_IDLE = (3,) * 24

_HEATED = (130, 122, 108, 96, 84, 80, 92, 94, 82, 88, 108, 126)
_SUMMER = (40, 40, 55, 75, 90, 130, 190, 200, 120, 70, 50, 55)
_EVEN = (104, 102, 98, 96, 94, 100, 108, 104, 96, 96, 100, 106)
_IRRIGATION = (10, 10, 30, 80, 140, 200, 240, 220, 140, 60, 15, 10)

HOUSEHOLDS: dict[str, Household] = {
    kind.code: kind
    for kind in (
        Household("family", _EVENING, _EVENING_REST, _HEATED, 70, 8.0),
        Household("retired", _MORNING, _MORNING, _HEATED, 55, 5.6),
        Household("night_heater", _NIGHT, _NIGHT, _HEATED, 60, 11.5),
        Household("country_house", _EVENING_REST, _EVENING_REST, _SUMMER, 35, 4.2, weekends_only=True),
        Household("shop", _SHOP, _IDLE, _EVEN, 120, 17.0),
        Household("bar", _BAR, _BAR, _EVEN, 350, 42.0, closed_on=0),
        Household("office", _OFFICE, _IDLE, _HEATED, 150, 14.0),
        Household("pump", _PUMP, _PUMP, _IRRIGATION, 5, 16.0),
    )
}


class Load:
    """The consumption of one place, hour after hour, in integer Wh. Same `rng` seed, same hours."""

    def __init__(self, kind: Household, size: float, power_w: int, southern: bool, rng: Random) -> None:
        self._kind = kind
        self._limit = power_w * 92 // 100
        self._southern = southern
        self._random = rng.random
        self._day_factor = 1.0
        # Wh of each local hour before season, day and noise.
        whole = sum(kind.working)
        self._working = [kind.kwh_a_day * 1000 * size * share / whole for share in kind.working]
        self._resting = [kind.kwh_a_day * 1000 * size * share / whole for share in kind.resting]

    def hour(self, month: int, weekday: int, hour: int) -> int:
        """Wh of the local hour that begins at `hour` (0 to 23) of a day with this month (1 to 12) and weekday."""
        kind, random = self._kind, self._random
        if hour == 0:
            self._day_factor = 0.75 + 0.5 * random()
        resting = weekday >= 5
        season = kind.seasons[(month + 5) % 12 if self._southern else month - 1] / 100
        noise = 0.65 + 0.7 * random()
        standby = kind.standby_w * (0.9 + 0.2 * random())
        if weekday == kind.closed_on or (kind.weekends_only and not resting and season < 1.5):
            return int(standby)
        usual = self._resting[hour] if resting else self._working[hour]
        return min(int(standby + usual * season * self._day_factor * noise), self._limit)
