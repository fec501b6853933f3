"""`coopctl tariff`: the periods of an access tariff hour by hour, a look at the tables, and market prices, which billing
keeps; the others ask no service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from services.staff import market_prices
from services.staff.offline_options import TariffOption, ZoneOption, day, day_range, tariff_calendar, time_zone
from services.staff.show import JsonOption, out, table
from services.staff.tariff_check import check

if TYPE_CHECKING:
    from services.staff.tariff_hours import Row

app = typer.Typer(no_args_is_help=True, help="Periods and tables of the tariffs without any service; market prices.")
app.command("check")(check)
app.add_typer(market_prices.app, name="market")

COLUMNS = ("Start", "Energy period", "Power period")
RICH_HOURS = 32 * 24
"""A longer list is printed as plain columns on a terminal too: nobody wants to wait for its layout."""


@app.command("periods")
def periods(
    tariff: TariffOption,
    zone: ZoneOption,
    start: Annotated[str, typer.Option("--from", callback=day, metavar="DATE", help="First local day.")],
    end: Annotated[str, typer.Option("--to", callback=day, metavar="DATE", help="The day after the last one.")],
    as_json: JsonOption = False,
) -> None:
    """Energy and power period of every hour from a local day to another, the second excluded."""
    calendar, clock = tariff_calendar(tariff, zone), time_zone(zone)
    first, last = day_range(start, end)

    from services.staff.tariff_hours import classified, hours_between, hours_by_period

    begin, after = hours_between(clock, first, last)
    pieces = classified(calendar, clock, begin, after)
    if as_json:
        _print_json(pieces)
        return
    if out.is_terminal and after - begin <= RICH_HOURS:
        table(f"{tariff}, {zone}", COLUMNS, (row for piece in pieces for row in piece))
    else:
        typer.echo(_line(COLUMNS))
        for piece in pieces:
            typer.echo("\n".join(map(_line, piece)))
    counts = hours_by_period(calendar, begin, after)
    typer.echo(f"{after - begin:,} hours: " + ", ".join(f"{name} {hours:,}" for name, hours in counts.items()))


def _print_json(pieces: Iterator[list[Row]]) -> None:
    """One array, a row a line; the values are names and stamps, which JSON writes as they are."""
    separator = "[\n"
    for piece in pieces:
        rows = (
            f'  {{"start": "{start}", "energy_period": "{energy}", "power_period": "{power}"}}'
            for start, energy, power in piece
        )
        typer.echo(separator + ",\n".join(rows), nl=False)
        separator = ",\n"
    typer.echo("\n]")


def _line(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<27}{cells[1]:<15}{cells[2]}"
