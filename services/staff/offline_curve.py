"""`coopctl curve`: what curve files say, read on this machine; no service is asked.

Exit code 1 only when nothing could be read; every file that could not is a sentence on stderr.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.staff.curve_explain import explain
from services.staff.curve_share import share
from services.staff.offline_options import TariffOption, ZoneOption, day, day_range, tariff_calendar, time_zone
from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:  # numpy is loaded when a command runs, not for the help
    from services.metering.domain.formats import CurveFile, RefusedRow, SupplyCurve
    from services.staff.curve_months import MonthOfCurve
    from services.staff.curve_periods import PeriodEnergy

    #: What each supply of a file has by month.
    Months = list[tuple[str, list[MonthOfCurve]]]

app = typer.Typer(
    no_args_is_help=True, help="What curve files say, without any service; and why stored hours are as they are."
)

FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Curve files or folders of them; gzip, bzip2 and zip too.")
]
MONTH_COLUMNS = ("Supply", "Month", "Hours", "Import Wh", "Export Wh", "R", "E", "First", "Last")
QUARANTINED_SHOWN = 20


@app.command("inspect")
def inspect(files: FilesArgument, zone: ZoneOption = "peninsula", as_json: JsonOption = False) -> None:
    """Format of each file, hours and energy per supply and local month, and the rows that were not taken."""
    clock = time_zone(zone)

    from services.staff.curve_months import months_of
    from services.staff.offline_files import read_files

    read = 0
    documents: list[dict[str, Any]] = []
    supplies: Months = []

    def add(curve: SupplyCurve) -> None:
        supplies.append((curve.name, list(months_of(curve, clock))))

    for file in read_files(files, clock, add):
        read += 1
        if as_json:
            documents.append(_document(file, supplies))
        else:
            _print(file, supplies, clock)
        supplies.clear()
    if as_json:
        print_json({"files": documents})
    if not read:
        raise typer.Exit(1)


@app.command("periods")
def periods(
    files: FilesArgument,
    tariff: TariffOption,
    zone: ZoneOption,
    start: Annotated[str, typer.Option("--from", callback=day, metavar="DATE", help="First local day.")] = "",
    end: Annotated[str, typer.Option("--to", callback=day, metavar="DATE", help="The day after the last one.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Energy per tariff period: per supply and invoice where the file names invoices, else per supply and month."""
    calendar, clock = tariff_calendar(tariff, zone), time_zone(zone)
    first, last = day_range(start, end)

    from services.staff.curve_periods import Supplies, energy
    from services.staff.offline_files import read_files
    from services.staff.tariff_hours import hours_between

    begin, after = hours_between(clock, first, last)
    rows: list[PeriodEnergy] = []
    supplies = Supplies(clock)
    read = sum(1 for _ in read_files(files, clock, supplies.add))
    for supply in supplies:
        hours, wh, groups, differing = supply.settled()
        if differing:
            say(
                f"{supply.supply}: hours with different values in several files: {differing:,}; the file read last was believed."
            )
        inside = (hours >= begin) & (hours < after)
        rows += energy(supply.supply, supply.invoices, calendar, hours[inside], wh[inside], groups[inside])
    if as_json:
        print_json([asdict(row) for row in rows])
    elif read:
        names = tuple(f"P{number}" for number in range(1, calendar.periods + 1))
        columns = ("Supply", "Invoice", "Month", "Hours", *(f"{name} Wh" for name in names), "Total Wh")
        lines = (
            (
                row.supply,
                row.invoice or "",
                row.month or "",
                f"{row.hours:,}",
                *(f"{row.wh[name]:,}" for name in names),
                f"{sum(row.wh.values()):,}",
            )
            for row in rows
        )
        table(f"Energy per period of {tariff}, {zone}", columns, lines, numbers=columns[3:])
    if not read:
        raise typer.Exit(1)


app.command("explain")(explain)
app.command("share")(share)


def _document(file: CurveFile, supplies: Months) -> dict[str, Any]:
    """`closes` only for a file that carries register readings."""
    from services.staff.curve_closes import close_document

    found: dict[str, Any] = {
        "file": file.name,
        "format": file.format,
        "supplies": [{"supply": supply, "months": [asdict(month) for month in months]} for supply, months in supplies],
        "quarantined": [_quarantined(row) for row in file.quarantined],
    }
    return found | {"closes": [close_document(row) for row in file.closes]} if file.closes else found


def _quarantined(row: RefusedRow) -> dict[str, Any]:
    """In an archive of several files, `member` says which of them the line is in."""
    found: dict[str, Any] = {"line": row.line, "value": row.value, "reason": row.reason}
    return found | {"member": row.member} if row.member else found


def _print(file: CurveFile, supplies: Months, clock: str) -> None:
    from services.staff.curve_months import hours_of_month

    rows = (
        (
            supply,
            month.month,
            f"{month.hours} of {hours_of_month(month.month, clock)}",
            f"{month.import_wh:,}",
            f"{month.export_wh:,}",
            f"{month.real:,}",
            f"{month.estimated:,}",
            _day_and_time(month.first),
            _day_and_time(month.last),
        )
        for supply, months in supplies
        for month in months
    )
    title = f"{file.name} ({file.format})"
    if supplies or not file.closes:
        table(title, MONTH_COLUMNS, rows, numbers=MONTH_COLUMNS[:7])
    if file.closes:
        from services.staff.curve_closes import COLUMNS, close_lines

        readings = "Register readings" if supplies else f"{title}: register readings"
        table(readings, COLUMNS, close_lines(file.closes), numbers=("Registers", "Total"))
    if not file.quarantined:
        return
    shown = [(row.member, row.line, row.value, row.reason) for row in file.quarantined[:QUARANTINED_SHOWN]]
    if not any(row.member for row in file.quarantined):
        table("Quarantined rows", ("Line", "Value", "Why"), [row[1:] for row in shown], numbers=("Line",))
    else:
        table("Quarantined rows", ("In", "Line", "Value", "Why"), shown, numbers=("Line",))
    if file.quarantined_count > len(shown):
        say(f"{file.name}: {file.quarantined_count - len(shown):,} more quarantined rows; --json lists them.")


def _day_and_time(instant: str) -> str:
    """`31 23:00` of an instant whose month stands beside it."""
    return f"{instant[8:10]} {instant[11:16]}"
