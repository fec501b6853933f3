"""A supply's account: its debt, its statement, and payments on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from sqlalchemy import Connection

from services.billing.application.access import visible_supply
from services.billing.application.plans_found import PlanFound, open_plans
from services.billing.application.receiving import Incoming, Receiving
from services.billing.domain.ledger import (
    Debt,
    StatementLine,
    check_payment,
    debt_on,
    statement_lines,
)
from services.billing.repository import invoices, ledger, read_model, statements
from services.billing.repository.ledger import Payment
from services.billing.rules import Rules
from services.chassis.context import Principal
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound
from services.chassis.periods import DatePeriod, parse_date

LONGEST_REFERENCE = 140


@dataclass(frozen=True)
class AccountDebt:
    supply_id: str
    debt: Debt
    at: datetime
    #: Payment plans that are kept or broken.
    plans: tuple[PlanFound, ...] = ()


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
    #: Of a statement up to today: what is owed now, and the payment plans.
    now: AccountDebt | None = None


@dataclass(frozen=True)
class PaymentOrder:
    """A payment as the office types it; `amount` is decimal text, `paid_on` an ISO date (empty: today).

    Without an `invoice` it is for the account of `supply_id`, whose oldest debt it pays.
    """

    invoice: str
    amount: str
    currency: str
    method: str
    paid_on: str
    reference: str
    supply_id: str = ""


class Accounts:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._receiving = Receiving(rules)

    def debt(self, caller: Principal, supply_id: str) -> AccountDebt:
        with self._database.read() as connection:
            visible_supply(connection, caller, supply_id)
            return self.debt_in(connection, supply_id)

    def debt_in(self, connection: Connection, supply_id: str) -> AccountDebt:
        """The state of the account at this instant, within the caller's unit of work."""
        now = self._database.clock.now()
        today = self._rules.today(now)
        items = ledger.open_items(connection, supply_id, today)
        debt = debt_on(today, items, ledger.credit_of(connection, supply_id))
        return AccountDebt(supply_id, debt, now, open_plans(connection, supply_id, today))

    def statement(self, caller: Principal, supply_id: str, start: str, end: str) -> AccountStatement:
        """Movements of a half-open period with opening and closing balance; without dates, the year up to today."""
        period = self._period(start, end)
        with self._database.read() as connection:
            known = visible_supply(connection, caller, supply_id)
            opening = ledger.balance_before(connection, supply_id, period.start)
            lines, closing = statement_lines(opening, statements.movements(connection, supply_id, period))
            today = self._rules.today(self._database.clock.now())
            now = self.debt_in(connection, supply_id) if period.start <= today < period.end else None
        return AccountStatement(supply_id, known.member_id, period, opening, lines, closing, now)

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
            number = (
                ledger.numbers_of(tx.connection, [payment.invoice_id])[payment.invoice_id] if payment.invoice_id else ""
            )
            return Recorded(payment, number, self.debt_in(tx.connection, payment.supply_id))

    def _record(self, tx: Transaction, order: PaymentOrder, amount: Decimal, paid_on: date, recorded_by: str) -> str:
        if bool(order.invoice.strip()) == bool(order.supply_id):
            raise Invalid("Say either which invoice is paid or whose account: one of the two.", field="invoice")
        if order.supply_id:
            return self._on_account(tx, order, amount, paid_on, recorded_by)
        invoice = invoices.find(tx.connection, order.invoice.strip())
        if invoice is None:
            raise NotFound(
                f"There is no invoice {order.invoice!r}; copy its number from the invoice, such as E-2026-000123.",
                "NO_INVOICE",
            )
        money = Incoming(invoice.supply_id, amount, order.method, paid_on, order.reference, recorded_by, invoice)
        return self._receiving.receive(tx, money).id

    def _on_account(
        self, tx: Transaction, order: PaymentOrder, amount: Decimal, paid_on: date, recorded_by: str
    ) -> str:
        if read_model.known_supply(tx.connection, order.supply_id) is None:
            raise NotFound(f"There is no supply {order.supply_id!r} in the accounts.", "SUPPLY_NOT_FOUND")
        money = Incoming(order.supply_id, amount, order.method, paid_on, order.reference, recorded_by)
        return self._receiving.receive(tx, money).id


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
