"""Money in whatever order: bills, payments of every way, returns, refunds, credit, corrections; after each the books hold.

Hypothesis chooses; what is wrong of the books is asked of the same check as the office's `coopctl payments check`.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from datetime import date, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from services.billing.application.certificates import Granted
from services.billing.application.receiving import Incoming, Outgoing, Receiving
from services.billing.application.regularising import RectifyOrder
from services.billing.domain.ledger import METHOD_ACCOUNTS, REFUND, RETURNED
from services.billing.repository import books, ledger, reversals, till
from services.billing.repository.ledger import Payment
from services.billing.tables import invoice
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.errors import Invalid, Refused
from tests.support.billing import NOW, STAFF, Office, measured

MONTHS = [f"2026-{month:02d}" for month in range(3, 11)]
TODAY = date(2026, 11, 21)
CENTS = st.one_of(st.integers(1, 20_000), st.sampled_from([5544, 11088, 1]))


class MoneyMachine(RuleBasedStateMachine):
    template: Path  # a migrated database with two supplies

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="money-"))
        shutil.copy(self.template, self.folder / "billing.db")
        database = Database(f"sqlite:///{self.folder / 'billing.db'}", service="billing", clock=FixedClock(NOW))
        self.office = Office(database, self.folder)
        self.receiving = Receiving(self.office.rules)
        self.months = list(MONTHS)
        self.payments: list[Payment] = []

    def invoices(self) -> list[Any]:
        """In the order of issue, which is the same however often hypothesis repeats the steps."""
        with self.office.database.read() as connection:
            return list(connection.execute(select(invoice).order_by(invoice.c.series, invoice.c.sequence)))

    @precondition(lambda self: self.months)
    @rule()
    def a_month_is_billed(self) -> None:
        month = self.months.pop(0)
        self.office.energy.usual = measured()
        self.office.bill(month, str(date.fromisoformat(f"{month}-28") + timedelta(days=5)))

    @rule(
        data=st.data(),
        cents=CENTS,
        method=st.sampled_from(sorted(METHOD_ACCOUNTS)),
        supply=st.sampled_from(["s00000", "s00001"]),
        days=st.integers(0, 60),
    )
    def money_comes(self, data: st.DataObject, cents: int, method: str, supply: str, days: int) -> None:
        own = [row.id for row in self.invoices() if row.supply_id == supply]
        named = data.draw(st.sampled_from([None, *own]))
        found = self.office.invoices.get(STAFF, named).invoice if named else None
        amount, day = D(cents) / 100, TODAY - timedelta(days=days)
        with self.office.database.write() as tx:
            money = Incoming(supply, amount, method, day, "", "staff:ana", found)
            self.payments.append(self.receiving.receive(tx, money))

    @precondition(lambda self: self.payments)
    @rule(data=st.data(), cents=st.one_of(st.none(), CENTS), kind=st.sampled_from([RETURNED, REFUND]))
    def money_goes_back(self, data: st.DataObject, cents: int | None, kind: str) -> None:
        """None: all that is left of it. What is left can always go back, whatever has happened since."""
        paid = data.draw(st.sampled_from(self.payments))
        with self.office.database.read() as connection:
            left = paid.amount - reversals.returned_of(connection, paid.id)
        amount = left if cents is None else D(cents) / 100
        order = Outgoing(paid.id, kind, amount, TODAY, "AM04", "", "staff:ana")
        if 0 < amount <= left:
            with self.office.database.write() as tx:
                self.receiving.give_back(tx, order)
            return
        with pytest.raises(Refused, match="left that can go back"), self.office.database.write() as tx:
            self.receiving.give_back(tx, order if amount else Outgoing(paid.id, kind, D(1), TODAY, "", "", "staff:ana"))

    @precondition(lambda self: self.invoices())
    @rule(data=st.data(), kwh=st.integers(0, 400), method=st.sampled_from(["I", "S"]), parts=st.integers(0, 2))
    def an_invoice_is_corrected(self, data: st.DataObject, kwh: int, method: str, parts: int) -> None:
        row = data.draw(st.sampled_from(self.invoices()))
        self.office.energy.usual = measured(P1=kwh * 1000, P2=0, P3=0)
        order = RectifyOrder(row.number, "the meter was misread", method, parts, "")
        # Refused: nothing to correct, or corrected by substitution before; the books stay as they were.
        with contextlib.suppress(Invalid, Refused):
            self.office.corrections.rectify(self.office.key(), "staff:ana", order)

    @invariant()
    def the_books_hold(self) -> None:
        if not hasattr(self, "office"):
            return
        with self.office.database.read() as connection:
            assert list(books.differences(connection, 10)) == []
            assert sum(amount for _, amount in books.balances(connection)) == 0

    @precondition(lambda self: hasattr(self, "office"))
    @invariant()
    def accounts_statements_and_certificates_say_the_same(self) -> None:
        for supply in ("s00000", "s00001"):
            debt = self.office.accounts.debt(STAFF, supply).debt
            whole = self.office.accounts.statement(STAFF, supply, "2026-01-01", "2026-12-01")
            assert whole.closing == debt.overdue + debt.not_yet_due - debt.credit
            assert not (debt.items and debt.credit), "an invoice is owed while its money lies beside it as credit"
            first = self.office.accounts.statement(STAFF, supply, "2026-01-01", "2026-10-15")
            second = self.office.accounts.statement(STAFF, supply, "2026-10-15", "2026-12-01")
            assert (first.closing, second.closing) == (second.opening, whole.closing)
            assert first.lines + second.lines == whole.lines

    @precondition(lambda self: hasattr(self, "office"))
    @rule(supply=st.sampled_from(["s00000", "s00001"]))
    def a_certificate_is_asked_for(self, supply: str) -> None:
        debt = self.office.accounts.debt(STAFF, supply).debt
        outcome = self.office.certificates.request(self.office.key(), STAFF, supply)
        assert isinstance(outcome, Granted) == (debt.overdue == 0)

    def cash_ups_and_statements_say_the_same(self) -> None:
        """Every day's money of the office is that of the members' statements, to the cent."""
        told: dict[date, D] = {}
        for supply in ("s00000", "s00001"):
            for line in self.office.accounts.statement(STAFF, supply, "2026-01-01", "2026-12-01").lines:
                if line.movement.kind in ("payment", RETURNED, REFUND):
                    told[line.movement.day] = told.get(line.movement.day, D(0)) - line.movement.change
        with self.office.database.read() as connection:
            days = {day: sum((each.amount for each in till.moved_on(connection, day)), D(0)) for day in told}
        assert days == told

    def teardown(self) -> None:
        if hasattr(self, "office"):
            self.cash_ups_and_statements_say_the_same()
            self.office.database.close()
            shutil.rmtree(self.folder)


def test_money_whatever_happens(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    database = Database(f"sqlite:///{empty}", service="billing", clock=FixedClock(NOW))
    migrations.upgrade(database, "billing")
    Office(database, tmp_path).add_supplies(2)
    with database.read() as connection:
        assert ledger.credit_of(connection, "s00000") == 0
    database.close()

    class Machine(MoneyMachine):
        template = empty

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
