"""`coopctl bill propose` and `proposals`: what the calendar would bill, for the office to start."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import proposals_service_pb2 as pb
from coop.billing.v1.proposals_service_pb2_grpc import ProposalsServiceStub

from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.noting import noted
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table

PATIENCE_S = 3600.0


def month_or_none(text: str) -> str:
    """A month as written on the command line, `2026-10`; empty stays empty."""
    try:
        return f"{DatePeriod.month(text).start:%Y-%m}" if text else ""
    except ValueError as wrong:
        raise typer.BadParameter(f"{wrong}.") from None


def propose(
    period: Annotated[
        str,
        typer.Option(
            "--period",
            callback=month_or_none,
            help="The month, as 2026-10; the last one that is over, and those before it that left contracts out, when left out.",
        ),
    ] = "",
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Price what is over and not billed, and put it to the office: nothing is billed until somebody runs `bill run`. The office
    is told by mail, once for each month.
    """
    proposals: list[pb.BillProposal] = []
    held: dict[str, list[billing_pb2.Held]] = {}
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", ProposalsServiceStub)
        request = pb.ProposeBillRunRequest(period=period, request_id=request_id or new_id())
        for answer in stub.ProposeBillRun(request, timeout=PATIENCE_S):
            if answer.HasField("proposal"):
                proposals.append(answer.proposal)
            else:
                held[answer.run.period] = list(answer.held)
        noted(office, "bill-proposal")
    if as_json:
        print_json(
            {
                "proposals": [plain(each) for each in proposals],
                "held": {month: [plain(each) for each in contracts] for month, contracts in held.items()},
            }
        )
        return
    if not proposals:
        say("Nothing is to be proposed: no contract of a month that is over can be invoiced.")
    for each in proposals:
        _print(each, held.get(each.period, []))


def list_proposals(as_json: JsonOption = False) -> None:
    """The proposals, the newest first, and whether somebody has started their run."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", ProposalsServiceStub)
        found: list[pb.BillProposal] = list(listed(stub.ListBillProposals, pb.ListBillProposalsRequest(), "proposals"))
    if as_json:
        print_json({"proposals": [plain(each) for each in found]})
        return
    rows = [
        (each.period, each.state, each.would_invoice, _held(each), money(each.total), instant(each.looked_at))
        for each in found
    ]
    columns = ("Month", "State", "Would be invoiced", "Held", "Total", "Calculated")
    table("Proposed bill runs", columns, rows, numbers=("Would be invoiced", "Held", "Total"))


def _print(each: pb.BillProposal, held: list[billing_pb2.Held]) -> None:
    facts(
        f"Proposed bill run of {each.period}",
        (
            ("State", each.state),
            ("Contracts", each.contracts),
            ("Would be invoiced", each.would_invoice),
            ("Invoiced before", each.already_invoiced),
            ("Held", _held(each)),
            ("Total", money(each.total)),
            ("Start it with", f"coopctl bill run --period {each.period}"),
        ),
    )
    if held:
        rows = [(contract.account_number, contract.reason, contract.explanation) for contract in held]
        table("Held contracts", ("Account", "Reason", "What it means"), rows)


def _held(each: pb.BillProposal) -> Any:
    return sum(one.contracts for one in each.held)
