"""`coopctl certificate`: the debt-free certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import billing_service_pb2 as pb
from coop.billing.v1.billing_service_pb2_grpc import BillingServiceStub

from services.chassis.ids import new_id
from services.staff.desk import nobody, signed_in
from services.staff.documents import save
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Debt-free certificates.")

RequestId = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("request")
def request(
    supply: SupplyArgument,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also save the printed certificate here.")] = None,
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Issue a certificate that nothing due is unpaid; refused, with the list, when something is."""
    with signed_in() as office:
        found = find(office, supply)
        with office.calling("billing"):
            answer = office.billing.RequestCertificate(
                pb.RequestCertificateRequest(supply_id=found.id, request_id=request_id or new_id()), timeout=30
            )
        if pdf and answer.HasField("granted"):
            with office.calling("billing"):
                asked = pb.GetCertificateDocumentRequest(certificate_id=answer.granted.id)
                save(pdf, office.billing.GetCertificateDocument(asked, timeout=60))
    if as_json:
        print_json(plain(answer))
    if answer.HasField("refused"):
        due = ", ".join(
            f"{item.invoice_number} ({money(item.outstanding)}, due {item.due_date})" for item in answer.refused.due
        )
        say(
            f"No certificate for {found.account_number}: {money(answer.refused.total_due)} due and unpaid. Invoices: {due}."
        )
        raise typer.Exit(1)
    if as_json:
        return
    granted = answer.granted
    open_items = ", ".join(f"{item.invoice_number} ({money(item.outstanding)})" for item in granted.not_yet_due)
    facts(
        f"Certificate for {found.account_number}",
        (
            ("Code", granted.code),
            ("Issued", instant(granted.issued_at)),
            ("Valid until", granted.valid_until),
            ("Not yet due", open_items),
            ("Id", granted.id),
        ),
    )


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
    certificate: Annotated[str, typer.Argument(metavar="CERTIFICATE", help="Id of the certificate.")],
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
        say(f"Certificate {answer.certificate.code} is {answer.certificate.state}.")
