"""`coopctl routine`: notes that what the calendar has to do was done, so that its absence is noticed."""

from __future__ import annotations

from typing import Annotated

import typer
from coop.identity.v1 import identity_service_pb2 as pb

from services.chassis.ids import new_id
from services.staff.desk import signed_in
from services.staff.office import Office
from services.staff.show import instant, say

app = typer.Typer(no_args_is_help=True, help="What the calendar does for the office.")


@app.callback()
def _routine() -> None:
    """Keeps `done` a command of a group."""


@app.command("done")
def done(
    routine: Annotated[
        str, typer.Argument(help="backup, retention, audit-verification, reminders or bill-proposal.", metavar="NAME")
    ],
) -> None:
    """Note that a routine was done now, all of it: the last line of a script that backs up the databases, say."""
    with signed_in() as office:
        record(office, routine)


def record(office: Office, routine: str) -> None:
    """The same from within a command that did it. Raises Invalid for a routine that is none."""
    with office.calling("identity"):
        answer = office.identity.RecordRoutine(pb.RecordRoutineRequest(routine=routine, request_id=new_id()))
    say(f"Noted: {routine} was done at {instant(answer.done_at)}.")
