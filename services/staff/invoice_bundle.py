"""`coopctl invoice`: an issued invoice with everything it can be calculated again from; and invoices of what is no supply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from coop.billing.v1 import billing_service_pb2 as billing

from services.chassis.bundle_hours import hour_requests, hours_of, seal
from services.chassis.errors import Refused
from services.staff import charges
from services.staff.desk import signed_in
from services.staff.invoice_verify import verify_command
from services.staff.office import Office
from services.staff.show import say

app = typer.Typer(no_args_is_help=True, help="Proof of an issued invoice, and invoices of what is no supply.")
app.command("verify")(verify_command)
app.command("charge")(charges.charge)
app.command("concepts")(charges.concepts)
app.command("waiting")(charges.waiting)
app.command("finish")(charges.finish)
app.command("drop")(charges.drop)


@app.command("bundle")
def bundle_command(
    invoice: Annotated[str, typer.Argument(metavar="INVOICE", help="Printed number or id.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write it here; without it, to stdout.")] = None,
) -> None:
    """Write the invoice's bundle: what it prints, its facts, its hours, and the rows of law that applied."""
    with signed_in() as office:
        bundle = bundle_of(office, invoice)
    text = json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise Refused(f"{output} cannot be written: {wrong.strerror or wrong}.", "UNWRITABLE") from wrong
    say(f"{bundle['invoice']['number']} is in {output}; 'coopctl invoice verify {output}' calculates it again.")


def bundle_of(office: Office, invoice: str) -> dict[str, Any]:
    """The bundle with its hours, as they were known when the invoice was issued."""
    return bundle_in(office, facts_of(office, invoice))


def facts_of(office: Office, invoice: str) -> billing.GetInvoiceFactsResponse:
    """What billing keeps of an invoice by its number or id: the bundle without hours, and what each line rests on."""
    with office.calling("billing"):
        return office.billing.GetInvoiceFacts(billing.GetInvoiceFactsRequest(invoice_id=invoice))


def bundle_in(office: Office, facts: billing.GetInvoiceFactsResponse) -> dict[str, Any]:
    """The bundle of an answer, with its hours, sealed."""
    bundle: dict[str, Any] = json.loads(facts.bundle)
    for segment, request in hour_requests(bundle, facts.supply_id):
        with office.calling("metering"):
            segment["hours"] = hours_of(office.metering.GetCurve(request, timeout=30), bundle["time_zone"])
    seal(bundle)
    return bundle
