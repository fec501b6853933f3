"""`coopctl payments queue`: movements of banks and collectors that wait for a person."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from coop.billing.v1 import bank_service_pb2 as pb
from coop.billing.v1.bank_service_pb2_grpc import BankServiceStub

from services.chassis.ids import new_id
from services.staff.bank_files import MOVEMENT_COLUMNS, OPEN, movement_row
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, money, print_json, table

app = typer.Typer(no_args_is_help=True, help="Movements of the bank that nobody knows yet whose they are.")


class State(StrEnum):
    OPEN = "open"
    NEW = "new"
    MATCHED = "matched"
    SETTLED = "settled"
    QUEUED = "queued"
    RETURN = "return"
    IGNORED = "ignored"
    ALL = "all"


class Account(StrEnum):
    CARD = "card"
    DIRECT_DEBIT = "direct_debit"
    COLLECTOR = "collector"


Movement = Annotated[str, typer.Argument(metavar="MOVEMENT", help="Its id, from 'coopctl payments queue list'.")]
Why = Annotated[str, typer.Option("--why", help="The reason; it is kept with your name.")]
RequestId = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]


@app.command("list")
def list_queue(
    state: Annotated[State, typer.Option("--state", help="Those in this state; 'open' needs somebody.")] = State.OPEN,
    file: Annotated[str, typer.Option("--file", help="Of one file, by its id from 'coopctl payments files'.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the oldest first.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Movements, and why they are where they are."""
    states = OPEN if state is State.OPEN else () if state is State.ALL else (state.value,)
    request = pb.ListBankMovementsRequest(states=states, file_id=file)
    with signed_in() as office, office.calling("billing"):
        stub = office.stub("billing", BankServiceStub)
        found: list[pb.BankMovement] = list(listed(stub.ListBankMovements, request, "movements", most=limit))
    if as_json:
        print_json({"movements": [plain(each) for each in found]})
        return
    table("Movements", MOVEMENT_COLUMNS, [movement_row(each) for each in found], numbers=("Amount",))


@app.command("match")
def match(
    movement: Movement,
    why: Why,
    invoices: Annotated[
        list[str] | None,
        typer.Option("--invoice", help="Printed number or id; several times when it pays several to the cent."),
    ] = None,
    supply: Annotated[str, typer.Option("--supply", help="In place of invoices: an account, such as 5555/1.")] = "",
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Say what a movement pays. More than the debt stays as credit of the account."""
    if bool(invoices) == bool(supply):
        raise typer.BadParameter("Say what it pays: --invoice (once or more), or --supply.")
    request = pb.MatchBankMovementRequest(
        request_id=request_id or new_id(), movement_id=movement, invoices=invoices or [], supply=supply, why=why
    )
    with signed_in() as office, office.calling("billing"):
        answer = office.stub("billing", BankServiceStub).MatchBankMovement(request)
        _tell(office, answer.movement, as_json)


@app.command("unmatch")
def unmatch(
    movement: Movement,
    why: Annotated[str, typer.Option("--reason", help="Why it was wrong; it is kept with your name.")],
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Say that what was made of a movement was wrong: it waits in the queue again, what it had paid is reversed."""
    request = pb.UnmatchBankMovementRequest(request_id=request_id or new_id(), movement_id=movement, why=why)
    with signed_in() as office, office.calling("billing"):
        answer = office.stub("billing", BankServiceStub).UnmatchBankMovement(request)
        _tell(office, answer.movement, as_json)


@app.command("settle")
def settle(
    movement: Movement,
    account: Annotated[Account, typer.Option("--account", help="What was on its way to the bank.")],
    why: Why,
    request_id: RequestId = "",
    as_json: JsonOption = False,
) -> None:
    """Say that a movement is what was on its way: of cards, of direct debits, of a collector."""
    request = pb.SettleBankMovementRequest(
        request_id=request_id or new_id(), movement_id=movement, account=account.value, why=why
    )
    with signed_in() as office, office.calling("billing"):
        answer = office.stub("billing", BankServiceStub).SettleBankMovement(request)
        _tell(office, answer.movement, as_json)


@app.command("ignore")
def ignore(movement: Movement, why: Why, request_id: RequestId = "", as_json: JsonOption = False) -> None:
    """Say that a movement has nothing to do with members' accounts: fees, salaries, suppliers."""
    request = pb.IgnoreBankMovementRequest(request_id=request_id or new_id(), movement_id=movement, why=why)
    with signed_in() as office, office.calling("billing"):
        answer = office.stub("billing", BankServiceStub).IgnoreBankMovement(request)
        _tell(office, answer.movement, as_json)


def _tell(office: Office, found: pb.BankMovement, as_json: bool) -> None:
    if as_json:
        print_json({"movement": plain(found)})
        return
    put_names(office, [found.decision], "actor")
    facts(
        f"Movement of {found.booked_on}",
        (
            ("Amount", money(found.amount)),
            ("State", found.state),
            ("For", found.decision.target),
            ("Why", found.decision.why),
            ("By", found.decision.actor),
            ("Payments", ", ".join(found.payment_ids)),
        ),
    )
