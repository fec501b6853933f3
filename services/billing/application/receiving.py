"""Money that comes in on an account, and money that goes back: the one way into the ledger for every way of paying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from google.protobuf.message import Message

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import (
    RETURNED,
    TAKEN_OFF,
    Debt,
    GivenBack,
    allocate,
    debt_on,
    give_back,
    give_back_entry,
    payment_entry,
)
from services.billing.repository import ledger, read_model, reversals, series, till
from services.billing.repository.invoices import Issued
from services.billing.repository.ledger import Payment
from services.billing.repository.reversals import Reversal
from services.billing.repository.series import SeriesState
from services.billing.rules import Rules
from services.chassis.db import Transaction
from services.chassis.errors import NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.money import minor_units, round_half_up

PAYMENT_TOPIC = "coop.billing.payment.v1"


@dataclass(frozen=True)
class Incoming:
    """Money for an account. `invoice`: what it names, paid first; without one the oldest open items are paid.

    `source`: the ledger account it is taken from, when it waited in one (domain/ledger.py UNMATCHED).
    """

    supply_id: str
    amount: Decimal
    method: str
    paid_on: date
    reference: str
    recorded_by: str
    invoice: Issued | None = None
    source: str = ""


@dataclass(frozen=True)
class Outgoing:
    """Money of a payment that goes back. `kind`: domain/ledger.py RETURNED, REFUND or TAKEN_OFF."""

    payment_id: str
    kind: str
    amount: Decimal
    day: date
    reason_code: str
    reason: str
    recorded_by: str


class Receiving:
    """Each call works inside the caller's transaction, which holds whatever makes it happen once."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def receive(self, tx: Transaction, money: Incoming) -> Payment:
        """Book money under the account's lock: what it names first, then the oldest, the rest is credit."""
        connection, supply_id = tx.connection, money.supply_id
        ledger.lock_accounts(connection, [supply_id])
        _check_till(tx, money.method, money.paid_on)
        before = self._debt(tx, supply_id)
        named = money.invoice.id if money.invoice else ""
        items = ledger.open_items(connection, supply_id, self._rules.today(tx.clock.now()), lock=True)
        allocation = allocate(money.amount, named, items)
        payment_id, entry_id, now = new_id(), new_id(), tx.clock.now()
        document = money.invoice.number if money.invoice else money.reference[:60]
        entry = payment_entry(supply_id, money.paid_on, document, money.method, allocation, money.source)
        ledger.keep_entries(connection, [(entry_id, entry)], now)
        ledger.keep_settlements(connection, [(entry_id, invoice_id, take) for invoice_id, take in allocation.takes])
        ledger.reduce_open_items(connection, allocation.takes)
        ledger.change_credits(connection, {supply_id: allocation.credit})
        made = Payment(
            id=payment_id,
            supply_id=supply_id,
            invoice_id=named or None,
            entry_id=entry_id,
            amount=money.amount,
            credited=allocation.credit,
            method=money.method,
            paid_on=money.paid_on,
            reference=money.reference,
            recorded_by=money.recorded_by,
            recorded_at=now,
            receipt_number=self._receipt_number(tx),
        )
        ledger.keep_payment(connection, made)
        self._tell_received(tx, made, money.invoice, before)
        return made

    def give_back(self, tx: Transaction, order: Outgoing) -> Reversal:
        """Undo (a part of) a payment under the account's lock: credit first, then invoices it paid are open again.

        NotFound for a payment that is none; Refused for more than is left of it.
        """
        connection = tx.connection
        found = ledger.find_payment(connection, order.payment_id)
        if found is None:
            raise NotFound(f"There is no payment {order.payment_id!r}; look it up with the statement.", "NO_PAYMENT")
        ledger.lock_accounts(connection, [found.supply_id])
        _check_till(tx, found.method, order.day)
        left = found.amount - reversals.returned_of(connection, found.id)
        if order.amount > left:
            raise Refused(
                f"The payment of {found.amount} on {found.paid_on} has {left} left that can go back, not {order.amount}.",
                "MORE_THAN_THE_PAYMENT",
            )
        given = give_back(order.amount, *self._sources(tx, found, order.amount))
        entry_id, now = new_id(), tx.clock.now()
        entry = give_back_entry(
            found.supply_id, order.day, order.kind, found.reference[:60] or found.id, found.method, given
        )
        ledger.keep_entries(connection, [(entry_id, entry)], now)
        ledger.keep_settlements(connection, [(entry_id, invoice_id, -part) for invoice_id, part in given.reopened])
        ledger.reduce_open_items(connection, [(invoice_id, -part) for invoice_id, part in given.reopened])
        ledger.change_credits(connection, {found.supply_id: -given.credit})
        made = Reversal(
            id=new_id(),
            payment_id=found.id,
            entry_id=entry_id,
            kind=order.kind,
            amount=order.amount,
            from_credit=given.credit,
            day=order.day,
            reason_code=order.reason_code,
            reason=order.reason,
            recorded_by=order.recorded_by,
            recorded_at=now,
        )
        reversals.keep(connection, made)
        self._tell_given_back(tx, found, made, given)
        return made

    def _sources(
        self, tx: Transaction, payment: Payment, wanted: Decimal
    ) -> tuple[Decimal, Sequence[tuple[str, Decimal]]]:
        """What can be taken from credit, and what from invoices: those that the payment's credit paid are opened first, then
        its own. Where other money has gone back from these since, the rest comes from what else the account has paid.

        All credit of the account goes before any invoice is opened: nobody shall owe an invoice and have its money as credit.
        """
        connection, supply_id = tx.connection, payment.supply_id
        own, brought = reversals.still_settled(connection, payment)
        credit = min(wanted, ledger.credit_of(connection, supply_id))
        paid = reversals.paid(connection, supply_id)
        opened: list[tuple[str, Decimal]] = []

        def take(invoice_id: str, most: Decimal) -> Decimal:
            part = max(min(most, paid.get(invoice_id, ZERO)), ZERO)
            if part:
                opened.append((invoice_id, part))
                paid[invoice_id] -= part
            return part

        spent = max(brought - credit, ZERO)
        for invoice_id, amount in reversals.paid_with_credit(connection, supply_id) if spent else ():
            spent -= take(invoice_id, min(spent, amount))
        for invoice_id, amount in reversed(own):
            take(invoice_id, amount)
        if wanted > credit + sum((amount for _, amount in opened), ZERO):
            for invoice_id, amount in list(paid.items()):
                take(invoice_id, amount)
        return credit, opened[::-1]

    def _receipt_number(self, tx: Transaction) -> str:
        """The next of the year's series. Its row is locked after the accounts: who has it asks for no other account."""
        today = self._rules.today(tx.clock.now())
        state = series.take(tx.connection, f"{self._rules.receipt_series}-{today.year}")
        sequence = state.last_number + 1
        series.put(tx.connection, SeriesState(state.code, sequence, "", max(today, state.last_date or today)))
        return f"{state.code}-{sequence:06d}"

    def _debt(self, tx: Transaction, supply_id: str) -> Debt:
        today = self._rules.today(tx.clock.now())
        items = ledger.open_items(tx.connection, supply_id, today)
        return debt_on(today, items, ledger.credit_of(tx.connection, supply_id))

    def _tell_received(self, tx: Transaction, made: Payment, invoice: Issued | None, before: Debt) -> None:
        member_id = invoice.member_id if invoice else read_model.supplies(tx.connection, [made.supply_id])[0].member_id
        received = events.PaymentReceived(
            payment_id=made.id,
            invoice_id=invoice.id if invoice else "",
            invoice_number=invoice.number if invoice else "",
            supply_id=made.supply_id,
            member_id=member_id,
            amount=self._money(made.amount),
            paid_on=made.paid_on.isoformat(),
            method=made.method,
            receipt_number=made.receipt_number,
        )
        tx.emit(PAYMENT_TOPIC, made.supply_id, received)
        if before.overdue > ZERO and self._debt(tx, made.supply_id).overdue == ZERO:
            cleared = events.DebtCleared(supply_id=made.supply_id, member_id=member_id)
            tx.emit(PAYMENT_TOPIC, made.supply_id, cleared)

    def _tell_given_back(self, tx: Transaction, payment: Payment, made: Reversal, given: GivenBack) -> None:
        member_id = read_model.supplies(tx.connection, [payment.supply_id])[0].member_id
        common: dict[str, Any] = {
            "reversal_id": made.id,
            "payment_id": payment.id,
            "supply_id": payment.supply_id,
            "member_id": member_id,
            "amount": self._money(made.amount),
            "day": made.day.isoformat(),
            "method": payment.method,
        }
        told: Message
        if made.kind == RETURNED:
            numbers = ledger.numbers_of(tx.connection, [invoice_id for invoice_id, _ in given.reopened])
            told = events.PaymentReturned(
                **common,
                reason_code=made.reason_code,
                reason=made.reason,
                invoice_numbers=[numbers[invoice_id] for invoice_id, _ in given.reopened],
            )
        elif made.kind == TAKEN_OFF:
            told = events.PaymentTakenOff(**common)
        else:
            told = events.PaymentRefunded(**common)
        tx.emit(PAYMENT_TOPIC, payment.supply_id, told)

    def _money(self, amount: Decimal) -> types.Money:
        currency = self._rules.currency
        return types.Money(amount=str(round_half_up(amount, minor_units(currency))), currency_code=currency)


def _check_till(tx: Transaction, method: str, day: date) -> None:
    """Refused for cash of a day whose till was counted; no day is closed from here to the end of the transaction."""
    if method != "cash":
        return
    until = till.closed_until(tx.connection, share=True)
    if until is not None and day <= until:
        raise Refused(
            f"The till is closed up to {until}: cash of {day} is recorded with a later day, the one on which it is "
            "put in or taken out.",
            "TILL_CLOSED",
        )
