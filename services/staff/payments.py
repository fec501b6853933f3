"""`coopctl payments`: money that came in."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated

import typer
from coop.billing.v1 import billing_service_pb2 as pb
from coop.common.v1.types_pb2 import Money

from services.chassis.ids import new_id
from services.staff import bank_files, bank_queue, card_payments
from services.staff.bills import day, today
from services.staff.desk import signed_in
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, money, print_json

app = typer.Typer(no_args_is_help=True, help="Payments.")
app.add_typer(card_payments.app, name="card")
app.command("import")(bank_files.import_command)
app.command("files")(bank_files.list_files)
app.add_typer(bank_queue.app, name="queue")


class Method(StrEnum):
    CASH = "cash"
    TRANSFER = "transfer"
    CARD = "card"
    DIRECT_DEBIT = "direct_debit"


def amount_given(text: str) -> str:
    """An amount as written on the command line: a point before the cents, nothing negative."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not an amount: write it with a point, as 55.44.") from None
    if not value.is_finite() or value <= 0:
        raise typer.BadParameter(f"{text!r} is not an amount that can be paid: give one above zero, as 55.44.")
    return f"{value:f}"


@app.command("record")
def record(
    invoice: Annotated[str, typer.Option("--invoice", help="Printed number or id of the invoice.")],
    amount: Annotated[
        str, typer.Option("--amount", callback=amount_given, help="In the invoice's currency, as 55.44.")
    ],
    method: Annotated[Method, typer.Option("--method", help="How it was paid.")],
    paid_on: Annotated[
        str, typer.Option("--paid-on", callback=day, help="Date the money came in; today when left out.")
    ] = "",
    reference: Annotated[str, typer.Option("--reference", help="What the bank or the till wrote.")] = "",
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Record a payment of an invoice. What exceeds the debt stays as credit of the account."""
    with signed_in() as office, office.calling("billing"):
        found = office.billing.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice)).invoice
        answer = office.billing.RecordPayment(
            pb.RecordPaymentRequest(
                invoice=found.id,
                amount=Money(amount=amount, currency_code=found.total.currency_code),
                method=method.value,
                paid_on=paid_on or today(),
                reference=reference,
                request_id=request_id or new_id(),
            )
        )
    if as_json:
        print_json({"payment": plain(answer.payment), "debt": plain(answer.debt)})
        return
    facts(
        f"Payment of invoice {answer.payment.invoice_number}",
        (
            ("Amount", money(answer.payment.amount)),
            ("Credit of the account", money(answer.payment.credited)),
            ("Still due and unpaid", money(answer.debt.overdue)),
            ("Id", answer.payment.id),
        ),
    )
