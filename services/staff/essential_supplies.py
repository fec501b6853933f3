"""`coopctl reminders essential`: supplies that the law does not let be cut off."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.billing.v1 import reminders_service_pb2 as pb
from coop.billing.v1.reminders_service_pb2_grpc import RemindersServiceStub

from services.chassis.ids import new_id
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.plain import plain
from services.staff.show import JsonOption, print_json, say, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Supplies that the law does not let be cut off, with their papers.")

RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("note")
def note(
    supply: SupplyArgument,
    kind: Annotated[
        str, typer.Option("--kind", help="Of the law's list, such as life_support; a wrong one names all.")
    ],
    evidence: Annotated[str, typer.Option("--evidence", help="Where the paper that says so is kept.")],
    until: Annotated[
        str, typer.Option("--until", callback=day, help="First day on which the paper is good no more.")
    ] = "",
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Note that a supply may not be cut off. A new paper takes the place of the one before."""
    with signed_in() as office:
        found = find(office, supply)
        request = pb.NoteEssentialSupplyRequest(
            supply_id=found.id, kind=kind, until=until, evidence=evidence, request_id=request_id or new_id()
        )
        with office.calling("billing"):
            made = office.stub("billing", RemindersServiceStub).NoteEssentialSupply(request).essential
    if as_json:
        print_json({"essential": plain(made)})
        return
    end = f" until {made.until}" if made.until else ""
    say(f"Account {made.account_number} may not be cut off{end}: {made.kind}, {made.evidence}.")


@app.command("end")
def end(supply: SupplyArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Note that a supply is none of these any more."""
    with signed_in() as office:
        found = find(office, supply)
        request = pb.EndEssentialSupplyRequest(supply_id=found.id, request_id=request_id or new_id())
        with office.calling("billing"):
            office.stub("billing", RemindersServiceStub).EndEssentialSupply(request)
    if as_json:
        print_json({"ended": found.account_number})
        return
    say(f"Account {found.account_number} is not noted any more as one that may not be cut off.")


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """All of them; a paper whose day is over is to be renewed or ended."""
    with signed_in() as office:
        stub = office.stub("billing", RemindersServiceStub)
        with office.calling("billing"):
            found: list[pb.EssentialSupply] = list(
                listed(stub.ListEssentialSupplies, pb.ListEssentialSuppliesRequest(), "essentials")
            )
        if not as_json:
            put_names(office, found, "noted_by")
    if as_json:
        print_json({"essentials": [plain(each) for each in found]})
        return
    rows = [(each.account_number, each.kind, each.until, each.evidence, each.noted_by) for each in found]
    table("May not be cut off", ("Account", "Kind", "Until", "Paper", "Noted by"), rows)
