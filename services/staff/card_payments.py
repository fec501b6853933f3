"""`coopctl payments card`: attempts to pay by card, and what came as the bank's notification and was not believed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer
from coop.billing.v1 import card_service_pb2 as pb
from coop.billing.v1.card_service_pb2_grpc import CardServiceStub
from coop.supplies.v1 import supplies_service_pb2 as supplies_pb

from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, table

app = typer.Typer(no_args_is_help=True, help="Payments by card, at the bank's own page.")

PAGE = 200
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]


class State(StrEnum):
    CREATED = "created"
    AUTHORISED = "authorised"
    DENIED = "denied"
    EXPIRED = "expired"


@app.command("list")
def list_command(
    state: Annotated[State | None, typer.Option("--state", help="Only those of a state.")] = None,
    supply: Annotated[str, typer.Option("--supply", help="Account number, CUPS or id of a supply.")] = "",
    limit: LimitOption = PAGE,
    as_json: JsonOption = False,
) -> None:
    """The attempts, the newest first."""
    with signed_in() as office:
        supply_id = _supply_id(office, supply) if supply else ""
        request = pb.ListCardPaymentsRequest(state=state or "", supply_id=supply_id)
        with office.calling("billing"):
            found: list[pb.CardPayment] = list(listed(_stub(office).ListCardPayments, request, "payments", most=limit))
    if as_json:
        print_json({"payments": [plain(each) for each in found]})
        return
    rows = [
        (
            each.order_number,
            instant(each.created_at),
            each.account_number,
            each.invoice_number,
            money(each.amount),
            each.state,
            _answer(each),
        )
        for each in found
    ]
    columns = ("Order", "Begun", "Account", "Invoice", "Amount", "State", "Bank's answer")
    table("Card payments", columns, rows, numbers=("Amount",))


@app.command("show")
def show(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The twelve signs that the bank knows it by.")],
    as_json: JsonOption = False,
) -> None:
    """One attempt, and the notifications about it that were refused."""
    with signed_in() as office, office.calling("billing"):
        payment = _stub(office).GetCardPayment(pb.GetCardPaymentRequest(order_number=order)).payment
        refused = _refused(office, payment.order_number, PAGE)
    if as_json:
        print_json({"payment": plain(payment), "refused_notifications": [plain(each) for each in refused]})
        return
    facts(
        f"Card payment {payment.order_number}",
        (
            ("State", payment.state),
            ("Amount", money(payment.amount)),
            ("Account", payment.account_number),
            ("Invoice", payment.invoice_number),
            ("Begun", instant(payment.created_at)),
            ("By", payment.payer),
            ("Settled", instant(payment.settled_at)),
            ("Bank's answer", _answer(payment)),
            ("Authorisation", payment.authorisation),
            ("Payment in the books", payment.payment_id),
        ),
    )
    if refused:
        _print_refused(refused)


@app.command("refused")
def refused_command(limit: LimitOption = PAGE, as_json: JsonOption = False) -> None:
    """Notifications that were not believed, the newest first. A signed one speaks of money that may have moved: look at
    the payment at the bank."""
    with signed_in() as office, office.calling("billing"):
        found = _refused(office, "", limit)
    if as_json:
        print_json({"refused_notifications": [plain(each) for each in found]})
        return
    _print_refused(found)


def _refused(office: Office, order: str, limit: int) -> list[pb.RefusedNotification]:
    request = pb.ListRefusedNotificationsRequest(order_number=order)
    return list(listed(_stub(office).ListRefusedNotifications, request, "notifications", most=limit))


def _print_refused(found: list[pb.RefusedNotification]) -> None:
    rows: list[tuple[Any, ...]] = [
        (instant(each.received_at), each.order_number, "yes" if each.signed else "no", each.why) for each in found
    ]
    table("Refused notifications", ("Received", "Order", "Signed by the bank", "Why"), rows)


def _answer(payment: pb.CardPayment) -> str:
    return f"{payment.response} {payment.reason.replace('_', ' ')}" if payment.response else ""


def _supply_id(office: Office, supply: str) -> str:
    with office.calling("supplies"):
        return str(office.supplies.GetSupply(supplies_pb.GetSupplyRequest(supply_id=supply)).supply.id)


def _stub(office: Office) -> CardServiceStub:
    return office.stub("billing", CardServiceStub)
