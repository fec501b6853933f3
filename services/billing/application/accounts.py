"""A supply's account: its debt, its statement, and payments on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.access import visible_supply
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import (
    Debt,
    StatementLine,
    allocate,
    check_payment,
    debt_on,
    payment_entry,
    statement_lines,
)
from services.billing.repository import invoices, ledger
from services.billing.repository.ledger import Payment
from services.billing.rules import Rules
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, parse_date

PAYMENT_TOPIC = "coop.billing.payment.v1"
LONGEST_REFERENCE = 140


@dataclass(frozen=True)
class AccountDebt:
    supply_id: str
    debt: Debt
    at: datetime


@dataclass(frozen=True)
class Recorded:
    payment: Payment
    invoice_number: str
    debt: AccountDebt


@dataclass(frozen=True)
class AccountStatement:
    supply_id: str
    member_id: str
    period: DatePeriod
    opening: Decimal
    lines: tuple[StatementLine, ...]
    closing: Decimal


@dataclass(frozen=True)
class PaymentOrder:
    """A payment as the office types it; `amount` is decimal text, `paid_on` an ISO date (empty: today)."""

    invoice: str
    amount: str
    currency: str
    method: str
    paid_on: str
    reference: str


class Accounts:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def debt(self, caller: Principal, supply_id: str) -> AccountDebt:
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            return self.debt_in(connection, supply_id)

    def debt_in(self, connection: Connection, supply_id: str) -> AccountDebt:
        """The state of the account at this instant, within the caller's unit of work."""
        now = self._database.clock.now()
        items = ledger.open_items(connection, supply_id)
        debt = debt_on(self._rules.today(now), items, ledger.credit_of(connection, supply_id))
        return AccountDebt(supply_id, debt, now)

    def statement(self, caller: Principal, supply_id: str, start: str, end: str) -> AccountStatement:
        """Movements of a half-open period with opening and closing balance; without dates, the year up to today."""
        period = self._period(start, end)
        with self._database.read() as connection:
            known = visible_supply(connection, caller, supply_id)
            opening = ledger.balance_before(connection, supply_id, period.start)
            lines, closing = statement_lines(opening, ledger.movements(connection, supply_id, period))
        return AccountStatement(supply_id, known.member_id, period, opening, lines, closing)

    def _period(self, start: str, end: str) -> DatePeriod:
        today = self._rules.today(self._database.clock.now())
        tomorrow = date.fromordinal(today.toordinal() + 1)
        try:
            first = parse_date(start) if start else date(today.year - 1, today.month, 1)
            return DatePeriod(first, parse_date(end) if end else tomorrow)
        except ValueError as wrong:
            raise Invalid(f"The period cannot be read: {wrong}.", field="period") from wrong

    # ----------------------------------------------------------------------------------------------------- payments
    def record_payment(self, key: RequestKey, recorded_by: str, order: PaymentOrder) -> Recorded:
        """Book money that came in. Invalid for an amount, currency, method or date that cannot be; NotFound for the invoice."""
        today = self._rules.today(self._database.clock.now())
        paid_on = _paid_on(order.paid_on, today)
        amount = _amount(order.amount)
        check_payment(amount, order.currency, self._rules.currency, order.method, paid_on, today)
        if len(order.reference) > LONGEST_REFERENCE:
            raise Invalid(
                f"The reference has {len(order.reference)} characters; give at most {LONGEST_REFERENCE}.",
                field="reference",
            )
        with self._database.write() as tx:
            payment_id = tx.once(key, lambda: self._record(tx, order, amount, paid_on, recorded_by))
            payment = ledger.payment_by_id(tx.connection, payment_id)
            invoice = invoices.find(tx.connection, payment.invoice_id)
            assert invoice is not None
            return Recorded(payment, invoice.number, self.debt_in(tx.connection, payment.supply_id))

    def _record(self, tx: Transaction, order: PaymentOrder, amount: Decimal, paid_on: date, recorded_by: str) -> str:
        connection = tx.connection
        invoice = invoices.find(connection, order.invoice.strip())
        if invoice is None:
            raise NotFound(
                f"There is no invoice {order.invoice!r}; copy its number from the invoice, such as E-2026-000123.",
                "NO_INVOICE",
            )
        supply_id = invoice.supply_id
        ledger.lock_accounts(connection, [supply_id])
        before = self.debt_in(connection, supply_id).debt
        allocation = allocate(amount, invoice.id, ledger.open_items(connection, supply_id, lock=True))
        payment_id, entry_id, now = new_id(), new_id(), tx.clock.now()
        entry = payment_entry(supply_id, paid_on, invoice.number, order.method, allocation)
        ledger.keep_entries(connection, [(entry_id, entry)], now)
        ledger.keep_settlements(connection, [(entry_id, invoice_id, take) for invoice_id, take in allocation.takes])
        ledger.reduce_open_items(connection, allocation.takes)
        ledger.change_credits(connection, {supply_id: allocation.credit})
        made = Payment(
            id=payment_id,
            supply_id=supply_id,
            invoice_id=invoice.id,
            entry_id=entry_id,
            amount=amount,
            credited=allocation.credit,
            method=order.method,
            paid_on=paid_on,
            reference=order.reference,
            recorded_by=recorded_by,
            recorded_at=now,
        )
        ledger.keep_payment(connection, made)
        self._tell(tx, made, invoice.number, invoice.member_id, before)
        return payment_id

    def _tell(self, tx: Transaction, made: Payment, number: str, member_id: str, before: Debt) -> None:
        received = events.PaymentReceived(
            payment_id=made.id,
            invoice_id=made.invoice_id,
            invoice_number=number,
            supply_id=made.supply_id,
            member_id=member_id,
            amount=types.Money(amount=str(made.amount), currency_code=self._rules.currency),
            paid_on=made.paid_on.isoformat(),
            method=made.method,
        )
        tx.emit(PAYMENT_TOPIC, made.supply_id, received)
        after = self.debt_in(tx.connection, made.supply_id).debt
        if before.overdue > ZERO and after.overdue == ZERO:
            cleared = events.DebtCleared(supply_id=made.supply_id, member_id=member_id)
            tx.emit(PAYMENT_TOPIC, made.supply_id, cleared)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise Invalid(f"The amount {text!r} is not a number; write it as 55.44.", field="amount.amount") from None


def _paid_on(text: str, today: date) -> date:
    try:
        return parse_date(text) if text else today
    except ValueError as wrong:
        raise Invalid(f"The day of payment {wrong}.", field="paid_on") from wrong
