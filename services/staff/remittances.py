"""`coopctl remittance`: collecting by direct debit, and what comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import direct_debit_service_pb2 as pb

from services.chassis.errors import Invalid, Refused
from services.chassis.ids import new_id
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.mandates import stub
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Remittances of direct debits.")

#: Ten thousand collections take minutes to be booked.
PATIENCE_S = 600.0
LEFT_OUT = 1
#: Bytes: with what is said of it, a file of returns is one message.
LARGEST_RETURNS = 7 * 1024 * 1024

RemittanceArgument = Annotated[str, typer.Argument(metavar="REMITTANCE", help="Number or id.")]
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


class State(StrEnum):
    PROPOSED = "proposed"
    DROPPED = "dropped"
    SENT = "sent"
    COLLECTED = "collected"
    RETURNED = "returned"
    REJECTED = "rejected"


@app.command("propose")
def propose(
    collect_on: Annotated[str, typer.Option("--collect-on", callback=day, help="The day on which banks collect.")],
    again: Annotated[
        list[str] | None,
        typer.Option(
            "--again", help="Invoice that came back, or from before the mandate, to be collected; may be repeated."
        ),
    ] = None,
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Gather what is due and may be collected on a day. Look at it with 'show', then approve or discard it."""
    request = pb.ProposeRemittanceRequest(request_id=request_id or new_id(), collect_on=collect_on, again=again or [])
    with signed_in() as office, office.calling("billing"):
        made = stub(office).ProposeRemittance(request, timeout=PATIENCE_S).remittance
        _tell(office, made, as_json)


