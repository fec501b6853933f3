"""Paying by card, as pages show it: what can be paid, and an attempt as our record says it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from coop.billing.v1 import card_service_pb2 as pb

from services.gateway.compose.invoices import DebtView
from services.gateway.compose.money import Money

OVERDUE, NEXT, ALL = "overdue", "next", "all"


@dataclass(frozen=True)
class Choice:
    """Something that can be paid at once. `key` is OVERDUE, NEXT, ALL or an invoice's id; `number` is set for one invoice."""

    key: str
    amount: Money
    invoices: int
    number: str = ""
    due: date | None = None


def choices(debt: DebtView, today: date) -> list[Choice]:
    """What is past its date first, then with it the next instalment of what is paid in instalments, then everything, then
    each invoice; none of them twice.
    """
    by_invoice: dict[str, Choice] = {}
    for item in debt.items:
        known = by_invoice.get(item.invoice_id)
        amount = item.outstanding.amount + (known.amount.amount if known else Decimal(0))
        due = min(item.due, known.due) if known and known.due else item.due
        total = Money(amount, item.outstanding.currency)
        by_invoice[item.invoice_id] = Choice(item.invoice_id, total, 1, item.number, due)
    late = debt.late(today)
    of_late = len({item.invoice_id for item in late})
    found: list[Choice] = []
    if of_late > 1 or (of_late == 1 and len(late) < len(debt.items) and len(by_invoice) == 1):
        found.append(Choice(OVERDUE, debt.overdue, of_late))
    if len(debt.items) > len(by_invoice) and len(late) < len(debt.items):
        first = min(item.due for item in debt.items if item.due >= today)
        until = [item for item in debt.items if item.due <= first]
        if len(until) < len(debt.items):
            amount = sum((item.outstanding.amount for item in until), Decimal(0))
            of_next = len({item.invoice_id for item in until})
            found.append(Choice(NEXT, Money(amount, debt.overdue.currency), of_next, due=first))
    if len(by_invoice) > 1 and len(late) < len(debt.items):
        everything = sum((each.amount.amount for each in by_invoice.values()), Decimal(0))
        found.append(Choice(ALL, Money(everything, debt.overdue.currency), len(by_invoice)))
    return found + list(by_invoice.values())


@dataclass(frozen=True)
class BankForm:
    """What the browser posts to the bank."""

    url: str
    version: str
    parameters: str
    signature: str

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class CardPaymentView:
    """An attempt. `state` is "created", "authorised", "denied" or "expired"; `form` is None once the bank has answered."""

    order: str
    amount: Money
    invoice_id: str
    invoice_number: str
    state: str
    reason: str
    retry: bool
    created_at: datetime
    settled_at: datetime | None
    form: BankForm | None

    @classmethod
    def of(cls, answer: pb.GetCardPaymentResponse) -> CardPaymentView:
        payment, form = answer.payment, answer.form
        return cls(
            payment.order_number,
            Money.of(payment.amount),
            payment.invoice_id,
            payment.invoice_number,
            payment.state,
            payment.reason,
            payment.retry,
            payment.created_at.ToDatetime(tzinfo=UTC),
            payment.settled_at.ToDatetime(tzinfo=UTC) if payment.HasField("settled_at") else None,
            BankForm(form.url, form.signature_version, form.parameters, form.signature)
            if answer.HasField("form")
            else None,
        )
