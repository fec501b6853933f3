"""`coopctl invoice charge`: an invoice of what is no supply, such as a reconnection or the copy of a certificate."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.billing.v1 import charges_service_pb2 as pb
from coop.billing.v1.charges_service_pb2_grpc import ChargesServiceStub

from services.chassis.errors import Unavailable
from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table
from services.staff.supplies import SupplyArgument, find

ISSUING_S = 60.0


def charge(
    supply: SupplyArgument,
    concept: Annotated[str, typer.Option("--concept", help="What it is; 'coopctl invoice concepts' lists them.")],
    amount: Annotated[str, typer.Option("--amount", help="Before taxes, with a point: 18.09.")],
    text: Annotated[str, typer.Option("--text", help="What it is for, as it is printed.")],
    day: Annotated[
        str, typer.Option("--date", metavar="DAY", help="Day on which it was done; without it, today.")
    ] = "",
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Issue an invoice that bills no supply, to the holder of one."""
    with signed_in() as office:
        wanted = find(office, supply)
        request = pb.IssueChargeRequest(
            supply_id=wanted.id,
            concept=concept,
            amount=amount,
            text=text,
            day=day,
            request_id=request_id or new_id(),
        )
        try:
            with office.calling("billing"):
                made = office.stub("billing", ChargesServiceStub).IssueCharge(request, timeout=ISSUING_S)
        except Unavailable as away:
            # It may have been noted, and its code asked for: sent again under another id it would be charged twice.
            again = f"Send it again with --request-id {request.request_id}, so that it is charged once."
            raise Unavailable(f"{away.message} {again}") from away
    if as_json:
        print_json({"invoice": plain(made)})
        return
    if made.contract_ended_on:
        say(
            f"The contract of {wanted.account_number} ended on {made.contract_ended_on}; it is charged to {made.holder}, who "
            "held it last."
        )
    facts(
        f"Invoice {made.number}",
        (
            ("To", made.holder),
            ("For", text),
            ("Before taxes", money(made.net)),
            ("Total", money(made.total)),
            ("Due", made.due_date),
            ("Id", made.invoice_id),
        ),
    )


def concepts(as_json: JsonOption = False) -> None:
    """What can be invoiced besides supplying, and how it is taxed."""
    with signed_in() as office, office.calling("billing"):
        found = office.stub("billing", ChargesServiceStub).GetChargeConcepts(pb.GetChargeConceptsRequest()).concepts
    if as_json:
        print_json({"concepts": [plain(each) for each in found]})
        return
    rows = [(each.code, each.name, each.iva or "as the holder is taxed", each.source) for each in found]
    table("What can be charged", ("Concept", "Name", "IVA", "Why"), rows)


def waiting(as_json: JsonOption = False) -> None:
    """Charges whose invoice is not issued: the tax office did not answer, or refused them and says why."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", ChargesServiceStub)
        found: list[pb.WaitingCharge] = list(listed(stub.ListWaitingCharges, pb.ListWaitingChargesRequest(), "charges"))
        if not as_json:
            put_names(office, found, "made_by")
    if as_json:
        print_json({"charges": [plain(each) for each in found]})
        return
    rows = [
        (
            each.id,
            each.account_number,
            each.number,
            each.text,
            money(each.net),
            f"refused: {each.refusal}" if each.refusal else "no answer",
            each.made_by,
            instant(each.made_at),
        )
        for each in found
    ]
    columns = ("Id", "Account", "Number asked for", "For", "Before taxes", "Why", "By", "At")
    table("Charges that are not issued", columns, rows, numbers=("Before taxes",))
    if any(not each.refusal for each in found):
        say("'coopctl invoice finish ID' asks once more for those without an answer.")
    if any(each.refusal for each in found):
        say(
            "Put right what a refusal says, then 'coopctl invoice finish ID' asks again; 'coopctl invoice drop ID' gives the "
            "charge up."
        )


def finish(
    charge_id: Annotated[str, typer.Argument(metavar="CHARGE", help="Id, as 'invoice waiting' prints it.")],
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Ask once more for the code of a charge that waits, and issue its invoice."""
    with signed_in() as office, office.calling("billing"):
        request = pb.FinishChargeRequest(charge_id=charge_id, request_id=request_id or new_id())
        made = office.stub("billing", ChargesServiceStub).FinishCharge(request, timeout=ISSUING_S)
    if as_json:
        print_json({"invoice": plain(made)})
        return
    facts(f"Invoice {made.number}", (("Total", money(made.total)), ("Id", made.invoice_id)))


def drop(
    charge_id: Annotated[str, typer.Argument(metavar="CHARGE", help="Id, as 'invoice waiting' prints it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is given up.")],
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Give up a charge that the tax office refused: nothing of it was issued."""
    with signed_in() as office, office.calling("billing"):
        request = pb.DropChargeRequest(charge_id=charge_id, reason=reason, request_id=request_id or new_id())
        office.stub("billing", ChargesServiceStub).DropCharge(request)
    if as_json:
        print_json({"dropped": charge_id})
        return
    say(f"Charge {charge_id} is given up.")
