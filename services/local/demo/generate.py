"""Writes the files of the demonstration cooperative: `members.csv`, the PRIME S02 reports of its concentrators, in Spain their
S05 reports of the newest month and, where it has water meters, their readings.

    python -m services.local.demo.generate --profile profiles/demo-es --out var/demo --today 2026-11-21

The same profile and the same month give the same bytes. Reports cover whole months up to the one before `today`.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from services.chassis.periods import DatePeriod, zone
from services.local.demo import incidents as incidents_of
from services.local.demo.cooperative import CONCENTRATORS, Cast, DemoSupply, cast
from services.local.demo.households import HOUSEHOLDS, Load
from services.local.demo.incidents import Incidents
from services.local.demo.members_file import write_members
from services.local.demo.registers import closes
from services.local.demo.reports import LocalHour, MeterReport, local_hours, write_report
from services.local.demo.water import write_water_readings

MONTHS = 14
FAULT_TIMES = 2


@dataclass(frozen=True)
class DemoFiles:
    """What was written, and who is in it."""

    cast: Cast
    months: list[DatePeriod]
    members_csv: Path
    reports: list[Path]
    closes: list[Path]  # what displays showed at the ends of the newest month; none in Argentina
    water: list[Path]  # tables of water meters, one a month; none in Spain


def generate(profile_dir: Path, out: Path, today: date) -> DemoFiles:
    """Writes everything under `out` (made when absent) and returns what there is."""
    coop = tomllib.loads((profile_dir / "coop.toml").read_text(encoding="utf-8"))
    months = months_before(today, MONTHS)
    people = cast(profile_dir.name, coop["jurisdiction"], [month.start for month in months])
    readings = out / "readings"
    readings.mkdir(parents=True, exist_ok=True)
    members_csv = out / "members.csv"
    write_members(members_csv, people, coop["tariff_zone"])
    writer = _ReportWriter(profile_dir.name, people, zone(coop["time_zone"]), readings, months[0].start)
    reports: list[Path] = []
    for order, month in enumerate(months):
        reports += writer.write_month(order, month, newest=order == len(months) - 1)
    water = write_water_readings(readings, profile_dir.name, people, months)
    shown = writer.write_closes(len(months) - 1, months[-1])
    return DemoFiles(people, months, members_csv, reports, shown, water)


def months_before(today: date, count: int) -> list[DatePeriod]:
    """The last `count` whole months before `today`, oldest first."""
    year, month = today.year, today.month
    found: list[DatePeriod] = []
    for _ in range(count):
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        found.append(DatePeriod.month(f"{year:04d}-{month:02d}"))
    return found[::-1]


class _ReportWriter:
    def __init__(self, profile: str, people: Cast, tz: ZoneInfo, folder: Path, first: date) -> None:
        self._profile = profile
        self._people = people
        self._zone = tz
        self._folder = folder
        self._first = first
        told = {*people.ana.supplies, *people.luis.supplies, *people.marta.supplies}
        self._ordinary = [
            supply.account_number
            for supply in people.supplies
            if supply not in told and supply.ended_on is None and len(supply.meters) == 1
        ]

    def write_month(self, order: int, month: DatePeriod, newest: bool) -> list[Path]:
        """One report per concentrator, and a late one for meters that had not answered."""
        hours = local_hours(month.start, month.end, self._zone)
        incidents = incidents_of.of_month(self._profile, order, newest, self._ordinary, len(hours))
        if newest and self._people.place.jurisdiction == "ar":
            incidents.multiplied[self._fault(incidents)] = FAULT_TIMES
        paths = []
        for number in range(1, CONCENTRATORS + 1):
            served = [supply for supply in self._people.supplies if supply.concentrator == number]
            meters = [report for supply in served for report in self._meters(supply, hours, incidents)]
            if newest and number == 2:
                meters.append(self._stranger(hours))
            paths.append(self._write(number, month, meters, day=1, plain=newest))
            late = [supply for supply in served if supply.account_number in incidents.silent]
            if late:
                late_meters = [report for supply in late for report in self._meters(supply, hours, Incidents())]
                paths.append(self._write(number, month, late_meters, day=2, plain=True))
        return paths

    def write_closes(self, order: int, month: DatePeriod) -> list[Path]:
        """Of the newest month, per concentrator what the displays of meters without any incident showed at its first and its
        last midnight; none where tariffs have no periods.
        """
        if self._people.place.jurisdiction != "es":
            return []
        hours = local_hours(month.start, month.end, self._zone)
        incidents = incidents_of.of_month(self._profile, order, True, self._ordinary, len(hours))
        paths = []
        for number in range(1, CONCENTRATORS + 1):
            meters = []
            for supply in self._people.supplies:
                touched = incidents.touch(supply.account_number) or supply.ended_on or len(supply.meters) > 1
                if supply.concentrator != number or touched:
                    continue
                load = self._load(supply, hours[0].day)
                used = [(each.day, each.hour, load.hour(each.month, each.weekday, each.hour)) for each in hours]
                meters.append(closes(supply.meters[0].serial, used, (month.start, month.end), self._zone))
            concentrator = f"{self._people.place.meter_brand}{4_620_000_000 + number:010d}"
            written_at = datetime(month.end.year, month.end.month, 1, 4, 10 + number, 7, tzinfo=self._zone)
            path = self._folder / f"{concentrator}_0_S05_0_{written_at:%Y%m%d%H%M%S}"
            write_report(path, concentrator, meters, kind="S05")
            paths.append(path)
        return paths

    def _write(self, number: int, month: DatePeriod, meters: list[MeterReport], day: int, plain: bool) -> Path:
        concentrator = f"{self._people.place.meter_brand}{4_620_000_000 + number:010d}"
        written_at = datetime(month.end.year, month.end.month, day, 3, 10 + number, 7, tzinfo=self._zone)
        name = f"{concentrator}_0_S02_0_{written_at:%Y%m%d%H%M%S}"
        path = self._folder / (name if plain else f"{name}.gz")
        write_report(path, concentrator, meters)
        return path

    def _meters(self, supply: DemoSupply, hours: list[LocalHour], incidents: Incidents) -> list[MeterReport]:
        """The `Cnt` elements of a supply: two in the month its meter is replaced, none before it was connected."""
        account = supply.account_number
        if account in incidents.silent or (supply.ended_on and supply.ended_on <= hours[0].day):
            return [MeterReport(supply.meters[-1].serial, error=("3", "3"))]
        missing = incidents.missing.get(account, set())
        doubtful = incidents.doubtful.get(account, {})
        impossible = incidents.impossible.get(account, {})
        reports = {meter.serial: MeterReport(meter.serial) for meter in supply.meters}
        serial_on = {day: supply.meter_on(day) for day in {hour.day for hour in hours}}
        load = self._load(supply, hours[0].day)
        times = incidents.multiplied.get(account, 1)
        for index, hour in enumerate(hours):
            energy = load.hour(hour.month, hour.weekday, hour.hour) * times
            serial = serial_on[hour.day]
            if not serial or index in missing:
                continue
            if index in impossible:
                stamp, value, quality = impossible[index]
                reports[serial].add(stamp or hour.stamp, value, quality)
            else:
                reports[serial].add(hour.stamp, energy, doubtful.get(index, "00"))
        return [report for report in reports.values() if report.rows]

    def _fault(self, incidents: Incidents) -> str:
        """The home whose consumption jumps in the newest month: a year of bills tells what is usual there, and nothing
        else is wrong with it.
        """
        touched = {*incidents.missing, *incidents.doubtful, *incidents.impossible, *incidents.silent}
        return [
            supply.account_number
            for supply in self._people.supplies
            if supply.household == "family"
            and supply.account_number in self._ordinary
            and supply.account_number not in touched
            and supply.connected_on <= self._first
        ][-1]

    def _load(self, supply: DemoSupply, month: date) -> Load:
        rng = Random(f"{self._profile}/{supply.account_number}/{month:%Y-%m}")
        watts = int(supply.power_kw * 1000)
        return Load(HOUSEHOLDS[supply.household], supply.size, watts, self._people.place.southern, rng)

    def _stranger(self, hours: list[LocalHour]) -> MeterReport:
        """A meter the office has not entered yet: the concentrator reads it all the same, on the last two days."""
        report = MeterReport(f"{self._people.place.meter_brand}{219_999_001:010d}")
        rng = Random(f"{self._profile}/stranger")
        for hour in hours[-48:]:
            report.add(hour.stamp, rng.randint(40, 400))
        return report


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Write the members file and the readings of a demonstration cooperative."
    )
    parser.add_argument("--profile", type=Path, default=Path("profiles/demo-es"), help="folder of the profile")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--today", type=date.fromisoformat, default=None, help="readings end the month before")
    options = parser.parse_args()
    if not (options.profile / "coop.toml").is_file():
        print(
            f"{options.profile} has no coop.toml: give the folder of a profile, such as profiles/demo-es.",
            file=sys.stderr,
        )
        return 2
    today = options.today or datetime.now().astimezone().date()
    files = generate(options.profile, options.out, today)
    print(f"{files.members_csv}: {len(files.cast.members)} members, {len(files.cast.supplies)} supplies")
    print(f"{len(files.reports)} reports of {files.months[0].start:%Y-%m} to {files.months[-1].start:%Y-%m}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
