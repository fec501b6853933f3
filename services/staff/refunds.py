"""`coopctl payments refund`, `refunds`, `refund-approve`, `refund-reject`: money that the cooperative gives back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from coop.billing.v1 import payments_service_pb2 as pb
from coop.common.v1.types_pb2 import Money

from services.chassis.ids import new_id
from services.staff.amounts import amount_given
from services.staff.desk import signed_in
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.payment_lists import PaymentArgument, stub
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, money, print_json, say, table

RefundArgument = Annotated[str, typer.Argument(metavar="REFUND", help="Id of the refund, from 'payments refunds'.")]
RequestOption = Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")]

PEOPLE = ("requested_by", "decided_by")


class State(StrEnum):
    REQUESTED = "requested"
    PAID = "paid"
    REJECTED = "rejected"


def refund(
    payment: PaymentArgument,
    amount: Annotated[str, typer.Option("--amount", callback=amount_given, help="What goes back, as 55.44.")],
    why: Annotated[str, typer.Option("--why", help="Kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give (a part of) a payment back. Above the limit of the profile somebody else has to approve it."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetPayment(pb.GetPaymentRequest(payment_id=payment)).payment
        request = pb.RequestRefundRequest(
            payment_id=payment,
            amount=Money(amount=amount, currency_code=found.amount.currency_code),
            why=why,
            request_id=request_id or new_id(),
        )
        made = stub(office).RequestRefund(request).refund
        _tell(office, made, as_json)
    if made.state == State.REQUESTED and not as_json:
        say(f"It is above what one person may refund: somebody else runs 'coopctl payments refund-approve {made.id}'.")


def approve(refund: RefundArgument, request_id: RequestOption = "", as_json: JsonOption = False) -> None:
    """Pay a refund that somebody else asked for."""
    with signed_in() as office, office.calling("billing"):
        request = pb.ApproveRefundRequest(refund_id=refund, request_id=request_id or new_id())
        made = stub(office).ApproveRefund(request).refund
        _tell(office, made, as_json)


def reject(
    refund: RefundArgument,
    why: Annotated[str, typer.Option("--why", help="Kept with it.")],
    request_id: RequestOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lay a refund that waits aside."""
    with signed_in() as office, office.calling("billing"):
        request = pb.RejectRefundRequest(refund_id=refund, why=why, request_id=request_id or new_id())
        made = stub(office).RejectRefund(request).refund
        _tell(office, made, as_json)


def list_refunds(
    state: Annotated[State | None, typer.Option("--state", help="Only these.")] = None, as_json: JsonOption = False
) -> None:
    """The refunds, the newest first."""
    with signed_in() as office, office.calling("billing"):
        request = pb.ListRefundsRequest(state=state.value if state else "")
        found: list[pb.Refund] = list(listed(stub(office).ListRefunds, request, "refunds"))
        if not as_json:
            put_names(office, found, *PEOPLE)
    if as_json:
        print_json({"refunds": [plain(each) for each in found]})
        return
    rows = [
        (each.state, each.account_number, money(each.amount), each.why, each.requested_by, each.decided_by, each.id)
        for each in found
    ]
    columns = ("State", "Account", "Amount", "Why", "Asked by", "Decided by", "Id")
    table("Refunds", columns, rows, numbers=("Amount",))


def _tell(office: Office, made: pb.Refund, as_json: bool) -> None:
    if as_json:
        print_json({"refund": plain(made)})
        return
    put_names(office, [made], *PEOPLE)
    facts(
        f"Refund to account {made.account_number}",
        (
            ("State", made.state),
            ("Amount", money(made.amount)),
            ("Why", made.why),
            ("Asked by", made.requested_by),
            ("Decided by", made.decided_by),
            ("Why rejected", made.decision_why),
            ("Id", made.id),
        ),
    )
