"""`coopctl admin audit`: whether what must never change is as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import typer
from coop.billing.v1 import audit_service_pb2 as invoice_audit
from coop.billing.v1 import fiscal_service_pb2 as fiscal
from coop.billing.v1.audit_service_pb2_grpc import InvoiceAuditServiceStub
from coop.billing.v1.fiscal_service_pb2_grpc import FiscalServiceStub
from coop.identity.v1 import audit_service_pb2 as audit
from coop.identity.v1.audit_service_pb2_grpc import AuditServiceStub

from services.staff.desk import signed_in
from services.staff.noting import noted
from services.staff.office import Office
from services.staff.show import JsonOption, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Whether what must never change is as it was written.")

#: Millions of rows are read from the first on.
PATIENCE_S = 3600.0
BROKEN = 1


@dataclass(frozen=True)
class Chain:
    """A chain of rows, how many of them stand, the seal of the last of those, and what is wrong with the next, if it is."""

    name: str
    rows: int
    seal: str = ""
    broken_at: str = ""
    why: str = ""


@app.callback()
def _group() -> None:
    """Whether what must never change is as it was written."""


@app.command("verify")
def verify(as_json: JsonOption = False) -> None:
    """Walk the audit log, the invoices of every series and the tax office's records from the first row on, and calculate each
    seal again. Exit code 1 names the first row of each that does not stand.
    """
    with signed_in() as office:
        chains = [_audit_log(office), *_invoices(office), _fiscal_records(office)]
        broken = [each for each in chains if each.why]
        if not broken:
            noted(office, "audit-verification")
    if as_json:
        print_json({"sound": not broken, "chains": [_plain(each) for each in chains]})
    else:
        rows = [
            (each.name, each.rows, each.seal[:16], f"broken at {each.broken_at}" if each.why else "whole")
            for each in chains
        ]
        table("Chains", ("Chain", "Rows that stand", "Seal of the last", "State"), rows, numbers=("Rows that stand",))
    for each in broken:
        say(f"{each.name}, {each.broken_at}: {each.why}.")
    if broken:
        raise typer.Exit(BROKEN)


def _audit_log(office: Office) -> Chain:
    with office.calling("identity"):
        found = office.stub("identity", AuditServiceStub).VerifyAudit(audit.VerifyAuditRequest(), timeout=PATIENCE_S)
    if found.HasField("broken"):
        broken = found.broken
        return Chain("audit log", broken.sequence - 1, "", f"entry {broken.sequence}", broken.why)
    return Chain("audit log", found.entries, found.seal)


def _invoices(office: Office) -> list[Chain]:
    with office.calling("billing"):
        stub = office.stub("billing", InvoiceAuditServiceStub)
        found = stub.VerifyInvoices(invoice_audit.VerifyInvoicesRequest(), timeout=PATIENCE_S)
    return [
        Chain(
            f"invoices {each.series}",
            each.invoices,
            each.hash,
            (each.broken_number or f"number {each.broken_sequence}") if each.why else "",
            each.why,
        )
        for each in found.series
    ]


def _fiscal_records(office: Office) -> Chain:
    with office.calling("billing"):
        stub = office.stub("billing", FiscalServiceStub)
        found = stub.VerifyFiscalRecords(fiscal.VerifyFiscalRecordsRequest(), timeout=PATIENCE_S)
    if found.HasField("broken"):
        broken = found.broken
        return Chain("fiscal records", found.records, "", f"record {broken.position} of {broken.number}", broken.why)
    if found.without_record:
        return Chain("fiscal records", found.records, "", found.without_record[0], "this invoice has no record")
    return Chain("fiscal records", found.records)


def _plain(each: Chain) -> dict[str, Any]:
    return {**each.__dict__, "whole": not each.why}
