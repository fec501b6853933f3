"""PRIME S05 reports: what the displays of meters showed at the midnights on which a month begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from random import Random
from zoneinfo import ZoneInfo

from services.local.demo.reports import MeterReport, stamp

PERIODS = 6  # a meter has that many registers, whatever its tariff
_PEAK = frozenset({10, 11, 12, 13, 18, 19, 20, 21})
_FIXED_HOLIDAYS = frozenset({(1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)})
_SATURDAY = 5
_NIGHT_ENDS = 8
_WH = 1000


def register_of(day: date, hour: int) -> int:
    """The register, from 0, that counts a local hour of a home: peak, mid-peak, off-peak (tariff 2.0TD)."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in _FIXED_HOLIDAYS or hour < _NIGHT_ENDS:
        return 2
    return 0 if hour in _PEAK else 1


def closes(serial: str, used: Iterable[tuple[date, int, int]], days: tuple[date, date], zone: ZoneInfo) -> MeterReport:
    """A meter's two closes: what it had counted before the first day, and with the hours `used` (day, hour, Wh) before the
    last one. Displays show whole kWh.
    """
    rng = Random(f"{serial}/registers")
    counted = [rng.randrange(2_000 * _WH, 20_000 * _WH) for _ in range(3)]
    report = MeterReport(serial)
    report.rows += _close(days[0], counted, zone)
    for day, hour, wh in used:
        counted[register_of(day, hour)] += wh
    report.rows += _close(days[1], counted, zone)
    return report


def _close(day: date, counted: Sequence[int], zone: ZoneInfo) -> list[str]:
    """One element for the total and one for each register of a midnight."""
    at = stamp(datetime(day.year, day.month, day.day, tzinfo=zone))
    whole = [wh // _WH for wh in counted] + [0] * (PERIODS - len(counted))
    return [
        f'   <S05 Fh="{at}" Ctr="1" Pt="{number}"><Value AIa="{kwh}" AEa="0" R1a="0" R2a="0" R3a="0" R4a="0"/></S05>\n'
        for number, kwh in enumerate([sum(whole), *whole])
    ]
