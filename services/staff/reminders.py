"""`coopctl reminders`: overdue debts that members are reminded of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from coop.billing.v1 import reminders_service_pb2 as pb
from coop.billing.v1.reminders_service_pb2_grpc import RemindersServiceStub

from services.chassis.ids import new_id
from services.staff import essential_supplies
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.noting import noted
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.reminder_letters import print_letters
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table
from services.staff.supplies import SupplyArgument, find

app = typer.Typer(no_args_is_help=True, help="Reminders of overdue debts.")
app.command("print")(print_letters)
app.add_typer(essential_supplies.app, name="essential")

PAGE = 100
#: A reminder takes milliseconds: of some ten thousand accounts, minutes.
PATIENCE_S = 3600.0
WORDS = {
    "hold": "on hold",
    "disputed": "in dispute",
    "in_correction": "a correction waits for the office",
    "direct_debit": "its direct debit is on its way",
    "credit": "the account's credit covers it",
    "below_minimum": "less than the minimum",
}
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]
AsOfOption = Annotated[str, typer.Option("--as-of", callback=day, help="Of which day; today when left out.")]


def stub(office: Office) -> RemindersServiceStub:
    return office.stub("billing", RemindersServiceStub)


@app.command("preview")
def preview(as_of: AsOfOption = "", as_json: JsonOption = False) -> None:
    """What `send` would do, and which debts it would leave alone; a day to come is looked at with today's debts."""
    due: list[pb.DueReminder] = []
    left: list[pb.DebtLeftAlone] = []
    with signed_in() as office, office.calling("billing"):
        for found in stub(office).PreviewReminders(pb.PreviewRemindersRequest(as_of=as_of), timeout=PATIENCE_S):
            if found.HasField("due"):
                due.append(found.due)
            else:
                left.append(found.left_alone)
    if as_json:
        print_json({"due": [plain(each) for each in due], "left_alone": [plain(each) for each in left]})
        return
    rows = [
        (
            each.account_number,
            each.step,
            ", ".join(debt.number for debt in each.debts),
            money(each.total),
            each.pay_until,
            "former holder" if each.former_holder else "",
        )
        for each in due
    ]
    table("Due", ("Account", "Step", "Invoices", "Total", "Pay until", ""), rows, numbers=("Total",))
    alone = [
        (
            each.account_number,
            each.debt.number,
            each.debt.due_date,
            money(each.debt.outstanding),
            f"{WORDS.get(each.reason, each.reason)}{': ' + each.why if each.why else ''}",
        )
        for each in left
    ]
    table("Left alone", ("Account", "Invoice", "Due", "Unpaid", "Why"), alone, numbers=("Unpaid",))


