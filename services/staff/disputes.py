"""`coopctl invoices dispute`: invoices that their holder disputes, which certificates leave out."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.billing.v1 import certificates_service_pb2 as pb
from coop.billing.v1.certificates_service_pb2_grpc import CertificatesServiceStub

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, money, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Invoices in dispute.")

InvoiceArgument = Annotated[str, typer.Argument(metavar="INVOICE", help="Printed number or id.")]
RequestId = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("open")
def open_command(
    invoice: InvoiceArgument,
    why: Annotated[str, typer.Option("--why", help="What the holder says against it; it is kept.")],
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Put an unpaid invoice in dispute: certificates name it, and leave it out of what they state."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", CertificatesServiceStub)
        order = pb.OpenDisputeRequest(invoice=invoice, reason=why, request_id=request_id or new_id())
        found = stub.OpenDispute(order).dispute
    if as_json:
        print_json({"dispute": plain(found)})
        return
    say(f"{found.invoice_number} is in dispute: {money(found.outstanding)} unpaid, due {found.due_date}.")


@app.command("close")
def close_command(
    invoice: InvoiceArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="How it ended; it is kept.")],
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """End a dispute: what is due of the invoice stands in the way of certificates again."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", CertificatesServiceStub)
        order = pb.CloseDisputeRequest(invoice=invoice, outcome=outcome, request_id=request_id or new_id())
        found = stub.CloseDispute(order).dispute
    if as_json:
        print_json({"dispute": plain(found)})
        return
    say(f"The dispute of {found.invoice_number} is closed: {money(found.outstanding)} unpaid, due {found.due_date}.")


@app.command("list")
def list_command(
    with_closed: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Invoices in dispute, the newest first."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", CertificatesServiceStub)
        request = pb.ListDisputesRequest(with_closed=with_closed)
        found: list[pb.Dispute] = list(listed(stub.ListDisputes, request, "disputes"))
    if as_json:
        print_json({"disputes": [plain(each) for each in found]})
        return
    rows = [
        (
            each.invoice_number,
            each.account_number,
            money(each.outstanding),
            each.due_date,
            instant(each.opened_at),
            each.reason,
            each.outcome,
        )
        for each in found
    ]
    columns = ("Invoice", "Account", "Unpaid", "Due", "Since", "Reason", "Outcome")
    table("Invoices in dispute", columns, rows, numbers=("Unpaid",))
