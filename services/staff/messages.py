"""`coopctl messages`: the delivery log of the mails."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from coop.notifications.v1 import notifications_service_pb2 as pb

from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.plain import plain
from services.staff.show import JsonOption, instant, print_json, table

app = typer.Typer(no_args_is_help=True, help="Mails to members.")


class State(StrEnum):
    QUEUED = "queued"
    DELIVERED = "delivered"
    FAILED = "failed"


@app.command("list")
def list_messages(
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """The latest mails: to whom (masked), in which state, after how many attempts."""
    request = pb.ListMessagesRequest(state=state.value if state else "")
    with signed_in() as office, office.calling("notifications"):
        found: list[pb.Message] = list(listed(office.notifications.ListMessages, request, "messages", most=limit))
    if as_json:
        print_json({"messages": [plain(message) for message in found]})
        return
    rows = [
        (instant(sent.created_at), sent.kind, sent.to_masked, sent.state, sent.attempts, sent.last_error)
        for sent in found
    ]
    table("Mails", ("When", "Kind", "To", "State", "Attempts", "Last error"), rows, numbers=("Attempts",))
