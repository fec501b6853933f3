"""`coopctl payments import` and `payments files`: bank statements and collectors' files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import bank_service_pb2 as pb
from coop.billing.v1.bank_service_pb2_grpc import BankServiceStub

from services.chassis.errors import CoopError, Invalid
from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, money, print_json, say, table

CHUNK = 256 * 1024
DEADLINE_S = 900.0
#: States in the order in which people want to know them, and what they are called.
STATES = {
    "matched": "Matched",
    "settled": "Settled",
    "return": "Returned",
    "queued": "In the queue",
    "new": "Not looked at yet",
    "ignored": "Ignored",
}
#: What a person should see at once.
OPEN = ("queued", "return", "new")


def import_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            readable=True,
            dir_okay=False,
            metavar="FILE...",
            help="Bank statements (camt.053, norma 43) and collectors' files; told apart by their content.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be, and keep nothing.")] = False,
    request_id: Annotated[
        str, typer.Option(help="For one file: send the same one again to repeat a command safely.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Book what bank files say came in. A file twice books nothing twice; one that does not add up is refused whole."""
    if request_id and len(files) > 1:
        raise typer.BadParameter("One --request-id cannot stand for several files: give them one by one.")
    done: list[pb.ImportBankFileResponse] = []
    failed: list[tuple[Path, CoopError]] = []
    with signed_in() as office:
        for path in files:
            try:
                done.append(send(office, path, dry_run=dry_run, request_id=request_id))
            except Invalid as wrong:  # the other files may be good
                failed.append((path, wrong))
    if as_json:
        refused = [{"file_name": path.name, "problem": refusal.message} for path, refusal in failed]
        print_json({"files": [plain(each) for each in done], "refused": refused})
    else:
        for each in done:
            _tell(each)
    for path, refusal in failed:
        say(f"{path.name}: {refusal.message}")
    if failed:
        raise typer.Exit(1)


def list_files(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The latest files of banks and collectors, refused ones too."""
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", BankServiceStub)
        found: list[pb.BankFile] = list(listed(stub.ListBankFiles, pb.ListBankFilesRequest(), "files", most=limit))
    if as_json:
        print_json({"files": [plain(each) for each in found]})
        return
    rows = [
        (instant(each.imported_at), each.file_name, each.format, each.state, each.movements, each.fresh, each.problem)
        for each in found
    ]
    columns = ("When", "File", "Format", "State", "Movements", "New", "Why")
    table("Files of banks and collectors", columns, rows, numbers=("Movements", "New"))


def send(office: Office, path: Path, *, dry_run: bool, request_id: str) -> pb.ImportBankFileResponse:
    """Streams one file."""
    with office.calling("billing"):
        parts = _parts(path, dry_run, request_id or new_id())
        return office.stub("billing", BankServiceStub).ImportBankFile(parts, timeout=DEADLINE_S)


def _parts(path: Path, dry_run: bool, request_id: str) -> Iterator[pb.ImportBankFileRequest]:
    yield pb.ImportBankFileRequest(request_id=request_id, file_name=path.name, dry_run=dry_run)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield pb.ImportBankFileRequest(chunk=chunk)
    yield pb.ImportBankFileRequest(complete=True)


def _tell(answer: pb.ImportBankFileResponse) -> None:
    file = answer.file
    if file.fresh == 0:
        known = (
            f"its {file.movements:,} movements are in the books already" if file.movements else "it has no movements"
        )
        typer.echo(f"{file.file_name}: nothing new; {known}.")
        for sentence in file.findings:
            say(sentence)
        return
    would = " (a trial: nothing was kept)" if answer.dry_run else ""
    counted = {each.state: each for each in answer.counts}
    rows = [
        (words, counted[state].movements, money(counted[state].amount))
        for state, words in STATES.items()
        if state in counted
    ]
    title = f"{file.file_name}: {file.fresh:,} new of {file.movements:,} movements, {file.format}{would}"
    table(title, ("State", "Movements", "Amount"), rows, numbers=("Movements", "Amount"))
    waiting = [each for each in answer.movements if each.state in OPEN]
    if waiting:
        table("To be looked at", MOVEMENT_COLUMNS, [movement_row(each) for each in waiting], numbers=("Amount",))
    for sentence in file.findings:
        say(sentence)


MOVEMENT_COLUMNS = ("Movement", "Day", "Amount", "State", "Who and what", "Why")


def movement_row(each: pb.BankMovement) -> tuple[str, ...]:
    """Cells of a movement under MOVEMENT_COLUMNS."""
    said = " ".join((each.party_name, *each.texts)) or " ".join(each.references)
    why = each.decision.why if each.HasField("decision") else each.sentence
    return (each.id, each.booked_on, money(each.amount), each.state, said[:60], why)
