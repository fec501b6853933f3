"""`coopctl curve share`: what each participant of a shared installation uses of it, takes and feeds in, hour by hour."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from services.chassis.errors import Invalid
from services.staff.offline_options import ZoneOption, day, day_range, time_zone
from services.staff.show import JsonOption, print_json, say, table

CoefficientsOption = Annotated[
    list[Path],
    typer.Option(
        "--coefficients", metavar="FILE", help="<CAU>_<year>.txt, as the participants agreed; one for each year."
    ),
]
GenerationOption = Annotated[
    str,
    typer.Option("--generation", metavar="NAME", help="The installation's point in the files: its CUPS or its meter."),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Write the hours after sharing as F5D, which `coopctl import readings` takes."
    ),
]
COLUMNS = ("Supply", "Month", "Hours", "Consumption Wh", "Share Wh", "Used Wh", "Grid Wh", "Surplus Wh")


def share(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Curve files or folders of them.")],
    coefficients: CoefficientsOption,
    generation: GenerationOption,
    zone: ZoneOption = "peninsula",
    start: Annotated[str, typer.Option("--from", callback=day, metavar="DATE", help="First local day.")] = "",
    end: Annotated[str, typer.Option("--to", callback=day, metavar="DATE", help="The day after the last one.")] = "",
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Share a self-consumption installation between its participants (RD 244/2019, annex I); asks no service."""
    clock = time_zone(zone)
    first, last = day_range(start, end)

    from services.metering.domain.sharing_file import Agreements, read_coefficients
    from services.staff.offline_files import read_files
    from services.staff.quote_fields import read_bytes
    from services.staff.shared_hours import f5d, settle_files
    from services.staff.tariff_hours import hours_between

    agreed = Agreements(
        [read_coefficients(path.name, read_bytes(path).decode("utf-8", "replace")) for path in coefficients]
    )
    found = settle_files(read_files(files, clock), agreed, generation, clock, hours_between(clock, first, last))
    for remark in found.remarks:
        say(remark)
    if out is not None:
        try:
            out.write_text("".join(f5d(found.points, clock)), encoding="ascii", newline="\r\n")
        except OSError as wrong:
            raise Invalid(f"{out} cannot be written: {wrong.strerror or wrong}.", field="out") from None
    months = found.months()
    if as_json:
        print_json({"cau": agreed.cau, "generation": found.generation, "participants": [asdict(row) for row in months]})
        return
    rows = [
        (
            row.supply,
            row.month,
            f"{row.hours:,}",
            *(f"{wh:,}" for wh in (row.consumption_wh, row.share_wh, row.self_wh, row.grid_wh, row.surplus_wh)),
        )
        for row in months
    ]
    table(f"Shared self-consumption {agreed.cau}", COLUMNS, rows, numbers=COLUMNS[2:])
