"""`coopctl document`: whether a PDF is one of ours, and the certificates that signatures are checked with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import documents_service_pb2 as pb
from coop.billing.v1.documents_service_pb2_grpc import DocumentsServiceStub

from services.chassis.errors import Refused
from services.staff.desk import nobody
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, print_json, table

app = typer.Typer(no_args_is_help=True, help="Printed documents: are they genuine?")

NOT_GENUINE = 1
_VERDICTS = {
    "genuine": "Genuine: it is as it was handed out.",
    "altered": "Altered: it carries a signature of ours and is not what was signed.",
    "not_ours": "Not ours: neither its bytes nor its signature are known.",
}


@contextmanager
def _anybody() -> Iterator[DocumentsServiceStub]:
    """Whoever holds a document may ask."""
    with nobody() as office, office.calling("billing"):
        yield office.anybody("billing", DocumentsServiceStub)


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The PDF as it was received.")], as_json: JsonOption = False
) -> None:
    """Say whether a PDF is genuine, altered or not ours; ends with 1 unless it is genuine."""
    try:
        content = file.read_bytes()
    except OSError as wrong:
        raise Refused(f"{file} cannot be read: {wrong.strerror}.") from wrong
    with _anybody() as stub:
        answer = stub.VerifyDocument(pb.VerifyDocumentRequest(content=content), timeout=30)
    if as_json:
        print_json(plain(answer))
    else:
        facts(
            _VERDICTS[answer.verdict],
            (
                ("Kind", answer.kind),
                ("Number", answer.number),
                ("Issued", instant(answer.issued_at) if answer.HasField("issued_at") else ""),
                ("State", answer.certificate_state),
                ("Signed by", answer.signed_by),
                ("Certificate", answer.certificate_sha256),
            ),
        )
    if answer.verdict != "genuine":
        raise typer.Exit(NOT_GENUINE)


@app.command("certificates")
def certificates(
    into: Annotated[Path | None, typer.Option("--into", help="Also write each as PEM into this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the certificates that documents were ever signed with; the one in use comes first."""
    with _anybody() as stub:
        found = stub.GetSigningCertificates(pb.GetSigningCertificatesRequest(), timeout=30).certificates
    if into is not None:
        for each in found:
            _write(into / f"{each.sha256[:16]}.pem", each.pem)
    if as_json:
        print_json({"certificates": [plain(each) for each in found]})
        return
    rows = [
        (each.subject, instant(each.not_before), instant(each.not_after), "yes" if each.in_use else "", each.sha256)
        for each in found
    ]
    table("Certificates of signatures", ("Subject", "From", "Until", "In use", "SHA-256"), rows)


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    except OSError as wrong:
        raise Refused(f"{path} cannot be written: {wrong.strerror}.") from wrong
