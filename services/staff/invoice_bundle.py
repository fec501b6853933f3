"""`coopctl invoice`: an issued invoice with everything it can be calculated again from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from coop.billing.v1 import billing_service_pb2 as billing
from coop.common.v1 import types_pb2
from coop.metering.v1 import metering_service_pb2 as metering

from services.chassis.errors import Refused
from services.staff.desk import signed_in
from services.staff.invoice_verify import verify_command
from services.staff.office import Office
from services.staff.show import say

app = typer.Typer(no_args_is_help=True, help="Proof of an issued invoice.")
app.command("verify")(verify_command)


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
    with office.calling("billing"):
        answer = office.billing.GetInvoiceFacts(billing.GetInvoiceFactsRequest(invoice_id=invoice))
    bundle: dict[str, Any] = json.loads(answer.bundle)
    for segment in bundle["segments"]:
        if segment["curve_version"]:
            segment["hours"] = _hours(office, answer.supply_id, segment, bundle["time_zone"])
    return bundle


def _hours(office: Office, supply_id: str, segment: dict[str, Any], time_zone: str) -> list[list[Any]]:
    with office.calling("metering"):
        curve = office.metering.GetCurve(
            metering.GetCurveRequest(
                supply_id=supply_id,
                service_id=segment["service_id"],
                period=types_pb2.DatePeriod(start=segment["from"], end=segment["to"]),
                curve_version=segment["curve_version"],
            ),
            timeout=30,
        )
    zone = ZoneInfo(time_zone)
    return [
        [_local(hour.start.ToDatetime(UTC), zone), hour.import_wh, hour.export_wh, hour.method]
        for one in curve.days
        for hour in one.hours
    ]


def _local(start: datetime, zone: ZoneInfo) -> str:
    return start.astimezone(zone).isoformat()
