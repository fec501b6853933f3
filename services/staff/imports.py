"""`coopctl import readings` and `coopctl imports`: what meters measured, in every format it comes in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from coop.metering.v1 import metering_service_pb2 as pb
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.readings import files_of, import_file
from services.staff.show import JsonOption, err, instant, print_json, say, table

import_app = typer.Typer(no_args_is_help=True, help="Bring files in.")
imports_app = typer.Typer(no_args_is_help=True, help="Files brought in before.")

NUMBERS = ("Accepted", "Duplicates", "Superseded", "Of nobody", "Registers", "Refused", "Points")
REFUSED_SHOWN = 20


@import_app.command("readings")
def import_readings(
    paths: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            readable=True,
            metavar="PATH...",
            help="Files or folders of them: PRIME reports, curve files, tables of readings; gzip, bzip2 and zip too.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Import hours and register readings. A row that is wrong is kept aside; a file sent twice changes nothing."""
    files = files_of(paths)
    with signed_in() as office:
        summaries = list(_import_all(office, files))
    if as_json:
        print_json({"imports": [plain(summary) for summary in summaries]})
    else:
        _print_summaries(summaries)
    if _say_problems(summaries):
        raise typer.Exit(1)


@imports_app.command("list")
def list_imports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The latest imports of readings."""
    with signed_in() as office, office.calling("metering"):
        found: list[pb.ImportSummary] = list(
            listed(office.metering.ListImports, pb.ListImportsRequest(), "imports", most=limit)
        )
    if as_json:
        print_json({"imports": [plain(summary) for summary in found]})
        return
    rows = [(instant(summary.imported_at), *_row(summary)) for summary in found]
    table("Imports of readings", ("When", "File", "Format", *NUMBERS), rows, numbers=NUMBERS)
    _say_problems(found)


def _import_all(office: Office, files: list[Path]) -> Iterator[pb.ImportSummary]:
    """Imports file after file, with a bar on stderr when somebody is watching."""
    sizes = [os.path.getsize(file) for file in files]
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("readings", total=sum(sizes))
        done = 0
        for file, size in zip(files, sizes, strict=True):
            bar.update(task, description=file.name)

            def advance(read: int, start: int = done, size: int = size) -> None:
                bar.update(task, completed=start + min(read, size))

            yield import_file(office, file, advance)
            done += size
            bar.update(task, completed=done)


def _print_summaries(summaries: list[pb.ImportSummary]) -> None:
    rows = [_row(summary) for summary in summaries]
    if len(summaries) > 1:
        total = [sum(getattr(summary, field) for summary in summaries) for field in _COUNTS]
        rows.append(("Total", "", *(f"{number:,}" for number in total), ""))
    table("Readings imported", ("File", "Format", *NUMBERS), rows, numbers=NUMBERS)
    unknown = sorted({meter for summary in summaries for meter in summary.unknown_meters})
    if unknown:
        say(f"Meters nobody has entered yet (their readings are kept until then): {', '.join(unknown)}")
    foreign = sorted({cups for summary in summaries for cups in summary.unknown_supplies})
    if foreign:
        say(f"CUPS that no supply has (their hours are kept until one has): {', '.join(foreign)}")
    errors = [
        (summary.file_name, error.meter, error.category, error.code)
        for summary in summaries
        for error in summary.meter_errors
    ]
    if errors:
        table("Meters that answered with an error", ("File", "Meter", "Category", "Code"), errors)
    refused = [(summary.file_name, summary.refused, row) for summary in summaries for row in summary.refused_readings]
    if refused:
        shown = [(name, row.line, row.meter, row.value, row.reason) for name, _, row in refused[:REFUSED_SHOWN]]
        table("Refused readings", ("File", "Line", "Meter", "Value", "Why"), shown, numbers=("Line",))
        total_refused = sum(summary.refused for summary in summaries)
        if total_refused > len(shown):
            say(
                f"{total_refused - len(shown)} more refused readings are not shown here: "
                "'coopctl readings quarantine list' shows all, and retries or discards them."
            )


def _say_problems(summaries: list[pb.ImportSummary]) -> bool:
    """A sentence for each file that was not read to its end; whether there is one."""
    troubled = [summary for summary in summaries if summary.file_problem]
    for summary in troubled:
        say(f"{summary.file_name}: {summary.file_problem}")
    return bool(troubled)


_COUNTS = ("accepted", "duplicates", "superseded", "of_unknown_meters", "register_readings", "refused")


def _row(summary: pb.ImportSummary) -> tuple[str, ...]:
    name = f"{summary.file_name} (seen before)" if summary.seen_before else summary.file_name
    counts = (f"{getattr(summary, field):,}" for field in _COUNTS)
    return (name, summary.format, *counts, str(summary.meters_with_readings))
