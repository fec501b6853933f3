"""`coopctl invitations`: members' personal codes, and the new supplies whose contract names one."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer
from coop.supplies.v1 import invitations_service_pb2 as pb
from coop.supplies.v1.invitations_service_pb2_grpc import InvitationsServiceStub

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.plain import plain
from services.staff.show import JsonOption, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Invitation codes of members; asks supplies.")

Supply = Annotated[str, typer.Argument(metavar="SUPPLY", help="Account number (5555/1), CUPS or id.")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="Such as 7K3M-9QXF; small letters are read too.")]
RequestId = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]
COLUMNS = ("Code", "Member", "Since", "Used", "Revoked")


@app.command("create")
def create(supply: Supply, request_id: RequestId = "", as_json: JsonOption = False) -> None:
    """Give the holder of a supply a code; one who has a code keeps it."""
    with signed_in() as office, office.calling("supplies"):
        answer = office.stub("supplies", InvitationsServiceStub).CreateInvitation(
            pb.CreateInvitationRequest(supply_id=supply, request_id=request_id or new_id())
        )
    if as_json:
        print_json(plain(answer.invitation))
        return
    typer.echo(f"{answer.invitation.code} is the code of member {answer.invitation.member_number}.")


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Every code that was given, the newest first."""
    with signed_in() as office, office.calling("supplies"):
        stub = office.stub("supplies", InvitationsServiceStub)
        found: list[pb.Invitation] = list(listed(stub.ListInvitations, pb.ListInvitationsRequest(), "invitations"))
    if as_json:
        print_json({"invitations": [plain(each) for each in found]})
        return
    if not found:
        say("No member has a code yet: 'coopctl invitations create' gives one.")
        return
    table("Invitation codes", COLUMNS, [_row(each) for each in found], numbers=("Used",))


@app.command("revoke")
def revoke(code: Code, request_id: RequestId = "", as_json: JsonOption = False) -> None:
    """Nobody can name the code from now on; what was owed by it stays owed."""
    with signed_in() as office, office.calling("supplies"):
        answer = office.stub("supplies", InvitationsServiceStub).RevokeInvitation(
            pb.RevokeInvitationRequest(code=code, request_id=request_id or new_id())
        )
    if as_json:
        print_json(plain(answer.invitation))
        return
    found = answer.invitation
    typer.echo(
        f"{found.code} of member {found.member_number} is revoked since {found.revoked_at.ToJsonString()[:10]}; "
        f"{found.used:,} new supplies named it."
    )


@app.command("redeem")
def redeem(supply: Supply, code: Code, request_id: RequestId = "", as_json: JsonOption = False) -> None:
    """The contract of a new supply names a code: both members are owed the energy on their next bills."""
    with signed_in() as office, office.calling("supplies"):
        answer = office.stub("supplies", InvitationsServiceStub).RedeemInvitation(
            pb.RedeemInvitationRequest(supply_id=supply, code=code, request_id=request_id or new_id())
        )
    if as_json:
        print_json(plain(answer))
        return
    typer.echo(
        f"{supply} came by an invitation: each of the two is owed {Decimal(answer.wh) / 1000:f} kWh on the next bill."
    )


def _row(found: pb.Invitation) -> tuple[object, ...]:
    revoked = found.revoked_at.ToJsonString()[:10] if found.HasField("revoked_at") else ""
    return found.code, found.member_number, found.created_at.ToJsonString()[:10], found.used, revoked
