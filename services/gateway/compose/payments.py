"""Payments, as the statement and the receipt show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from coop.billing.v1 import billing_pb2, payments_service_pb2

from services.gateway.compose.money import Money


@dataclass(frozen=True)
class SettledView:
    """What of an invoice was paid; negative: it is open again by so much."""

    invoice_id: str
    number: str
    amount: Money

    @classmethod
    def of(cls, settled: billing_pb2.SettledInvoice) -> SettledView:
        return cls(settled.invoice_id, settled.invoice_number, Money.of(settled.amount))


@dataclass(frozen=True)
class BackView:
    """What of a payment went back; `kind` is "payment_returned", "refund" or "payment_taken_off"."""

    day: date
    kind: str
    amount: Money


@dataclass(frozen=True)
class PaymentView:
    """`method` is "cash", "transfer", "card", "direct_debit" or "collector"; `receipt_number` is what the receipt prints."""

    id: str
    supply_id: str
    paid_on: date
    amount: Money
    method: str
    reference: str
    settled: tuple[SettledView, ...]
    credited: Money
    backs: tuple[BackView, ...]
    receipt_number: str

    @classmethod
    def of(cls, payment: payments_service_pb2.PaymentDetail) -> PaymentView:
        return cls(
            payment.id,
            payment.supply_id,
            date.fromisoformat(payment.paid_on),
            Money.of(payment.amount),
            payment.method,
            payment.reference,
            tuple(SettledView.of(each) for each in payment.settled),
            Money.of(payment.credited),
            tuple(
                BackView(date.fromisoformat(each.day), each.kind, Money.of(each.amount)) for each in payment.reversals
            ),
            payment.receipt_number or payment.id,
        )


@dataclass(frozen=True)
class YearAmountsView:
    """What form 347 counts of a year, by quarter; `complete`: the holder has no other supplies."""

    year: int
    quarters: tuple[Money, ...]
    total: Money
    limit: Money
    account_numbers: tuple[str, ...]
    complete: bool

    @classmethod
    def of(cls, answer: payments_service_pb2.GetYearAmountsResponse) -> YearAmountsView:
        return cls(
            answer.year,
            tuple(Money.of(each) for each in answer.quarters),
            Money.of(answer.total),
            Money.of(answer.limit),
            tuple(answer.account_numbers),
            answer.complete,
        )
