"""`coopctl reminders print`: letters for those whom no mail reaches, and for steps that go by registered post."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import reminders_service_pb2 as pb
from coop.billing.v1.reminders_service_pb2_grpc import RemindersServiceStub
from coop.notifications.v1 import notifications_service_pb2 as notifications_pb

from services.chassis.errors import CoopError, Refused
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.show import JsonOption, instant, money, print_json, say, table

BATCH = 200
LIST = "letters.csv"
#: By what notifications says of a reminder's mails, why it goes on paper.
ON_PAPER = {"none": "no e-mail", "failed": "its e-mail failed"}


@dataclass(frozen=True)
class Posted:
    """A line of the list that goes with the letters: the envelope, why on paper, and what proves it."""

    file: str
    account: str
    name: str
    address: str
    why: str
    unpaid: str
    pay_until: str
    printed_at: str
    sha256: str
    reminder_id: str


def print_letters(
    step: Annotated[str, typer.Option("--step", help="Code of the step, or its number from 1 on.")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="A new or empty folder for letters and list.")],
    since: Annotated[
        str, typer.Option("--since", callback=day, help="Reminders issued from this day on; 30 days when left out.")
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Those that were printed before too, as they were.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the letters of a step's reminders that no mail has reached, or that go by registered post, each as a PDF, and
    letters.csv with who gets one and why. Each is printed once; its hash and moment are kept, and the step counts as sent."""
    _prepare(out)
    first = date.fromisoformat(since) if since else datetime.now(UTC).date() - timedelta(days=30)
    posted: list[Posted] = []
    refused: list[tuple[str, str]] = []
    with signed_in() as office:
        found = list(_issued(office, step, first, again))
        states = _mails(office, [each.id for each in found])
        waiting = [each for each in found if not each.proof and states[each.id] == "unknown"]
        for each in found:
            why = "registered post" if each.proof else ON_PAPER.get(states[each.id], "")
            if not why:
                continue
            try:
                posted.append(_write(office, out, each, why))
            except CoopError as wrong:
                refused.append((each.account_number, wrong.message))
    if posted:
        _list(out / LIST, posted)
    if as_json:
        letters = [asdict(each) for each in posted]
        told = [{"account": account, "why": why} for account, why in refused]
        print_json({"letters": letters, "refused": told, "waiting": [each.id for each in waiting]})
    else:
        rows = [(each.file, each.account, each.name, each.why, each.unpaid, each.pay_until) for each in posted]
        table(f"Letters in {out}", ("File", "Account", "To", "Why", "Unpaid", "Pay until"), rows, numbers=("Unpaid",))
        if refused:
            table("Not printed", ("Account", "Why"), refused)
        if waiting:
            say(
                f"Of {len(waiting)} reminders it is not known yet whether they were mailed: run this again when "
                "'coopctl status' shows no events behind in notifications."
            )
    if refused or waiting:
        raise typer.Exit(1)


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        full = any(out.iterdir())
    except OSError as wrong:
        raise Refused(f"{out} cannot be used: {wrong.strerror}.") from wrong
    if full:
        raise Refused(f"{out} has files already: give a new folder, so that no letter is posted twice.")


def _issued(office: Office, step: str, first: date, again: bool) -> Iterator[pb.Reminder]:
    """What was issued of the step and is unpaid, the newest first, as far back as the first day."""
    stub = office.stub("billing", RemindersServiceStub)
    request = pb.ListRemindersRequest(step="" if step.isdigit() else step)
    with office.calling("billing"):
        for each in listed(stub.ListReminders, request, "reminders"):
            if date.fromisoformat(each.issued_on) < first:
                return
            wanted = not step.isdigit() or each.number == int(step)
            if wanted and (each.open_now if not each.letter_sha256 else again):
                yield each


def _mails(office: Office, reminder_ids: Sequence[str]) -> dict[str, str]:
    """What became of each reminder's mails: a reminder's event has its id."""
    found: dict[str, str] = {}
    for start in range(0, len(reminder_ids), BATCH):
        request = notifications_pb.GetMailsOfEventsRequest(event_ids=reminder_ids[start : start + BATCH])
        with office.calling("notifications"):
            answer = office.notifications.GetMailsOfEvents(request, timeout=30)
        found |= {each.event_id: each.state for each in answer.mails}
    return found


def _write(office: Office, out: Path, reminder: pb.Reminder, why: str) -> Posted:
    stub = office.stub("billing", RemindersServiceStub)
    content = bytearray()
    letter = pb.ReminderLetter()
    with office.calling("billing"):
        for piece in stub.PrintReminder(pb.PrintReminderRequest(reminder_id=reminder.id), timeout=60):
            if piece.HasField("letter"):
                letter = piece.letter
            content += piece.chunk
    target = out / Path(letter.file_name).name
    try:
        target.write_bytes(content)
    except OSError as wrong:
        raise Refused(f"{target} cannot be written: {wrong.strerror}.") from wrong
    return Posted(
        file=target.name,
        account=reminder.account_number,
        name=letter.name,
        address=", ".join(letter.address_lines),
        why=why,
        unpaid=money(reminder.owed_now),
        pay_until=reminder.pay_until,
        printed_at=instant(letter.printed_at),
        sha256=letter.sha256,
        reminder_id=reminder.id,
    )


def _list(path: Path, posted: Sequence[Posted]) -> None:
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:  # spreadsheets tell UTF-8 by the mark
            writer = csv.DictWriter(file, list(asdict(posted[0])), delimiter=";")
            writer.writeheader()
            writer.writerows(asdict(each) for each in posted)
    except OSError as wrong:
        raise Refused(f"{path} cannot be written: {wrong.strerror}.") from wrong