@app.command("approve")
def approve(remittance: RemittanceArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Make the file for the bank, once. What was paid since the proposal is left out."""
    request = pb.ApproveRemittanceRequest(request_id=request_id or new_id(), remittance=remittance)
    with signed_in() as office, office.calling("billing"):
        made = stub(office).ApproveRemittance(request, timeout=PATIENCE_S).remittance
        _tell(office, made, as_json)


@app.command("discard")
def discard(remittance: RemittanceArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Give a proposal up; its items can be proposed again."""
    request = pb.DiscardRemittanceRequest(request_id=request_id or new_id(), remittance=remittance)
    with signed_in() as office, office.calling("billing"):
        made = stub(office).DiscardRemittance(request).remittance
        _tell(office, made, as_json)


@app.command("file")
def file(
    remittance: RemittanceArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write the file for the bank.")],
    as_json: JsonOption = False,
) -> None:
    """Write the file for the bank (pain.008.001.08): the same bytes every time. It has whole account numbers."""
    with signed_in() as office, office.calling("billing"):
        answer = stub(office).StreamRemittanceFile(
            pb.StreamRemittanceFileRequest(remittance=remittance), timeout=PATIENCE_S
        )
        content = b"".join(piece.chunk for piece in answer)
    _write(output, content)
    if as_json:
        print_json({"file": str(output), "bytes": len(content)})
        return
    typer.echo(output)


@app.command("settle")
def settle(remittance: RemittanceArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """From the day of collection on: book what did not come back. Interrupted, it goes on when it is called again."""
    request = pb.SettleRemittanceRequest(request_id=request_id or new_id(), remittance=remittance)
    with signed_in() as office, office.calling("billing"):
        made = stub(office).SettleRemittance(request, timeout=PATIENCE_S).remittance
        _tell(office, made, as_json)


@app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """The remittances, the newest first."""
    with signed_in() as office, office.calling("billing"):
        found: list[pb.Remittance] = list(
            listed(stub(office).ListRemittances, pb.ListRemittancesRequest(), "remittances")
        )
    if as_json:
        print_json({"remittances": [plain(each) for each in found]})
        return
    rows = [
        (each.number, each.collect_on, each.state, each.collections, money(each.total), each.excluded, each.send_by)
        for each in found
    ]
    columns = ("Number", "Collected on", "State", "Collections", "Total", "Left out", "At the bank by")
    table("Remittances", columns, rows, numbers=("Collections", "Total", "Left out"))


@app.command("show")
def show(
    remittance: RemittanceArgument,
    state: Annotated[State | None, typer.Option("--state", help="Only collections of a state.")] = None,
    as_json: JsonOption = False,
) -> None:
    """A remittance: its collections, and why due items were left out of it."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetRemittance(pb.GetRemittanceRequest(remittance=remittance)).remittance
        collections = list(_collections(office, remittance, state))
        exclusions = list(_exclusions(office, remittance))
        if not as_json:
            _tell(office, found, as_json)
    if as_json:
        print_json(
            {
                "remittance": plain(found),
                "collections": [plain(each) for each in collections],
                "exclusions": [plain(each) for each in exclusions],
            }
        )
        return
    rows = [
        (each.end_to_end, each.holder, each.iban_masked, money(each.amount), each.state, each.reason_code, each.why)
        for each in collections
    ]
    columns = ("Collection", "Holder", "Account", "Amount", "State", "Code", "Why")
    table("Collections", columns, rows, numbers=("Amount",))
    left = [(each.invoice_number, each.account_number, money(each.amount), each.why) for each in exclusions]
    table("Left out", ("Invoice", "Supply", "Amount", "Why"), left, numbers=("Amount",))


@app.command("returns")
def returns(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="pain.002, camt.053 or norma 43.")
    ],
    known_only: Annotated[
        bool, typer.Option("--known-only", help="Book what can be booked although other entries of the file cannot.")
    ] = False,
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Book the collections that came back, as the bank's file says: all of them, or none with the reasons."""
    size = file.stat().st_size
    if size > LARGEST_RETURNS:
        raise Invalid(
            f"{file.name} has {size:,} bytes and at most {LARGEST_RETURNS:,} are taken: ask the bank for a file of returns "
            "alone, or give the whole statement to 'coopctl payments import'."
        )
    request = pb.UploadReturnsRequest(
        request_id=request_id or new_id(), file_name=file.name, content=file.read_bytes(), known_only=known_only
    )
    with signed_in() as office, office.calling("billing"):
        done = stub(office).UploadReturns(request, timeout=PATIENCE_S)
    if as_json:
        print_json(plain(done))
    else:
        facts(
            f"Returns of {file.name} ({done.format})",
            (("Came back", done.returned), ("Amount", money(done.amount)), ("Known before", done.repeated_entries)),
        )
    for sentence in done.left_out:
        say(sentence)
    if done.left_out:
        raise typer.Exit(LEFT_OUT)


@app.command("return")
def return_one(
    end_to_end: Annotated[str, typer.Option("--end-to-end", help="Of the collection, as 'show' prints it.")],
    reason: Annotated[str, typer.Option("--reason", help="The bank's code, such as AM04.")],
    on: Annotated[str, typer.Option("--day", callback=day, help="When it came back; today when left out.")] = "",
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Book one collection as come back."""
    request = pb.ReturnCollectionRequest(
        request_id=request_id or new_id(), end_to_end=end_to_end, reason=reason, day=on
    )
    with signed_in() as office, office.calling("billing"):
        found = stub(office).ReturnCollection(request).collection
    if as_json:
        print_json(plain(found))
        return
    facts(
        f"Collection {found.end_to_end}",
        (
            ("State", found.state),
            ("Amount", money(found.amount)),
            ("Because", f"{found.reason_code}: {found.why}"),
            ("Came back on", found.returned_on),
        ),
    )


def _collections(office: Office, remittance: str, state: State | None) -> Iterator[pb.Collection]:
    request = pb.ListCollectionsRequest(remittance=remittance, state=state or "")
    return listed(stub(office).ListCollections, request, "collections")


def _exclusions(office: Office, remittance: str) -> Iterator[pb.Exclusion]:
    return listed(stub(office).ListExclusions, pb.ListExclusionsRequest(remittance=remittance), "exclusions")


def _tell(office: Office, each: pb.Remittance, as_json: bool) -> None:
    if as_json:
        print_json(plain(each))
        return
    put_names(office, [each], "approved_by", "settled_by")
    facts(
        f"Remittance {each.number}",
        (
            ("State", each.state),
            ("Collected on", each.collect_on),
            ("At the bank by", each.send_by if each.state in ("proposed", "approved") else ""),
            ("Collections", each.collections),
            ("Total", money(each.total)),
            *((f"  {sum.state}", f"{sum.count}, {money(sum.amount)}") for sum in each.sums),
            ("Left out, with a mandate", each.excluded),
            ("Without a mandate", each.without_mandate),
            ("Approved", f"{instant(each.approved_at)} by {each.approved_by}" if each.approved_by else ""),
            ("Settled", f"{instant(each.settled_at)} by {each.settled_by}" if each.settled_by else ""),
            ("SHA-256 of the file", each.sha256),
            ("Id", each.id),
        ),
    )


def _write(path: Path, content: bytes) -> None:
    """For nobody else's eyes on this machine: it has account numbers."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
            written.write(content)
    except OSError as wrong:
        raise Refused(f"{path} cannot be written: {wrong.strerror}.") from wrong
