"""`coopctl mandate`: who may be debited. Account numbers are shown masked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import direct_debit_service_pb2 as pb
from coop.billing.v1.direct_debit_service_pb2_grpc import DirectDebitServiceStub

from services.chassis.ids import new_id
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, print_json, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Mandates of direct debits.")


MandateArgument = Annotated[str, typer.Argument(metavar="MANDATE", help="Reference or id.")]
IbanOption = Annotated[str, typer.Option("--iban", help="Of an account that SEPA direct debits reach.")]
HolderOption = Annotated[str, typer.Option("--holder", help="Of the account.")]
ToldOption = Annotated[
    str, typer.Option("--told-on", callback=day, help="When it reached the office; today when left out.")
]
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("add")
def add(
    supply: SupplyArgument,
    iban: IbanOption,
    signed_on: Annotated[str, typer.Option("--signed-on", callback=day, help="Date of the signature.")],
    holder: HolderOption = "",
    told_on: ToldOption = "",
    evidence: Annotated[str, typer.Option("--evidence", help="Where the signed mandate is kept.")] = "",
    evidence_file: Annotated[
        Path | None,
        typer.Option(
            "--evidence-file", exists=True, dir_okay=False, readable=True, help="The signed file: its hash is kept."
        ),
    ] = None,
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Keep a signed mandate. Invoices issued 21 days or more after it was told are collected with it."""
    sha256 = hashlib.sha256(evidence_file.read_bytes()).hexdigest() if evidence_file else ""
    with signed_in() as office:
        found = find(office, supply)
        request = pb.AddMandateRequest(
            request_id=request_id or new_id(),
            supply=found.id,
            holder=holder,
            iban=iban,
            signed_on=signed_on,
            told_on=told_on,
            evidence=evidence or (evidence_file.name if evidence_file else ""),
            evidence_sha256=sha256,
        )
        with office.calling("billing"):
            made = stub(office).AddMandate(request).mandate
        _tell(office, made, as_json)


@app.command("amend")
def amend(
    mandate: MandateArgument,
    iban: IbanOption,
    holder: HolderOption = "",
    told_on: ToldOption = "",
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Another account for the same mandate; the ones before stay on record."""
    request = pb.AmendMandateRequest(
        request_id=request_id or new_id(), mandate=mandate, iban=iban, holder=holder, told_on=told_on
    )
    with signed_in() as office, office.calling("billing"):
        changed = stub(office).AmendMandate(request).mandate
        _tell(office, changed, as_json)


@app.command("cancel")
def cancel(
    mandate: MandateArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it ends; kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a mandate: nothing more is collected with it. What is at the bank already is not called back."""
    request = pb.CancelMandateRequest(request_id=request_id or new_id(), mandate=mandate, why=reason)
    with signed_in() as office, office.calling("billing"):
        ended = stub(office).CancelMandate(request).mandate
        _tell(office, ended, as_json)


@app.command("show")
def show(mandate: MandateArgument, as_json: JsonOption = False) -> None:
    """One mandate with every account it had."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetMandate(pb.GetMandateRequest(mandate=mandate)).mandate
        _tell(office, found, as_json)


@app.command("list")
def list_command(
    supply: Annotated[str, typer.Option("--supply", help="Only those of a supply: account number, CUPS or id.")] = "",
    as_json: JsonOption = False,
) -> None:
    """The mandates, the newest first."""
    with signed_in() as office:
        request = pb.ListMandatesRequest(supply=find(office, supply).id if supply else "")
        with office.calling("billing"):
            found: list[pb.Mandate] = list(listed(stub(office).ListMandates, request, "mandates"))
    if as_json:
        print_json({"mandates": [plain(each) for each in found]})
        return
    rows = [
        (each.reference, each.account_number, each.holder, each.iban_masked, each.signed_on, each.state, each.lapses_on)
        for each in found
    ]
    table("Mandates", ("Reference", "Supply", "Holder", "Account", "Signed", "State", "Lapses"), rows)


def stub(office: Office) -> DirectDebitServiceStub:
    return office.stub("billing", DirectDebitServiceStub)


def _tell(office: Office, each: pb.Mandate, as_json: bool) -> None:
    if as_json:
        print_json(plain(each))
        return
    put_names(office, [each], "recorded_by")
    facts(
        f"Mandate {each.reference}",
        (
            ("State", each.state),
            ("Supply", each.account_number),
            ("Holder", each.holder),
            ("Account", each.iban_masked),
            ("Signed on", each.signed_on),
            ("Last collected on", each.last_collected_on),
            ("Lapses on", each.lapses_on if each.state != "cancelled" else ""),
            ("Evidence", " ".join(part for part in (each.evidence, each.evidence_sha256) if part)),
            ("Cancelled on", each.cancelled_on),
            ("Because", each.cancelled_why),
            ("Recorded", f"{instant(each.recorded_at)} by {each.recorded_by}"),
            ("Id", each.id),
        ),
    )
    if len(each.accounts) > 1:
        rows = [(account.told_on, account.iban_masked, account.holder) for account in each.accounts]
        table("Accounts", ("Told on", "Account", "Holder"), rows)
