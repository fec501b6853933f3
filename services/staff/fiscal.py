"""`coopctl fiscal`: what the tax office is told of invoices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import fiscal_service_pb2 as pb
from coop.billing.v1.fiscal_service_pb2_grpc import FiscalServiceStub

from services.chassis.errors import Refused
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Records and codes of invoices for the tax office.")

PATIENCE_S = 600.0
NOT_SOUND = 1


@app.command("export")
def export(
    first: Annotated[str, typer.Option("--from", callback=day, help="First issue date, as 2026-10-01.")],
    last: Annotated[str, typer.Option("--to", callback=day, help="Last issue date, included.")],
    into: Annotated[Path, typer.Option("--into", help="Folder for the files; made when it is not there.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Write the Veri*factu records of invoices as XML, at most 1,000 in a file. Nothing is sent to the tax office."""
    names: list[str] = []
    content: dict[str, bytearray] = {}
    with signed_in() as office, office.calling("billing"):
        request = pb.StreamFiscalRecordsRequest(first_day=first, last_day=last)
        stub = office.stub("billing", FiscalServiceStub)
        for piece in stub.StreamFiscalRecords(request, timeout=PATIENCE_S):
            if piece.file_name:
                names.append(Path(piece.file_name).name)
                content[names[-1]] = bytearray()
            content[names[-1]] += piece.chunk
    paths = [_write(into / name, content[name]) for name in names]
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        typer.echo(path)


@app.command("verify")
def verify(as_json: JsonOption = False) -> None:
    """Recompute the chain of records and compare each with its invoice; exit code 1 names the first that does not stand."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", FiscalServiceStub)
        found = stub.VerifyFiscalRecords(pb.VerifyFiscalRecordsRequest(), timeout=PATIENCE_S)
    sound = not found.HasField("broken") and not found.without_record
    if as_json:
        print_json({"sound": sound, **plain(found)})
    else:
        facts("Fiscal records", (("Sound", found.records), ("Chain", "whole" if sound else "broken")))
        if found.HasField("broken"):
            broken = found.broken
            say(f"Record {broken.position} (invoice {broken.number}) does not stand: {broken.why}.")
        if found.without_record:
            say(f"Invoices without a record: {', '.join(found.without_record)}.")
    if not sound:
        raise typer.Exit(NOT_SOUND)


@app.command("codes")
def codes(as_json: JsonOption = False) -> None:
    """Codes granted for public services bills (CESP), with the number of bills issued under each."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", FiscalServiceStub)
        found: list[pb.ServiceCode] = list(listed(stub.ListServiceCodes, pb.ListServiceCodesRequest(), "codes"))
    if as_json:
        print_json({"codes": [plain(code) for code in found]})
        return
    rows = [
        (
            code.code,
            code.voucher,
            f"{code.point_of_sale:05d}",
            f"{code.period_start} to {code.period_end}",
            code.valid_until,
            code.provider,
            code.used,
        )
        for code in found
    ]
    columns = ("Code", "Class", "Point of sale", "Period (end excluded)", "Valid until", "Granted by", "Bills")
    table("Codes", columns, rows, numbers=("Bills",))


def _write(path: Path, content: bytes | bytearray) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as wrong:
        raise Refused(f"{path} cannot be written: {wrong.strerror}.") from wrong
    return path
