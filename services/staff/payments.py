"""`coopctl payments`: money that came in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from coop.billing.v1 import billing_service_pb2 as pb
from coop.common.v1.types_pb2 import Money

from services.chassis.ids import new_id
from services.staff import bank_files, bank_queue, card_payments, cash_up, payment_lists, payment_plans, refunds
from services.staff.amounts import amount_given
from services.staff.bills import day
from services.staff.desk import signed_in
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, money, print_json
from services.staff.supplies import find

app = typer.Typer(no_args_is_help=True, help="Payments.")
app.add_typer(card_payments.app, name="card")
app.command("import")(bank_files.import_command)
app.command("files")(bank_files.list_files)
app.add_typer(bank_queue.app, name="queue")
app.add_typer(payment_plans.app, name="plan")
app.command("list")(payment_lists.list_payments)
app.command("show")(payment_lists.show)
app.command("receipt")(payment_lists.receipt)
app.command("refund")(refunds.refund)
app.command("refunds")(refunds.list_refunds)
app.command("refund-approve")(refunds.approve)
app.command("refund-reject")(refunds.reject)
app.command("cash-up")(cash_up.cash_up)
app.command("check")(payment_lists.check)


class Method(StrEnum):
    CASH = "cash"
    TRANSFER = "transfer"
    CARD = "card"
    DIRECT_DEBIT = "direct_debit"
    COLLECTOR = "collector"


@app.command("record")
def record(
    amount: Annotated[
        str, typer.Option("--amount", callback=amount_given, help="In the invoice's currency, as 55.44.")
    ],
    method: Annotated[Method, typer.Option("--method", help="How it was paid.")],
    invoice: Annotated[str, typer.Option("--invoice", help="Printed number or id of the invoice.")] = "",
    account: Annotated[
        str, typer.Option("--account", help="Instead: account number, CUPS or id; its oldest debt is paid.")
    ] = "",
    paid_on: Annotated[
        str, typer.Option("--paid-on", callback=day, help="Date the money came in; today when left out.")
    ] = "",
    reference: Annotated[str, typer.Option("--reference", help="What the bank or the till wrote.")] = "",
    request_id: Annotated[str, typer.Option(help="Send the same one again to repeat a command safely.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Record a payment of an invoice, or on an account. What exceeds the debt stays as credit of the account."""
    if bool(invoice) == bool(account):
        raise typer.BadParameter("Give either --invoice or --account.")
    with signed_in() as office:
        supply_id = find(office, account).id if account else ""
        with office.calling("billing"):
            invoice_id, currency = _named(office, invoice, supply_id)
            answer = office.billing.RecordPayment(
                pb.RecordPaymentRequest(
                    invoice=invoice_id,
                    supply_id=supply_id,
                    amount=Money(amount=amount, currency_code=currency),
                    method=method.value,
                    paid_on=paid_on,  # without a day the cooperative's own, wherever this is typed
                    reference=reference,
                    request_id=request_id or new_id(),
                )
            )
    if as_json:
        print_json({"payment": plain(answer.payment), "debt": plain(answer.debt)})
        return
    facts(
        f"Payment of invoice {answer.payment.invoice_number}" if invoice else f"Payment on account {account}",
        (
            ("Amount", money(answer.payment.amount)),
            ("Credit of the account", money(answer.payment.credited)),
            ("Still due and unpaid", money(answer.debt.overdue)),
            ("Id", answer.payment.id),
        ),
    )


def _named(office: Office, invoice: str, supply_id: str) -> tuple[str, str]:
    """The id of the invoice that is paid, empty for an account, and the currency of the accounts."""
    if supply_id:
        debt = office.billing.GetDebtState(pb.GetDebtStateRequest(supply_id=supply_id)).debt
        return "", debt.overdue.currency_code
    found = office.billing.GetInvoice(pb.GetInvoiceRequest(invoice_id=invoice)).invoice
    return found.id, found.total.currency_code
