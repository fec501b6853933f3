"""`coopctl readings doubtful`: what waits for somebody to look at it before `readings accept`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from coop.common.v1.types_pb2 import DatePeriod as DatePeriodMessage
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.periods import DatePeriod
from services.staff.bills import month
from services.staff.desk import signed_in
from services.staff.plain import plain
from services.staff.show import JsonOption, print_json, table
from services.staff.supplies import find

DEADLINE_S = 300.0
DAYS = 365
"""Days that are looked at when no month is named: the last year."""

HOURS = ("Account", "Service", "Day", "Hours", "Import Wh", "Export Wh")
REGISTERS = ("Account", "Service", "Meter", "Read at midnight of", "Origin", "Shown", "Why")

UNITS = {"Wh": (1000, "kWh"), "litre": (1000, "m3")}
"""Of register readings: by what they are divided to read as on the meter, and the unit then."""


def _month(text: str) -> str:
    return month(text) if text else ""


def doubtful(
    period: Annotated[
        str, typer.Option("--month", callback=_month, help="Only this month, as 2026-10; the last year when left out.")
    ] = "",
    supplies: Annotated[
        list[str] | None,
        typer.Option("--supply", help="Only this one: account number, CUPS or id. May be given several times."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Readings that were measured with a doubt, of every supply: hours that the meter doubted, by day, and register readings
    that validation doubted. Look into them, then count them with 'readings accept'.
    """
    days = _days(period)
    request = pb.StreamDoubtfulReadingsRequest(
        period=DatePeriodMessage(start=days.start.isoformat(), end=days.end.isoformat())
    )
    with signed_in() as office:
        request.supply_ids.extend(find(office, supply).id for supply in supplies or ())
        with office.calling("metering"):
            found = list(office.metering.StreamDoubtfulReadings(request, timeout=DEADLINE_S))
    if as_json:
        print_json({"from": request.period.start, "to": request.period.end, "supplies": [plain(one) for one in found]})
    else:
        _print(f"{days.start} to {days.end - timedelta(days=1)}", found)


def _days(period: str) -> DatePeriod:
    """The month, or the year up to now. Tomorrow's midnight ends today: a register read then is one of today."""
    if period:
        return DatePeriod.month(period)
    end = datetime.now(UTC).astimezone().date() + timedelta(days=1)
    return DatePeriod(end - timedelta(days=DAYS), end)


def _print(span: str, found: list[pb.StreamDoubtfulReadingsResponse]) -> None:
    hours = [
        (one.account_number, one.kind, day.day, day.hours, f"{day.import_wh:,}", f"{day.export_wh:,}")
        for one in found
        for day in one.days
    ]
    table(f"Doubtful hours, {span}", HOURS, hours, numbers=HOURS[3:])
    registers = [
        (one.account_number, one.kind, row.meter, row.day, row.origin, _shown(row), " ".join(row.findings))
        for one in found
        for row in one.registers
    ]
    table(f"Doubtful register readings, {span}", REGISTERS, registers)


def _shown(row: pb.DoubtfulRegister) -> str:
    """Registers as the meter shows them, in kWh or m3."""
    by, unit = UNITS[row.unit]
    shown = [f"{value // by:,}.{value % by:03}" if value % by else f"{value // by:,}" for value in row.shown]
    return f"{' '.join(shown)} {unit}" if shown else ""
