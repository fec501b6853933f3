"""Energy by tariff period from the hours of the load curve (Circular CNMC 3/2020), one hour after the other."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.staff.verify.numbers import Unverifiable, day

#: Valley all day: national holidays of fixed date that no region may move, and 6 January.
HOLIDAYS = {(1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)}
NIGHT = range(8)

TWO_PEAK = {"": (*range(10, 14), *range(18, 22)), "ceuta": (*range(11, 15), *range(19, 23))}
"""Peak hours of 2.0TD; Ceuta and Melilla an hour later."""

#: Months of high, medium-high, medium and low season.
SEASONS = {
    "peninsula": ((1, 2, 7, 12), (3, 11), (6, 8, 9), (4, 5, 10)),
    "baleares": ((6, 7, 8, 9), (5, 10), (1, 2, 12), (3, 4, 11)),
    "canarias": ((7, 8, 9, 10), (11, 12), (1, 2, 3), (4, 5, 6)),
    "ceuta": ((1, 2, 8, 9), (7, 10), (3, 11, 12), (4, 5, 6)),
    "melilla": ((1, 7, 8, 9), (2, 12), (6, 10, 11), (3, 4, 5)),
}
#: Peak hours of the tariffs of six periods; the other hours of the day are flat.
SIX_PEAK = {
    "peninsula": (*range(9, 14), *range(18, 22)),
    "baleares": (*range(10, 15), *range(18, 22)),
    "canarias": (*range(10, 15), *range(18, 22)),
    "ceuta": (*range(10, 15), *range(19, 23)),
    "melilla": (*range(10, 15), *range(19, 23)),
}
#: (peak, flat) period of each season, high to low.
SIX_PERIODS = {
    "peninsula": ((1, 2), (2, 3), (3, 4), (4, 5)),
    "baleares": ((1, 2), (2, 3), (3, 4), (4, 5)),
    "melilla": ((1, 2), (2, 3), (3, 4), (4, 5)),
    "canarias": ((1, 3), (2, 3), (2, 4), (4, 5)),
    "ceuta": ((1, 4), (2, 3), (2, 4), (3, 5)),
}


def period_of(start: datetime, tariff: str, zone: str) -> str:
    """Tariff period of the hour that starts at a local instant: "P1"."""
    if tariff == "flat":
        return "P1"
    if zone not in SEASONS:
        raise Unverifiable(f"The tariff zone {zone!r} is not known; known are {', '.join(SEASONS)}.")
    valley = start.weekday() >= 5 or (start.month, start.day) in HOLIDAYS or start.hour in NIGHT
    if tariff == "2.0TD":
        if valley:
            return "P3"
        peak = TWO_PEAK["ceuta" if zone in ("ceuta", "melilla") else ""]
        return "P1" if start.hour in peak else "P2"
    if tariff not in ("3.0TD", "6.1TD", "6.2TD", "6.3TD", "6.4TD"):
        raise Unverifiable(f"The tariff {tariff!r} is not known.")
    if valley:
        return "P6"
    season = next(index for index, months in enumerate(SEASONS[zone]) if start.month in months)
    peak_period, flat_period = SIX_PERIODS[zone][season]
    return f"P{peak_period if start.hour in SIX_PEAK[zone] else flat_period}"


def energy_of(hours: list[list[Any]], tariff: str, zone: str, time_zone: str) -> dict[str, list[int]]:
    """Import and export Wh by tariff period of hours as the bundle has them: [start, import, export, method]."""
    totals: dict[str, list[int]] = {}
    for start, taken, given, *_ in hours:
        local = datetime.fromisoformat(start).astimezone(ZoneInfo(time_zone))
        total = totals.setdefault(period_of(local, tariff, zone), [0, 0])
        total[0] += taken
        total[1] += given
    return totals


def misplaced(segment: dict[str, Any], time_zone: str) -> str:
    """The first hour that is not one of the segment's days, told as the clocks there did, after the one before; "" if none is."""
    zone, first, end = ZoneInfo(time_zone), day(segment["from"]), day(segment["to"])
    before: datetime | None = None
    for text, *_ in segment["hours"]:
        start = datetime.fromisoformat(text)
        if before is not None and start == before:
            return f"An hour of {segment['service']} is in the bundle twice: {text}."
        if before is not None and start < before:
            return f"The hour {text} of {segment['service']} stands after {before.isoformat()}, which is later."
        if not _is_of(start, zone, first, end):
            return f"The hour {text} of {segment['service']} is not of {first} to {end} (excluded)."
        if start.minute or start.second or start.microsecond or start.astimezone(zone).isoformat() != text:
            return f"{text} of {segment['service']} is no full hour as {time_zone} tells it."
        before = start
    return ""


def _is_of(start: datetime, zone: ZoneInfo, first: date, end: date) -> bool:
    return first <= start.astimezone(zone).date() < end