@app.command("send")
def send(as_of: AsOfOption = "", request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Send every reminder that is due. Each debt comes to a step once, however often this is run."""
    with signed_in() as office, office.calling("billing"):
        request = pb.SendRemindersRequest(as_of=as_of, request_id=request_id or new_id())
        done = stub(office).SendReminders(request, timeout=PATIENCE_S)
        noted(office, "reminders")
    if as_json:
        print_json(plain(done))
        return
    facts(
        f"Reminders of {done.as_of}",
        (
            ("Sent", done.sent),
            ("Total", money(done.total)),
            *((f"Left alone: {WORDS.get(each.reason, each.reason)}", each.debts) for each in done.left_alone),
            ("Id", done.round_id),
        ),
    )


@app.command("list")
def list_command(
    supply: Annotated[str, typer.Option("--account", help="Account number, CUPS or id; all when left out.")] = "",
    step: Annotated[str, typer.Option("--step", help="Code of a step of the profile.")] = "",
    round_id: Annotated[str, typer.Option("--round", help="Id that 'send' printed.")] = "",
    proof_missing: Annotated[
        bool, typer.Option("--proof-missing", help="Only what goes by registered post and whose receipt is not noted.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="How many at most.")] = PAGE,
    as_json: JsonOption = False,
) -> None:
    """The reminders that were sent, the newest first, with what is still unpaid of each."""
    found: list[pb.Reminder] = []
    with signed_in() as office:
        supply_id = find(office, supply).id if supply else ""
        with office.calling("billing"):
            for each in _sent(office, supply_id, step, round_id, proof_missing):
                found.append(each)
                if len(found) == most:
                    break
    if as_json:
        print_json({"reminders": [plain(each) for each in found]})
        return
    rows = [
        (
            each.issued_on,
            each.account_number,
            each.step,
            money(each.total),
            money(each.owed_now),
            instant(each.letter_printed_at)[:10] if each.letter_sha256 else "",
            each.received_on or ("missing" if each.proof else ""),
            each.send_again_on,
            each.warn_by,
            "never: essential" if each.essential else each.earliest_cut_off,
            each.id,
        )
        for each in found
    ]
    columns = (
        "Sent",
        "Account",
        "Step",
        "Total",
        "Unpaid now",
        "Letter",
        "Received",
        "Send again on",
        "Last word by",
        "No cut-off before",
        "Id",
    )
    table("Reminders", columns, rows, numbers=("Total", "Unpaid now"))


@app.command("received")
def received(
    reminder: Annotated[str, typer.Argument(metavar="REMINDER", help="Id, from 'reminders list --proof-missing'.")],
    on: Annotated[str, typer.Option("--on", callback=day, help="Day of the receipt.")],
    evidence: Annotated[str, typer.Option("--evidence", help="Where the proof is kept.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Note when a demand that goes by registered post was received: the law counts its months from that day."""
    request = pb.NoteReminderReceiptRequest(
        reminder_id=reminder, received_on=on, evidence=evidence, request_id=request_id or new_id()
    )
    with signed_in() as office, office.calling("billing"):
        found = stub(office).NoteReminderReceipt(request).reminder
    if as_json:
        print_json({"reminder": plain(found)})
        return
    facts(
        f"Demand to account {found.account_number}",
        (
            ("Received on", found.received_on),
            ("Proof", found.evidence),
            ("Unpaid now", money(found.owed_now)),
            ("Last word by", found.warn_by),
            ("No cut-off before", found.earliest_cut_off),
            ("By", found.cut_off_source),
        ),
    )


@app.command("hold")
def hold(
    supply: SupplyArgument,
    until: Annotated[str, typer.Option("--until", callback=day, help="First day of reminders again.")],
    why: Annotated[str, typer.Option("--why", help="Kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Leave an account alone until a day."""
    with signed_in() as office:
        found = find(office, supply)
        with office.calling("billing"):
            request = pb.HoldRemindersRequest(
                supply_id=found.id, until=until, why=why, request_id=request_id or new_id()
            )
            made = stub(office).HoldReminders(request).hold
    if as_json:
        print_json({"hold": plain(made)})
        return
    say(f"Account {made.account_number} gets no reminders before {made.until}: {made.why}.")


@app.command("release")
def release(supply: SupplyArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Let an account be reminded again."""
    with signed_in() as office:
        found = find(office, supply)
        with office.calling("billing"):
            stub(office).ReleaseReminders(
                pb.ReleaseRemindersRequest(supply_id=found.id, request_id=request_id or new_id())
            )
    if as_json:
        print_json({"released": found.account_number})
        return
    say(f"Account {found.account_number} is reminded again.")


@app.command("holds")
def holds(as_json: JsonOption = False) -> None:
    """Accounts that are left alone."""
    with signed_in() as office, office.calling("billing"):
        found: list[pb.ReminderHold] = list(
            listed(stub(office).ListReminderHolds, pb.ListReminderHoldsRequest(), "holds")
        )
    if as_json:
        print_json({"holds": [plain(each) for each in found]})
        return
    table("On hold", ("Account", "Until", "Why"), [(each.account_number, each.until, each.why) for each in found])


def _sent(office: Office, supply_id: str, step: str, round_id: str, proof_missing: bool) -> Iterator[pb.Reminder]:
    request = pb.ListRemindersRequest(supply_id=supply_id, step=step, round_id=round_id, proof_missing=proof_missing)
    return listed(stub(office).ListReminders, request, "reminders")
