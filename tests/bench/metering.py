"""What metering promises, measured: speed of the import, bytes of a stored day, months out of ten years, memory.

Every figure stands beside its limit. ``python -m tests.bench.metering`` measures these alone, in about a minute.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc

from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.grpc.client import remote
from services.chassis.periods import DatePeriod
from services.chassis.telemetry import configure_logging
from services.metering.app import build
from services.metering.application import learn
from services.metering.application.energy import EnergyQuery, billable_energy
from services.metering.domain.calendar import calendar
from services.metering.domain.curve import blank_days
from services.metering.domain.hours import day_number, local_days
from services.metering.domain.merge import Layer
from services.metering.domain.readings import MISSING, REAL
from services.metering.domain.totals import day_periods
from services.metering.repository import curves, points
from services.metering.settings import Settings
from tests.bench import storage
from tests.bench.figures import at_least, at_most
from tests.bench.households import hourly_loads
from tests.bench.readings import MADRID, NOW, MeteringAlone, seconds, write_reports
from tests.support.metering import supply_message
from tests.support.service_under_test import service_under_test

MONTH = "2026-10"
SUPPLIES = 2_000
PEAK_SUPPLIES = 100
OLD_SUPPLIES = 30
VIEWS = 400
IMPORT, R1, R4 = 0, 2, 5


def measure(folder: Path, supplies: int = SUPPLIES) -> dict[str, Any]:
    """All figures of metering."""
    configure_logging("bench", "warning")  # a line a call would be measured too
    return {
        **_calendars(),
        **_import(folder / "import", supplies),
        **_month_views(folder / "views"),
        **_peaks(folder / "peaks"),
    }


def _calendars() -> dict[str, Any]:
    """Hours a second that find their tariff period: one by one, and by whole days as a bill run asks."""
    days, table = local_days(MADRID), calendar("3.0TD", "peninsula")
    first, last = day_number(date(2016, 1, 1)), day_number(date(2026, 1, 1))
    hours = np.tile(np.arange(days.start_of(first), days.start_of(last)), 40)
    numbers = np.tile(np.arange(first, last), 40)
    table.classify(hours)
    one_by_one = min(seconds(lambda: table.classify(hours)) for _ in range(5))
    by_day = min(seconds(lambda: day_periods(table, days, numbers)) for _ in range(5))
    return {
        "calendar_million_hours_per_s": at_least(round(len(hours) / one_by_one / 1e6, 1), 30),
        "day_periods_million_hours_per_s": at_least(round(len(hours) / by_day / 1e6, 1), 30),
    }


def _import(folder: Path, supplies: int) -> dict[str, Any]:
    """A month of a cooperative through parse, validation, store and event in this process, and what it takes on disk."""
    folder.mkdir()
    path = folder / "metering.db"
    metering = MeteringAlone(f"sqlite:///{path}", folder)
    metering.connect(supplies)
    reports = write_reports(folder, supplies, MONTH)
    parser_s = min(seconds(lambda: _parse_alone(reports)) for _ in range(2))
    with metering.relay():
        began, used = time.perf_counter(), time.process_time()
        readings = sum(metering.load(report).record.accepted for report in reports)
        import_s, processor_s = time.perf_counter() - began, time.process_time() - used
    month = DatePeriod.month(MONTH)
    days = local_days(MADRID)
    hours = days.start_of(day_number(month.end)) - days.start_of(day_number(month.start))
    assert readings == supplies * hours, readings
    queries = [EnergyQuery(one.supply_id, one.service_id, "2.0TD", month) for one in metering.supplies]
    bill_s = min(seconds(lambda: list(billable_energy(metering.database, MADRID, queries))) for _ in range(2))
    metering.close()  # the last connection brings the write-ahead log into the file
    size = storage.sqlite_bytes(path) / (supplies * month.days)
    return {
        "import_readings_per_s": at_least(round(readings / import_s), 150_000),
        "import_readings_per_processor_s": round(readings / processor_s),
        "xml_parser_alone_readings_per_s": round(readings / parser_s),
        "bill_run_readings_per_s": at_least(round(readings / bill_s), 150_000),
        "bytes_per_supply_and_day": at_most(round(size, 1), 120),
        **storage.measure(folder / "storage", reports[: len(reports) // 2], month),
    }


def _parse_alone(reports: list[Path]) -> None:
    """The XML parser over the same reports, handing over every element and nothing else: no import can be faster."""
    for report in reports:
        parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.StartElementHandler = lambda name, attributes: None
        parser.Parse(report.read_bytes(), True)


def _month_views(folder: Path) -> dict[str, Any]:
    """GetCurve of one month, asked of a service that has ten years of every supply and of one that has this month only."""
    month = DatePeriod.month(MONTH)
    asked = DatePeriodMessage(start=month.start.isoformat(), end=month.end.isoformat())
    with ExitStack() as stack:
        stubs = []
        for name, start in (("month", month.start), ("decade", date(2016, 11, 1))):
            own = folder / name
            own.mkdir(parents=True)
            _fill(f"sqlite:///{own / 'metering.db'}", DatePeriod(start, month.end))
            service = stack.enter_context(
                service_under_test(
                    "metering",
                    Settings,
                    build,
                    metering_service_pb2_grpc.MeteringServiceStub,
                    folder=own,
                    database_url=f"sqlite:///{own / 'metering.db'}",
                    clock=FixedClock(NOW),
                    work=False,
                )
            )
            stubs.append(service.as_staff("metering"))
        taken: list[list[float]] = [[], []]
        for number in range(VIEWS):
            request = pb.GetCurveRequest(supply_id=f"supply-{number % OLD_SUPPLIES}", period=asked)
            for stub, times in zip(stubs, taken, strict=True):
                began = time.perf_counter()
                with remote():
                    answer = stub.GetCurve(request)
                times.append(time.perf_counter() - began)
                assert sum(len(day.hours) for day in answer.days) == 745
    month_s, decade_s = map(statistics.median, taken)
    return {
        "month_view_ms": round(month_s * 1000, 2),
        "month_view_ten_years_to_one_month": at_most(round(decade_s / month_s, 3), 1.1),
    }


def _fill(url: str, period: DatePeriod) -> None:
    """A database with OLD_SUPPLIES whose every day of the period is stored."""
    database = Database(url, service="metering", clock=FixedClock(NOW))
    migrations.upgrade(database, "metering")
    days = local_days(MADRID)
    numbers = np.arange(day_number(period.start), day_number(period.end))
    for number in range(OLD_SUPPLIES):
        name = f"supply-{number}"
        with database.write() as tx:
            learn.supply_changed(tx, supply_message(name, (f"METER-{number}", "2015-01-01", "")))
            (point,) = points.points_of_services(tx.connection, {f"{name}-service"}).values()
            found = blank_days(days.lengths(numbers))
            inside = np.arange(25) < found.length[:, None]
            loads = hourly_loads(number, 1, int(inside.sum()))[0]
            for column, channel in enumerate((IMPORT, R1, R4)):
                found.values[inside, channel] = loads[:, column]
            found.quality[:] = np.where(inside, REAL, MISSING)
            layer = Layer(np.full(len(numbers), point.key), numbers, found)
            curves.store(tx, layer, curves.Revision(tx, NOW, None))
    database.close()


def _peaks(folder: Path) -> dict[str, Any]:
    """Peak memory of a process that imports a file, and of one that imports a file ten times as large."""
    folder.mkdir()
    found = []
    for supplies in (PEAK_SUPPLIES, 10 * PEAK_SUPPLIES):
        (report,) = write_reports(folder, supplies, MONTH, per_report=supplies)
        command = [sys.executable, "-m", "tests.bench.peak", str(report), str(10 * PEAK_SUPPLIES)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        assert found[-1]["readings"] == supplies * 745, found
        report.unlink()
    small, large = found
    return {
        "import_peak_mb": round(large["peak_mb"]),
        "import_peak_file_ten_times_as_large": at_most(round(large["peak_mb"] / small["peak_mb"], 3), 1.2),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="acometida-bench-") as name:
        print(json.dumps(measure(Path(name)), indent=2))
