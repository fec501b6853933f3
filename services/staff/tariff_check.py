"""`coopctl tariff check`: whether the dated tables of tariffs and taxes have a row, and only one, for every day."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:
    from services.billing.jurisdictions.check import CheckedTable

TablesOption = Annotated[
    Path | None,
    typer.Option("--tables", metavar="FOLDER", help="Tables being edited, in es/ and ar/; left out, those of coopctl."),
]
ProfileOption = Annotated[
    Path | None,
    typer.Option(
        "--profile", metavar="FOLDER", help="A cooperative's profile: its law.toml, products and concepts too."
    ),
]


def check(tables: TablesOption = None, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Find days without a row, days with two, and rows that cannot be read; exit code 1 when there are any."""
    from services.billing.jurisdictions.check import FOLDER
    from services.billing.jurisdictions.check import check as look

    found = look(tables or FOLDER) if profile is None else _of_profile(profile, tables or FOLDER)
    faults = [fault for checked in found for fault in checked.faults]
    if as_json:
        print_json(
            {
                "tables": [
                    {
                        "jurisdiction": each.jurisdiction,
                        "file": each.file,
                        "table": each.table,
                        "rows": each.rows,
                        "from": _iso(each.start),
                        "to": _iso(each.end),
                    }
                    for each in found
                ],
                "problems": [
                    {
                        "jurisdiction": fault.jurisdiction,
                        "file": fault.file,
                        "table": fault.table,
                        "kind": fault.kind,
                        "from": _iso(fault.start),
                        "to": _iso(fault.end),
                        "problem": fault.sentence,
                    }
                    for fault in faults
                ],
            }
        )
    else:
        columns = ("Country", "File", "Table", "Rows", "From", "To (excluded)")
        rows = [
            (each.jurisdiction, each.file, each.table, each.rows, each.start or "", each.end or "further notice")
            for each in found
            if each.start is not None
        ]
        table("Tables of tariffs and taxes", columns, rows, numbers=("Rows",))
        for fault in faults:
            say(f"{fault.jurisdiction}/{fault.file}: {fault.sentence}")
        if not faults:
            typer.echo(f"{len(rows)} tables: every day between the first and the last has exactly one row.")
    if faults:
        raise typer.Exit(1)


def _of_profile(profile: Path, tables: Path) -> list[CheckedTable]:
    """The tables of the profile's country alone, as they hold for that cooperative, and what it sells."""
    from services.billing.jurisdictions.check_profile import check_profile
    from services.chassis.environment import SettingsError
    from services.chassis.errors import Invalid
    from services.chassis.profile import load_profile

    try:
        country = load_profile(profile).jurisdiction
    except SettingsError as wrong:
        raise Invalid(str(wrong), field="profile") from None
    return check_profile(profile, country, tables)


def _iso(day: Any) -> str | None:
    return day.isoformat() if day else None
