"""The demonstration's files: the same every time, valid in every number, with the incidents they promise."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from stdnum.ar import cuit
from stdnum.es import cups, nif

from services.local.demo.generate import DemoFiles, generate, months_before
from services.local.demo.registers import register_of
from services.metering.domain.formats import read_curve_file
from services.metering.domain.prime import S02Reader

ROOT = Path(__file__).resolve().parents[3]
TODAY = date(2026, 11, 21)
SERVICES = ("electricity", "water")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DemoFiles]:
    profiles = ("demo-es", "demo-ar")
    return {name: generate(ROOT / "profiles" / name, tmp_path_factory.mktemp(name), TODAY) for name in profiles}


@pytest.fixture(params=["demo-es", "demo-ar"])
def files(request: pytest.FixtureRequest, both: dict[str, DemoFiles]) -> DemoFiles:
    return both[request.param]


@pytest.fixture
def spain(both: dict[str, DemoFiles]) -> DemoFiles:
    return both["demo-es"]


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=";")


def content_of(report: Path) -> bytes:
    content = report.read_bytes()
    return gzip.decompress(content) if report.suffix == ".gz" else content


def stamps(spain: DemoFiles, month: str, meter: str) -> list[str]:
    """The stamps of a meter in the reports of a month, "2026-10"."""
    wanted = f"{month.replace('-', '')}"
    found = []
    for report in spain.reports:
        for part in content_of(report).decode().split("<Cnt ")[1:]:
            if part.startswith(f'Id="{meter}"'):
                found += [line.split('"')[1] for line in part.splitlines() if "Fh=" in line]
    return [stamp for stamp in found if stamp.startswith(wanted)]


def test_the_same_day_gives_the_same_bytes(spain: DemoFiles, tmp_path: Path) -> None:
    again = generate(ROOT / "profiles" / "demo-es", tmp_path, TODAY)
    digests = [[hashlib.sha256(path.read_bytes()).hexdigest() for path in made.reports] for made in (spain, again)]
    assert digests[0] == digests[1]
    assert spain.members_csv.read_bytes() == again.members_csv.read_bytes()


def test_there_are_the_members_and_supplies_that_are_promised(files: DemoFiles) -> None:
    assert len(files.cast.supplies) == 60
    assert len(files.cast.members) == 48
    assert len(files.cast.ana.supplies) == 2
    assert files.months[0].start == date(2025, 9, 1)
    assert files.months[-1].end == date(2026, 11, 1)


def test_every_number_has_its_check_digits(files: DemoFiles) -> None:
    for row in rows_of(files.members_csv):
        if row["cups"]:
            assert cups.validate(row["cups"]).startswith("ES0575")
            assert nif.validate(row["document"])
        elif row["document_type"] == "cuit":
            assert cuit.validate(row["document"])


def test_accounts_meters_and_addresses_are_nobody_elses(files: DemoFiles) -> None:
    rows = list(rows_of(files.members_csv))
    meters = {service: {row["meter_serial"] for row in rows if row["service"] == service} for service in SERVICES}
    assert len(meters["electricity"]) == 61  # sixty supplies, one of them with a replaced meter
    assert not meters["electricity"] & meters["water"]
    owners = Counter({(row["meter_serial"], row["account_number"]) for row in rows if row["meter_serial"]})
    assert len(owners) == len({serial for serial, _ in owners})
    documents = {(row["member_number"], row["document"]) for row in rows}
    assert len(documents) == len({document for _, document in documents}) == 48
    assert all(row["email"].endswith("@example.org") for row in rows if row["email"])


def test_metering_reads_every_report_and_refuses_only_the_planted_rows(files: DemoFiles) -> None:
    zone = "Europe/Madrid" if files.cast.place.jurisdiction == "es" else "America/Argentina/Buenos_Aires"
    accepted, refused, errors, units = 0, 0, 0, Counter[str]()
    for report in files.reports:
        content = report.read_bytes()
        content = gzip.decompress(content) if report.suffix == ".gz" else content
        reader = S02Reader(zone, NOW)
        for batch in [*reader.feed(content), *reader.close()]:
            accepted += len(batch.hour)
            refused += len(batch.refused)
            errors += len(batch.errors)
            units.update(batch.meters)
        assert reader.problem == ""
    assert accepted > 590_000
    assert refused == 27  # seven odd months with three each, three of every fourth with two
    assert errors >= 3
    assert len(units) == 62  # sixty-one of the members file and one that nobody has entered


def test_the_displays_of_the_newest_month_go_with_its_hours(spain: DemoFiles) -> None:
    """In whole kWh: what a register counted is within one of the hours of its periods."""
    found = [close for path in spain.closes for close in read_curve_file(path).closes]
    ana = spain.cast.ana.supplies[0].meters[0].serial
    first, last = (one.registers["import"] for one in found if one.meter == ana)
    shown = [after - before for before, after in zip(first, last, strict=True)]
    hours = Counter[int]()
    for report in spain.reports[-5:]:
        for part in content_of(report).decode().split("<Cnt ")[1:]:
            for line in part.splitlines() if part.startswith(f'Id="{ana}"') else ():
                if "Fh=" in line:
                    begins = datetime.strptime(line.split('"')[1][:10] + "+0000", "%Y%m%d%H%z") - timedelta(hours=1)
                    used = int(line.split('AI="')[1].split('"')[0]) if begins.month == 10 else 0
                    hours[register_of(begins.date(), begins.hour)] += used
    assert shown[3:] == [0, 0, 0]
    assert all(abs(one - hours[number]) <= 1_000 for number, one in enumerate(shown[:3])), (shown, hours)
    assert len({one.meter for one in found}) > 40


def test_the_days_of_the_clock_change_have_23_and_25_hours(spain: DemoFiles) -> None:
    meter = spain.cast.ana.supplies[0].meters[0].serial
    october = stamps(spain, "2026-10", meter)
    assert "20261025020000000S" in october and "20261025020000000W" in october
    assert len([stamp for stamp in october if stamp.startswith("20261025")]) == 25
    march = stamps(spain, "2026-03", meter)
    assert "20260329020000000W" not in march and "20260329030000000S" in march
    assert len([stamp for stamp in march if stamp.startswith("20260329")]) == 23


def test_argentina_writes_standard_time_all_year(both: dict[str, DemoFiles]) -> None:
    text = content_of(both["demo-ar"].reports[4]).decode()
    assert 'W" Bc=' in text and '000S" Bc=' not in text


def test_ana_lacks_no_hour_so_that_her_month_can_be_shown(spain: DemoFiles) -> None:
    meter = spain.cast.ana.supplies[0].meters[0].serial
    assert len(stamps(spain, "2026-10", meter)) == 745  # of the ends of hours: September's last in, October's last out


@pytest.mark.parametrize(
    ("today", "last"), [(date(2027, 1, 1), "2026-12"), (date(2027, 3, 31), "2027-02"), (date(2026, 11, 21), "2026-10")]
)
def test_the_last_month_is_the_one_before_today(today: date, last: str) -> None:
    months = months_before(today, 14)
    assert f"{months[-1].start:%Y-%m}" == last
    assert [month.end for month in months[:-1]] == [month.start for month in months[1:]]


def test_water_meters_are_read_at_the_end_of_every_month_and_never_run_backwards(both: dict[str, DemoFiles]) -> None:
    made = both["demo-ar"]
    serials = {row["meter_serial"] for row in rows_of(made.members_csv) if row["service"] == "water"} - {""}
    readings: dict[str, list[tuple[date, int]]] = {}
    for path in made.water:
        for reading in read_curve_file(path, zone_name="America/Argentina/Buenos_Aires").closes:
            readings.setdefault(reading.meter, []).append((reading.day, *reading.registers["water"]))
    assert set(readings) == serials and len(serials) > 30
    for found in readings.values():
        days, values = zip(*found, strict=True)
        assert list(days) == sorted(set(days)) and list(values) == sorted(set(values))
        assert [day.day for day in days[1:]] == [1] * (len(days) - 1)
    ana = readings[made.cast.ana.supplies[0].water_meter]
    assert (ana[0][0], ana[-1][0], len(ana)) == (date(2025, 9, 1), date(2026, 11, 1), 15)
    assert both["demo-es"].water == []
