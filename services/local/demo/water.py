"""Water meters of the demonstration: somebody walks by on the last day of each month and writes down what they show.

The tables are those of docs/curve-files.md, one file a month. The first has a second row for each meter, from the day
before, so that the first month can be billed; a new meter has one from the day before it was connected.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

from services.chassis.periods import DatePeriod
from services.local.demo.cooperative import Cast, DemoSupply

HEADING = ("contador", "fecha", "lectura", "unidad", "origen")
ONE_DAY = timedelta(days=1)
#: Litres a day by kind of place, at size 1.
LITRES_A_DAY = {
    "family": 560,
    "retired": 310,
    "night_heater": 480,
    "country_house": 260,
    "shop": 390,
    "bar": 1450,
    "office": 420,
}
#: Percent of that by month, January first, in the southern hemisphere: gardens in summer.
SEASONS = (128, 122, 110, 98, 90, 86, 86, 88, 93, 100, 108, 120)


def write_water_readings(folder: Path, profile: str, people: Cast, months: list[DatePeriod]) -> list[Path]:
    """One file a month with the readings of every metered water service; none where there is no such service."""
    metered = [supply for supply in people.supplies if supply.water_meter]
    if not metered:
        return []
    registers = {supply.account_number: 100_000 + 7_919 * order for order, supply in enumerate(metered)}
    return [
        _write(folder / f"agua-{month.start:%Y-%m}.csv", rows)
        for order, month in enumerate(months)
        if (rows := list(_rows(profile, metered, month, registers, first=order == 0)))
    ]


def _rows(
    profile: str, metered: list[DemoSupply], month: DatePeriod, registers: dict[str, int], *, first: bool
) -> Iterator[tuple[str, ...]]:
    """The rows of a month; `registers`, in litres by account, move on."""
    for supply in metered:
        account = supply.account_number
        begins = max(month.start, supply.connected_on)
        if begins >= month.end or (supply.ended_on and supply.ended_on <= month.start):
            continue
        if first or begins == supply.connected_on:
            yield _row(supply.water_meter, begins - ONE_DAY, registers[account])
        registers[account] += _litres(profile, supply, begins, month.end)
        yield _row(supply.water_meter, month.end - ONE_DAY, registers[account])


def _litres(profile: str, supply: DemoSupply, begins: date, end: date) -> int:
    noise = Random(f"{profile}/{supply.account_number}/water/{begins:%Y-%m}").randint(93, 107)
    usual = int(LITRES_A_DAY[supply.household] * supply.size)
    return usual * (end - begins).days * SEASONS[begins.month - 1] * noise // 10_000


def _row(meter: str, day: date, litres: int) -> tuple[str, ...]:
    """A reading up to the end of `day`, in m³ with the decimal comma of the office's spreadsheet."""
    return (meter, f"{day:%d/%m/%Y}", f"{litres // 1000},{litres % 1000:03d}", "m3", "visual")


def _write(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(HEADING)
        writer.writerows(rows)
    return path
