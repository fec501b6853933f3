"""`coopctl members`: the office's members file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.supplies.v1 import supplies_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff import members_file
from services.staff.desk import signed_in
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, print_json, table

app = typer.Typer(no_args_is_help=True, help="Members and what they are supplied with.")

DEADLINE_S = 300.0


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file, UTF-8.")],
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Enter or update members, supplies, meters and contracts. A line that is wrong is refused by itself, with its reason."""
    with signed_in() as office:
        answer = import_members(office, file, request_id or new_id())
    if as_json:
        print_json({"file": file.name, **plain(answer)})
        return
    facts(
        f"Members file {file.name}",
        (
            ("Members created", answer.members_created),
            ("Members updated", answer.members_updated),
            ("Supplies created", answer.supplies_created),
            ("Supplies updated", answer.supplies_updated),
            ("Lines without change", answer.rows_unchanged),
            ("Lines refused", len(answer.refused)),
        ),
    )
    if answer.refused:
        refused = [(row.line, row.field, row.value, row.reason) for row in answer.refused]
        table("Refused lines", ("Line", "Column", "Value", "Why"), refused, numbers=("Line",))


def import_members(office: Office, file: Path, request_id: str) -> pb.ImportMembersResponse:
    """Sends the file to the supplies service."""
    # Read first: a file that is no members file is refused here, not half-way through a call.
    requests = list(members_file.messages(file, request_id))
    with office.calling("supplies"):
        return office.supplies.ImportMembers(iter(requests), timeout=DEADLINE_S)
