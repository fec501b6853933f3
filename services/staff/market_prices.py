"""`coopctl tariff market`: the hourly market prices that billing keeps for indexed products.

What talks to services is loaded by the commands themselves: the group they are in starts without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.chassis.periods import DatePeriod
from services.staff.show import JsonOption, print_json, say, table

if TYPE_CHECKING:
    from coop.billing.v1 import market_service_pb2 as messages

app = typer.Typer(no_args_is_help=True, help="Hourly market prices of indexed products; asks billing.")

PAGE = 1000
PATIENCE_S = 60.0
CENTS = Decimal("0.01")
NUMBERS = ("Hours", "Lowest", "Mean", "Highest", "Corrected")


def _month(text: str) -> str:
    try:
        DatePeriod.month(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"{wrong}.") from None
    return text.strip()


@app.command("upload")
def upload(
    file: Annotated[
        Path, typer.Argument(exists=True, readable=True, dir_okay=False, metavar="FILE", help="CSV of prices, EUR/MWh.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Keep the prices of a file. Rows that cannot be read are told and left out, and end it with exit code 1."""
    from coop.billing.v1 import market_service_pb2 as pb
    from coop.billing.v1.market_service_pb2_grpc import MarketServiceStub

    from services.chassis.ids import new_id
    from services.staff.desk import signed_in
    from services.staff.plain import plain

    request = pb.UploadMarketPricesRequest(request_id=new_id(), file_name=file.name, content=file.read_bytes())
    with signed_in() as office, office.calling("billing"):
        answer = office.stub("billing", MarketServiceStub).UploadMarketPrices(request, timeout=PATIENCE_S)
    if as_json:
        print_json(plain(answer))
    else:
        _tell(file.name, answer)
    if answer.refused:
        say(f"{file.name}: {answer.refused:,} rows were left out; put them right and upload the file again.")
        raise typer.Exit(1)


@app.command("list")
def list_command(
    month: Annotated[str, typer.Option("--month", callback=_month, help="The month, as 2026-10.")],
    as_json: JsonOption = False,
) -> None:
    """The prices in force of a month: by day for people, by hour with --json."""
    from coop.billing.v1 import market_service_pb2 as pb
    from coop.billing.v1.market_service_pb2_grpc import MarketServiceStub

    from services.staff.desk import signed_in
    from services.staff.plain import plain

    prices: list[pb.MarketPrice] = []
    token = ""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", MarketServiceStub)
        while True:
            request = pb.ListMarketPricesRequest(month=month, page_size=PAGE, page_token=token)
            answer = stub.ListMarketPrices(request, timeout=PATIENCE_S)
            prices += answer.prices
            token = answer.next_page_token
            if not token:
                break
    first = answer.first_missing.ToJsonString() if answer.HasField("first_missing") else None
    if as_json:
        print_json(
            {
                "month": month,
                "hours_expected": answer.hours_expected,
                "hours_missing": answer.hours_missing,
                "first_missing": first,
                "prices": [plain(price) for price in prices],
            }
        )
        return
    days: dict[str, list[pb.MarketPrice]] = {}
    for price in prices:
        days.setdefault(price.start[:10], []).append(price)
    columns = ("Day", *NUMBERS)
    table(f"Market prices of {month}, EUR/MWh", columns, [_row(day, of) for day, of in days.items()], numbers=NUMBERS)
    if first:
        say(f"{answer.hours_missing:,} of {answer.hours_expected:,} hours have no price, the first from {first}.")


def _row(day: str, prices: Sequence[messages.MarketPrice]) -> tuple[object, ...]:
    values = [Decimal(price.price) for price in prices]
    mean = (sum(values, Decimal(0)) / len(values)).quantize(CENTS, rounding=ROUND_HALF_UP)
    corrected = sum(price.version > 1 for price in prices)
    return day, len(values), min(values), mean, max(values), corrected or ""


def _tell(name: str, answer: messages.UploadMarketPricesResponse) -> None:
    if answer.seen_before:
        typer.echo(f"{name} was uploaded before, on {answer.file.uploaded_at.ToJsonString()}: nothing changed.")
    elif answer.HasField("file"):
        typer.echo(
            f"{name}: {answer.file.hours:,} hours, {answer.added:,} new, {answer.corrected:,} corrected, "
            f"{answer.unchanged:,} as they were."
        )
    if answer.corrections:
        rows = [(one.start.ToJsonString(), one.before, one.after) for one in answer.corrections]
        table("Corrected, EUR/MWh", ("Hour from", "Before", "Now"), rows, numbers=("Before", "Now"))
    if answer.invoices:
        say(
            f"{answer.invoices:,} issued invoices were calculated with the prices before, and stay as they are: "
            f"{', '.join(answer.invoice_numbers)}."
        )
    if answer.refused_rows:
        rows = [(row.line, row.value, row.reason) for row in answer.refused_rows]
        table("Rows left out", ("Line", "Value", "Why"), rows, numbers=("Line",))
