"""`coopctl payments list|show|receipt|check`: payments as they were recorded, and whether the books agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from coop.billing.v1 import billing_pb2
from coop.billing.v1 import payments_service_pb2 as pb
from coop.billing.v1.payments_service_pb2_grpc import PaymentsServiceStub

from services.staff.desk import signed_in
from services.staff.documents import save
from services.staff.listing import listed
from services.staff.names import put_names
from services.staff.office import Office
from services.staff.plain import plain
from services.staff.show import JsonOption, facts, instant, money, print_json, say, table
from services.staff.supplies import find

PAGE = 100
#: A year of a large cooperative is summed by the database in seconds.
PATIENCE_S = 300.0
BOOKS_DIFFER = 1

PaymentArgument = Annotated[
    str, typer.Argument(metavar="PAYMENT", help="Number of its receipt, or its id, from 'payments list'.")
]


def stub(office: Office) -> PaymentsServiceStub:
    return office.stub("billing", PaymentsServiceStub)


def list_payments(
    supply: Annotated[str, typer.Option("--account", help="Account number, CUPS or id; all when left out.")] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="How many at most.")] = PAGE,
    as_json: JsonOption = False,
) -> None:
    """The last payments, the newest first."""
    with signed_in() as office:
        request = pb.ListPaymentsRequest(supply_id=find(office, supply).id if supply else "")
        with office.calling("billing"):
            found: list[pb.PaymentDetail] = list(listed(stub(office).ListPayments, request, "payments", most=most))
        if not as_json:
            put_names(office, found, "recorded_by")
    if as_json:
        print_json({"payments": [plain(each) for each in found]})
        return
    rows = [
        (
            each.paid_on,
            each.account_number,
            each.method,
            money(each.amount),
            invoices(each.settled),
            money(each.left) if each.reversals else "",
            each.recorded_by,
            each.receipt_number,
            each.id,
        )
        for each in found
    ]
    columns = ("Paid on", "Account", "Method", "Amount", "Paid", "Left of it", "Recorded by", "Receipt", "Id")
    table("Payments", columns, rows, numbers=("Amount", "Left of it"))


def show(payment: PaymentArgument, as_json: JsonOption = False) -> None:
    """One payment: what it paid, what stayed as credit, and what of it went back."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetPayment(pb.GetPaymentRequest(payment_id=payment)).payment
        if not as_json:
            put_names(office, [found, *found.reversals], "recorded_by")
    if as_json:
        print_json({"payment": plain(found)})
        return
    facts(
        f"Payment of {found.paid_on}",
        (
            ("Account", found.account_number),
            ("Amount", money(found.amount)),
            ("Method", found.method),
            ("Paid", invoices(found.settled)),
            ("Credit of the account", money(found.credited)),
            ("Reference", found.reference),
            ("Recorded", f"{instant(found.recorded_at)} by {found.recorded_by}"),
            ("Can still go back", money(found.left)),
            ("Receipt", found.receipt_number),
            ("Id", found.id),
        ),
    )
    rows = [
        (
            each.day,
            each.kind,
            money(each.amount),
            each.reason_code,
            each.reason,
            invoices(each.reopened),
            each.recorded_by,
        )
        for each in found.reversals
    ]
    columns = ("Day", "Kind", "Amount", "Code", "Reason", "Open again", "By")
    table("Went back", columns, rows, numbers=("Amount",))


def receipt(
    payment: PaymentArgument,
    pdf: Annotated[Path, typer.Option("--pdf", help="File, or a folder for it.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Save the receipt of a payment, the same bytes each time."""
    with signed_in() as office, office.calling("billing"):
        asked = pb.GetReceiptDocumentRequest(payment_id=payment)
        save(pdf, stub(office).GetReceiptDocument(asked, timeout=60))
    if as_json:
        print_json({"saved": str(pdf)})
    else:
        say(f"Saved to {pdf}.")


def check(as_json: JsonOption = False) -> None:
    """Recompute open items, credit and balances from the ledger; exit code 1 when anything does not agree."""
    with signed_in() as office, office.calling("billing"):
        found = stub(office).GetBooksCheck(pb.GetBooksCheckRequest(), timeout=PATIENCE_S)
    if as_json:
        print_json({"sound": not found.differences, **plain(found)})
    else:
        rows = [(each.account, money(each.balance)) for each in found.balances]
        table(f"Accounts, {found.entries:,} entries", ("Account", "Balance"), rows, numbers=("Balance",))
        if found.differences:
            wrong = [(each.what, each.subject, money(each.amount)) for each in found.differences]
            table("What does not agree", ("What", "Of", "By"), wrong, numbers=("By",))
        else:
            say("The books agree: open items, credit and payments are what the ledger says.")
    if found.differences:
        raise typer.Exit(BOOKS_DIFFER)


def invoices(settled: list[billing_pb2.SettledInvoice]) -> str:
    return ", ".join(f"{each.invoice_number} ({money(each.amount)})" for each in settled)
