"""`coopctl readings self`: members' own readings, with their photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from coop.metering.v1 import metering_service_pb2 as pb

from services.staff.desk import signed_in
from services.staff.documents import save
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, say, table
from services.staff.supplies import find

app = typer.Typer(no_args_is_help=True, help="Readings that members took of their own meters.")

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic"}


@dataclass
class _Photo:
    """A photo as a document of one piece."""

    file_name: str
    chunk: bytes


@app.command("list")
def list_command(
    supply: Annotated[str, typer.Option(help="Only of this supply: account number (5555/1), CUPS or id.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Self-readings with their receipts; the doubtful ones want somebody to look at the photo."""
    with signed_in() as office:
        supply_id = find(office, supply).id if supply else ""
        found = [one for one, _ in zip(_all(office, supply_id), range(limit), strict=False)]
    if as_json:
        print_json({"self_readings": [plain(one) for one in found]})
        return
    rows = [
        (
            one.receipt,
            one.account_number,
            one.meter,
            one.day,
            ", ".join(f"{value.register} {value.value:,}" for value in one.shown),
            one.unit,
            one.state,
            instant(one.received_at),
        )
        for one in found
    ]
    table("Self-readings", ("Receipt", "Account", "Meter", "Read on", "Shown", "Unit", "State", "Received"), rows)


@app.command("photo")
def photo(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="Number of the receipt.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File or folder to save it in.")],
    as_json: JsonOption = False,
) -> None:
    """Save the photo that came with a self-reading."""
    with signed_in() as office, office.calling("metering"):
        found = office.metering.GetSelfReadingPhoto(pb.GetSelfReadingPhotoRequest(receipt=receipt), timeout=30)
    save(output, [_Photo(f"{receipt}.{_SUFFIXES.get(found.content_type, 'bin')}", found.content)])
    if as_json:
        print_json({"receipt": receipt, "content_type": found.content_type, "bytes": len(found.content)})
    else:
        say(f"Saved {len(found.content):,} bytes ({found.content_type}).")


def _all(office: Office, supply_id: str) -> Iterator[pb.SelfReadingReceipt]:
    with office.calling("metering"):
        yield from listed(office.metering.ListSelfReadings, pb.ListSelfReadingsRequest(supply_id=supply_id), "readings")
