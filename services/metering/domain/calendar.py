"""Tariff calendars: which energy period (P1 to P6) an hour belongs to.

Source: Circular CNMC 3/2020, articles 6 and 7 and annex. Computed from nine fixed dates and the season tables, so that no
year needs a data update. Vectorised: a calendar is a table over all known UTC hours and classifying is one look-up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.metering.domain.hours import END_DAY, FIRST_DAY, local_days

ZONE_TIME: dict[str, str] = {
    "peninsula": "Europe/Madrid",
    "baleares": "Europe/Madrid",
    "canarias": "Atlantic/Canary",
    "ceuta": "Europe/Madrid",
    "melilla": "Europe/Madrid",
}
"""Tariff zones and the clock their hours are read on."""

FLAT = "flat"
"""One single period: services without hour discrimination (Argentine household tariffs, water)."""

TARIFF_PERIODS: dict[str, int] = {
    FLAT: 1,
    "2.0TD": 3,
    "3.0TD": 6,
    "3.0TDVE": 6,
    "6.1TD": 6,
    "6.1TDVE": 6,
    "6.2TD": 6,
    "6.3TD": 6,
    "6.4TD": 6,
}
"""Energy periods of each access tariff."""

TARIFF_HOLIDAYS: tuple[tuple[int, int], ...] = (
    (1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25),
)  # fmt: skip
"""(month, day) of the national holidays that are fixed and cannot be moved, plus 6 January. Good Friday has no fixed date."""

_VALLEY, _PEAK, _FLAT = 0, 1, 2


def _hours(*ranges: tuple[int, int]) -> set[int]:
    return {hour for begin, end in ranges for hour in range(begin, end)}


def _kinds(peak: set[int], flat: set[int]) -> NDArray[np.uint8]:
    """Kind (valley, peak, flat) of each of the 24 clock hours of a working day."""
    kinds = np.full(24, _VALLEY, np.uint8)
    kinds[sorted(peak)] = _PEAK
    kinds[sorted(flat)] = _FLAT
    return kinds


_MAINLAND_2 = _kinds(_hours((10, 14), (18, 22)), _hours((8, 10), (14, 18), (22, 24)))
_AFRICA_2 = _kinds(_hours((11, 15), (19, 23)), _hours((8, 11), (15, 19), (23, 24)))
_KINDS_2: dict[str, NDArray[np.uint8]] = {
    "peninsula": _MAINLAND_2,
    "baleares": _MAINLAND_2,
    "canarias": _MAINLAND_2,
    "ceuta": _AFRICA_2,
    "melilla": _AFRICA_2,
}

_ISLANDS_6 = _kinds(_hours((10, 15), (18, 22)), _hours((8, 10), (15, 18), (22, 24)))
_AFRICA_6 = _kinds(_hours((10, 15), (19, 23)), _hours((8, 10), (15, 19), (23, 24)))
_KINDS_6: dict[str, NDArray[np.uint8]] = {
    "peninsula": _kinds(_hours((9, 14), (18, 22)), _hours((8, 9), (14, 18), (22, 24))),
    "baleares": _ISLANDS_6,
    "canarias": _ISLANDS_6,
    "ceuta": _AFRICA_6,
    "melilla": _AFRICA_6,
}

# Season of each month, January first: H high, h medium-high, m medium, l low.
_SEASONS: dict[str, str] = {
    "peninsula": "HHhllmHmmlhH",
    "baleares": "mmllhHHHHhlm",
    "canarias": "mmmlllHHHHhh",
    "ceuta": "HHmlllhHHhmm",
    "melilla": "HhlllmHHHmmh",
}

_USUAL_6 = {"H": (1, 2), "h": (2, 3), "m": (3, 4), "l": (4, 5)}
# Periods of (peak hours, flat hours) in each season.
_PERIODS_6: dict[str, dict[str, tuple[int, int]]] = {
    "peninsula": _USUAL_6,
    "baleares": _USUAL_6,
    "melilla": _USUAL_6,
    "canarias": _USUAL_6 | {"H": (1, 3), "m": (2, 4)},
    "ceuta": _USUAL_6 | {"H": (1, 4), "m": (2, 4), "l": (3, 5)},
}


class TariffCalendar:
    """The energy periods of one tariff in one zone."""

    def __init__(self, tariff: str, first_hour: int, table: NDArray[np.uint8]) -> None:
        self.tariff = tariff
        self.periods = TARIFF_PERIODS[tariff]
        self._first_hour = first_hour
        self._table = table

    def classify(self, hours: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Period number (1 for P1) of each hour start; IndexError for hours outside the known years."""
        index = hours - self._first_hour
        if index.size and (index.min() < 0 or index.max() >= len(self._table)):
            raise IndexError(f"Tariff calendars cover {FIRST_DAY} to {END_DAY} only.")
        return self._table[index]


def calendar(tariff: str, zone: str) -> TariffCalendar:
    """The calendar of a tariff ("2.0TD", "3.0TD", "6.1TD", ..., "flat") in a tariff zone.

    The zone of "flat" is not read. ValueError names an unknown tariff or zone and the known ones.
    """
    if tariff not in TARIFF_PERIODS:
        raise ValueError(f"Tariff {tariff!r} is unknown; known are {', '.join(TARIFF_PERIODS)}.")
    if tariff == FLAT:
        return _flat()
    if zone not in ZONE_TIME:
        raise ValueError(f"Tariff zone {zone!r} is unknown; known are {', '.join(ZONE_TIME)}.")
    return _calendar(tariff, zone)


def power_period(tariff: str, energy_period: int) -> int:
    """The power period in force during an energy period: in 2.0TD, P1 covers energy P1 and P2, P2 covers energy P3."""
    if tariff == "2.0TD":
        return 2 if energy_period == 3 else 1
    return energy_period


@lru_cache(maxsize=64)
def _calendar(tariff: str, zone: str) -> TariffCalendar:
    days = local_days(ZONE_TIME[zone])
    clock = days.clock_hours()
    numbers = np.arange(days.first, days.first + (END_DAY - FIRST_DAY).days)
    lengths = days.lengths(numbers)
    month, valley_day = _day_attributes(numbers)
    hour_month = np.repeat(month, lengths)
    if TARIFF_PERIODS[tariff] == 3:
        table = np.array([3, 1, 2], np.uint8)[_KINDS_2[zone][clock]]
        table[np.repeat(valley_day, lengths)] = 3
    else:
        of_season = _PERIODS_6[zone]
        by_month = np.array([(6, *of_season[season]) for season in _SEASONS[zone]], np.uint8)
        table = by_month[hour_month - 1, _KINDS_6[zone][clock]]
        table[np.repeat(valley_day, lengths)] = 6
    table.setflags(write=False)
    return TariffCalendar(tariff, days.first_hour, table)


@lru_cache(maxsize=1)
def _flat() -> TariffCalendar:
    # Two days of margin: the flat calendar serves every time zone.
    days = local_days("UTC")
    table = np.ones(days.end_hour - days.first_hour + 96, np.uint8)
    return TariffCalendar(FLAT, days.first_hour - 48, table)


def _day_attributes(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Month (1-12) of each day, and whether it is valley all day (type D: weekends and the nine holidays)."""
    dates = numbers.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    weekday = (numbers + 3) % 7  # 1970-01-01 was a Thursday; Monday = 0
    valley = weekday >= 5
    for holiday_month, holiday_day in TARIFF_HOLIDAYS:
        valley |= (month == holiday_month) & (day == holiday_day)
    return month, valley
