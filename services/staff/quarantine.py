"""`coopctl readings quarantine`: rows of files that could not be taken, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from coop.metering.v1 import metering_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import Names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, say, table

app = typer.Typer(no_args_is_help=True, help="Rows of files that could not be taken.")

DEADLINE_S = 120.0

ImportArgument = Annotated[str, typer.Argument(metavar="IMPORT", help="Id as 'readings quarantine list' prints it.")]
NumbersArgument = Annotated[
    list[int] | None, typer.Argument(metavar="[NUMBER]...", help="These rows; all that are open when left out.")
]
COLUMNS = ("Import", "No.", "File", "Line", "Meter or CUPS", "Value", "Why")


class State(StrEnum):
    """What became of a row."""

    OPEN = "open"
    TAKEN = "taken"
    DISCARDED = "discarded"


@app.command("list")
def list_rows(
    import_id: Annotated[str, typer.Option("--import", metavar="ID", help="Only of this import.")] = "",
    state: Annotated[State, typer.Option(help="Rows in this state.")] = State.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest import first.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Rows with the place they stand in and why they were not taken. 'Again?' says which can be read again by themselves."""
    with signed_in() as office:
        rows = [row for row, _ in zip(_rows(office, import_id, state.value), range(limit), strict=False)]
        names = Names(office)
        names.learn(row.settled_by for row in rows)
        for row in rows:
            row.settled_by = names.of(row.settled_by)
    if as_json:
        print_json({"rows": [plain(row) for row in rows]})
    else:
        _print(f"Rows that are {state.value}", rows, "Again?" if state is State.OPEN else "Settled")


@app.command("retry")
def retry(import_id: ImportArgument, numbers: NumbersArgument = None, as_json: JsonOption = False) -> None:
    """Read rows again, now that what stood against them is mended: a supply is known, or a day no longer lies ahead."""
    settled = _settle(pb.QUARANTINE_ACTION_RETRY, import_id, numbers)
    if as_json:
        print_json(plain(settled))
        return
    say(f"Rows taken: {settled.taken:,}. Refused again: {len(settled.still_open):,}.")
    if settled.still_open:
        _print("Refused again", list(settled.still_open))
    if any(not row.can_retry for row in settled.still_open):
        say("Rows that cannot be read again by themselves need a corrected file: import it, then discard them.")


@app.command("discard")
def discard(import_id: ImportArgument, numbers: NumbersArgument = None, as_json: JsonOption = False) -> None:
    """Give rows up. They stay in the trace as discarded, with your name and the time."""
    settled = _settle(pb.QUARANTINE_ACTION_DISCARD, import_id, numbers)
    if as_json:
        print_json(plain(settled))
    else:
        say(f"Rows discarded: {settled.discarded:,}.")


def _settle(action: pb.QuarantineAction, import_id: str, numbers: list[int] | None) -> pb.SettleQuarantineResponse:
    request = pb.SettleQuarantineRequest(
        request_id=new_id(), action=action, import_id=import_id, numbers=sorted(set(numbers or []))
    )
    with signed_in() as office, office.calling("metering"):
        return office.metering.SettleQuarantine(request, timeout=DEADLINE_S)


def _rows(office: Office, import_id: str, state: str) -> Iterator[pb.QuarantinedRow]:
    request = pb.ListQuarantineRequest(import_id=import_id, state=state)
    with office.calling("metering"):
        yield from listed(office.metering.ListQuarantine, request, "rows")


def _print(title: str, rows: list[pb.QuarantinedRow], last: str = "Again?") -> None:
    lines = [
        (
            row.import_id,
            row.number,
            f"{row.file_name} {row.member}".strip(),
            row.line or "",
            row.point,
            row.value,
            row.reason,
            _again(row),
        )
        for row in rows
    ]
    table(title, (*COLUMNS, last), lines, numbers=("No.", "Line"))


def _again(row: pb.QuarantinedRow) -> str:
    """Whether it can be read again, or who settled it and when."""
    if row.state == State.OPEN:
        return "yes" if row.can_retry else "no"
    return f"{row.settled_by} {instant(row.settled_at)}".strip()
