"""`coopctl readings profile`: the load profiles that estimates spread energy by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Load profiles: how estimates spread energy over the hours.")
COLUMNS = ("Tariff", "File", "Coefficients", "In force", "Uploaded")


@app.command("upload")
def upload(
    file: Annotated[
        Path, typer.Argument(exists=True, readable=True, dir_okay=False, metavar="FILE", help="CSV of coefficients.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Put the profiles of a file in force. A file with a wrong row changes nothing; every wrong row is told."""
    request = pb.UploadLoadProfileRequest(request_id=new_id(), file_name=file.name, content=file.read_bytes())
    with signed_in() as office, office.calling("metering"):
        answer = office.metering.UploadLoadProfile(request, timeout=60)
    if as_json:
        print_json(plain(answer))
    elif answer.profiles:
        _print("In force now", list(answer.profiles))
    if answer.refused:
        if not as_json:
            rows = [(row.line, row.value, row.reason) for row in answer.refused]
            table("Refused rows", ("Line", "Value", "Why"), rows, numbers=("Line",))
        say(f"{file.name}: nothing was stored, because {len(answer.refused):,} rows are wrong.")
        raise typer.Exit(1)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Every profile by tariff, the one in force first."""
    with signed_in() as office, office.calling("metering"):
        found = office.metering.GetLoadProfiles(pb.GetLoadProfilesRequest(), timeout=30).profiles
    if as_json:
        print_json({"profiles": [plain(one) for one in found]})
    else:
        _print("Load profiles", list(found))


def _print(title: str, found: list[pb.LoadProfile]) -> None:
    rows = [
        (
            one.tariff,
            f"{one.file_name} (sample, illustrative)" if one.sample else one.file_name,
            f"{one.coefficients:,}",
            "yes" if one.in_force else "",
            instant(one.uploaded_at),
        )
        for one in found
    ]
    table(title, COLUMNS, rows, numbers=("Coefficients",))
