"""`coopctl certificate`: the debt-free certificate."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import billing_service_pb2 as pb
from coop.billing.v1 import certificates_service_pb2 as checks
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from coop.billing.v1.certificates_service_pb2_grpc import CertificatesServiceStub

from services.chassis.ids import new_id
from services.staff.desk import nobody, signed_in
from services.staff.documents import save
from services.staff.listing import listed
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Debt-free certificates.")

RequestId = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("request")
def request(
    supply: SupplyArgument,
    all_supplies: Annotated[bool, typer.Option("--all", help="Of every contract of the supply's holder.")] = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also save the printed certificate here.")] = None,
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Issue a certificate that nothing due is unpaid; refused, with the list, when something is."""
    with signed_in() as office:
        found = find(office, supply)
        with office.calling("billing"):
            answer = office.billing.RequestCertificate(
                pb.RequestCertificateRequest(
                    supply_id=found.id, all_supplies=all_supplies, request_id=request_id or new_id()
                ),
                timeout=30,
            )
        if pdf and answer.HasField("granted"):
            with office.calling("billing"):
                asked = pb.GetCertificateDocumentRequest(certificate_id=answer.granted.id)
                save(pdf, office.billing.GetCertificateDocument(asked, timeout=60))
    if as_json:
        print_json(plain(answer))
    whose = f"all contracts of the holder of {found.account_number}" if all_supplies else found.account_number
    if answer.HasField("refused"):
        due = ", ".join(
            f"{item.invoice_number} ({money(item.outstanding)}, due {item.due_date})" for item in answer.refused.due
        )
        broken = "".join(
            f" The payment plan {each.plan_id} is broken: of instalment {each.position} of {each.of}, due on "
            f"{each.due_date}, {money(each.missing)} were missing."
            for each in answer.refused.broken
        )
        say(f"No certificate for {whose}: {money(answer.refused.total_due)} due and unpaid. Invoices: {due}.{broken}")
        raise typer.Exit(1)
    if as_json:
        return
    granted = answer.granted
    facts(
        f"Certificate for {whose}",
        (
            ("Number", granted.number),
            ("Code", granted.code),
            ("Issued", instant(granted.issued_at)),
            ("Valid until", granted.valid_until),
            ("Accounts", ", ".join(granted.account_numbers)),
            ("Not yet due", _items(granted.not_yet_due)),
            ("In dispute", _items(granted.disputed)),
            ("Agreed plan", "up to date" if granted.variant == "agreed_plan" else ""),
            ("Ledger position", granted.position_hash),
            ("Id", granted.id),
        ),
    )


def _items(items: Iterable[billing_pb2.OpenItem]) -> str:
    return ", ".join(f"{item.invoice_number} ({money(item.outstanding)})" for item in items)


@app.command("list")
def list_command(supply: SupplyArgument, as_json: JsonOption = False) -> None:
    """Every certificate that speaks of a supply, the newest first."""
    with signed_in() as office:
        request = pb.ListCertificatesRequest(supply_id=find(office, supply).id)
        with office.calling("billing"):
            found: list[billing_pb2.Certificate] = list(
                listed(office.billing.ListCertificates, request, "certificates")
            )
    if as_json:
        print_json({"certificates": [plain(each) for each in found]})
        return
    rows = [
        (each.number, each.code, instant(each.issued_at), each.valid_until, each.state, each.variant, each.revoked_why)
        for each in found
    ]
    columns = ("Number", "Code", "Issued", "Valid until", "State", "Variant", "Revoked because")
    table(f"Certificates of {supply}", columns, rows)


@app.command("check")
def check(
    certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Number, code or id.")],
    as_json: JsonOption = False,
) -> None:
    """Work the position of a certificate out of the ledger anew; exit code 1 when it is not what was printed."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", CertificatesServiceStub)
        found = stub.GetCertificatePosition(checks.GetCertificatePositionRequest(certificate=certificate), timeout=60)
    if as_json:
        print_json(plain(found))
    else:
        facts(
            f"Certificate {found.certificate.number}: " + ("the ledger agrees" if found.agrees else "DOES NOT AGREE"),
            (
                ("At", instant(found.certificate.issued_at)),
                ("State", found.certificate.state),
                ("Entries", found.entries),
                ("Due and unpaid then", money(found.overdue)),
                ("Printed", found.printed_hash),
                ("By the ledger", found.ledger_hash),
            ),
        )
        if found.later:
            rows = [
                (each.day, each.kind, each.document, money(each.amount), instant(each.recorded_at))
                for each in found.later
            ]
            columns = ("Day", "Kind", "Document", "Change of what is owed", "Booked")
            table("Booked since, with a day up to that of the certificate", columns, rows)
    if not found.agrees:
        raise typer.Exit(1)


@app.command("verify")
def verify(
    code: Annotated[str, typer.Argument(help="The code printed on the certificate, as typed.")],
    as_json: JsonOption = False,
) -> None:
    """Check a certificate's code, as anybody can on the public page. Needs no session."""
    with nobody() as office, office.calling("billing"):
        answer = office.anybody("billing", BillingServiceStub).VerifyCertificate(pb.VerifyCertificateRequest(code=code))
    if as_json:
        print_json(plain(answer))
        return
    facts(
        f"Certificate {code}: {answer.state}",
        (
            ("Issued", instant(answer.issued_at)),
            ("Valid until", answer.valid_until),
            ("Holder", answer.holder_masked),
            ("Supply", answer.supply_masked),
            ("Issuer", answer.issuer),
        ),
    )


@app.command("revoke")
def revoke(
    certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Number, code or id.")],
    why: Annotated[str, typer.Option("--why", help="The reason, which is kept.")],
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Withdraw a certificate; whoever checks its code sees that it is revoked."""
    with signed_in() as office, office.calling("billing"):
        answer = office.billing.RevokeCertificate(
            pb.RevokeCertificateRequest(certificate_id=certificate, why=why, request_id=request_id or new_id())
        )
    if as_json:
        print_json({"certificate": plain(answer.certificate)})
    else:
        say(f"Certificate {answer.certificate.number} ({answer.certificate.code}) is {answer.certificate.state}.")
