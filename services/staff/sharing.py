"""`coopctl readings sharing`: agreements on sharing an installation, by which participants' hours are settled in the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.names import put_names
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, say, table
from services.staff.supplies import find

app = typer.Typer(no_args_is_help=True, help="Shared self-consumption: who has which part of an installation.")

RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="<CAU>_<year>.txt, as was agreed.")],
    generation: Annotated[
        str, typer.Option("--generation", help="Supply at which the installation is measured: account, CUPS or id.")
    ],
    start: Annotated[
        str, typer.Option("--from", callback=day, help="First day; the first of the file's year when left out.")
    ] = "",
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Settle participants' hours by an agreement from a day on. The one of the same day is replaced; the same changes nothing."""
    content = file.read_bytes()
    with signed_in() as office:
        request = pb.ImportSharingAgreementRequest(
            request_id=request_id or new_id(),
            file_name=file.name,
            content=content,
            generation_supply_id=find(office, generation).id,
            start=start,
        )
        with office.calling("metering"):
            taken = office.metering.ImportSharingAgreement(request, timeout=300).agreement
    if as_json:
        print_json({"agreement": plain(taken)})
        return
    say(f"{taken.cau} is shared by {len(taken.participants)} participants from {taken.start} on.")
    for cups in taken.unknown:
        say(f"{cups} is no supply of the cooperative: its share is nobody's here.")


@app.command("end")
def end(
    cau: Annotated[str, typer.Argument(metavar="CAU", help="Code of the installation.")],
    on: Annotated[str, typer.Option("--on", callback=day, help="The first day on which nothing is shared.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Share nothing of an installation from a day on."""
    with signed_in() as office, office.calling("metering"):
        request = pb.EndSharingAgreementRequest(request_id=request_id or new_id(), cau=cau, on=on)
        ended = office.metering.EndSharingAgreement(request, timeout=300).agreement
    if as_json:
        print_json({"agreement": plain(ended)})
        return
    say(f"Nothing of {ended.cau} is shared from {ended.start} on.")


@app.command("list")
def list_command(
    replaced: Annotated[bool, typer.Option("--all", help="Those that another one took the place of, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The agreements, by installation and first day."""
    with signed_in() as office:
        with office.calling("metering"):
            answer = office.metering.GetSharingAgreements(pb.GetSharingAgreementsRequest(), timeout=60)
        found = [each for each in answer.agreements if replaced or each.in_force]
        if not as_json:
            put_names(office, found, "actor")
    if as_json:
        print_json({"agreements": [plain(each) for each in found]})
        return
    rows = [
        (
            each.cau,
            each.start,
            each.end,
            len(each.participants) or "ended",
            ", ".join(each.unknown),
            "" if each.in_force else "replaced",
            each.file_name if each.sha256 else "",
            instant(each.imported_at),
            each.actor,
        )
        for each in found
    ]
    columns = ("Installation", "From", "To (excluded)", "Participants", "Not ours", "", "File", "Imported", "By")
    table("Sharing agreements", columns, rows)
