"""A debt-free certificate and a due debt never live at the same instant, whatever happens in whatever order or at once.

Hypothesis pays, returns, disputes, waits and asks; threads race on both databases. What every certificate says is held
against a second look at the ledger, written here.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import date, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from services.billing.application.certificates import Granted
from services.billing.application.receiving import Incoming, Outgoing, Receiving
from services.billing.domain.ledger import RETURNED
from services.billing.tables import certificate, dispute, invoice, ledger_entry, ledger_posting, payment, settlement
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.errors import CoopError
from tests.support.billing import NOW, STAFF, Office, in_threads

SUPPLY = "s00000"
DAY = date(2026, 11, 20)


def due_then(office: Office, at: datetime, order: list[str]) -> D:
    """What was due, unpaid and not in dispute when the entries of `order` had been booked, invoice by invoice."""
    today = office.rules.today(at)
    with office.database.read() as connection:
        total = D(0)
        for row in connection.execute(select(invoice).where(invoice.c.supply_id == SUPPLY, invoice.c.due_date < today)):
            opened = (
                select(ledger_posting.c.amount)
                .join(ledger_entry)
                .where(
                    ledger_entry.c.document == row.number,
                    ledger_entry.c.kind == "invoice",
                    ledger_entry.c.id.in_(order),
                    ledger_posting.c.account == "receivable",
                )
            )
            paid = select(settlement.c.amount).where(
                settlement.c.invoice_id == row.id, settlement.c.entry_id.in_(order)
            )
            left = sum(connection.execute(opened).scalars(), D(0)) - sum(connection.execute(paid).scalars(), D(0))
            if left > 0 and not _disputed(connection, row.id, at):
                total += left
    return total


def _disputed(connection: Any, invoice_id: str, at: datetime) -> bool:
    spans = connection.execute(select(dispute).where(dispute.c.invoice_id == invoice_id))
    return any(each.opened_at <= at and (each.closed_at is None or each.closed_at >= at) for each in spans)


def made(office: Office) -> list[Any]:
    with office.database.read() as connection:
        return list(connection.execute(select(certificate).order_by(certificate.c.id)))


def hold(office: Office, rows: list[Any]) -> None:
    """Each was granted with nothing due, and the ledger still says so."""
    for row in rows:
        (account,) = row.position["accounts"]
        assert due_then(office, row.issued_at, account["entries"]) == 0, row.number
        checked = office.positions.check(row.number)
        assert checked.agrees, row.number


def receive(office: Office, amount: D) -> None:
    with office.database.write() as tx:
        Receiving(office.rules).receive(tx, Incoming(SUPPLY, amount, "direct_debit", DAY, "r", "staff:office"))


def take_back(office: Office, payment_id: str, amount: D) -> None:
    with office.database.write() as tx:
        order = Outgoing(payment_id, RETURNED, amount, DAY, "AM04", "insufficient funds", "staff:office")
        Receiving(office.rules).give_back(tx, order)


class CertificateMachine(RuleBasedStateMachine):
    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="certificates-"))
        path = self.folder / "billing.db"
        shutil.copy(self.template, path)
        self.office = Office(
            Database(f"sqlite:///{path}", service="billing", clock=FixedClock(NOW + timedelta(days=1))), self.folder
        )

    @rule(cents=st.integers(1, 15_000))
    def money_comes(self, cents: int) -> None:
        receive(self.office, D(cents) / 100)

    @rule()
    def all_is_paid(self) -> None:
        owed = self.office.accounts.debt(STAFF, SUPPLY).debt
        if owed.items:
            receive(self.office, owed.overdue + owed.not_yet_due)

    @rule(data=st.data(), part=st.integers(1, 100))
    def a_payment_comes_back(self, data: st.DataObject, part: int) -> None:
        with self.office.database.read() as connection:
            rows = list(connection.execute(select(payment).order_by(payment.c.id)))
        if rows:
            row = data.draw(st.sampled_from(rows))
            amount = max(D("0.01"), (row.amount * part / 100).quantize(D("0.01")))
            self._tolerant(lambda: take_back(self.office, row.id, amount))

    @rule(number=st.integers(1, 3))
    def a_dispute_begins(self, number: int) -> None:
        order = (self.office.key(), "staff:office", f"E-2026-{number:06d}", "why")
        self._tolerant(lambda: self.office.disputes.open(*order))

    @rule(number=st.integers(1, 3))
    def a_dispute_ends(self, number: int) -> None:
        order = (self.office.key(), "staff:office", f"E-2026-{number:06d}", "why")
        self._tolerant(lambda: self.office.disputes.close(*order))

    @rule(hours=st.integers(1, 40))
    def time_goes_by(self, hours: int) -> None:
        self.office.clock.advance(timedelta(hours=hours))

    @rule()
    def somebody_asks(self) -> None:
        self.office.clock.advance(timedelta(microseconds=1))
        before = len(made(self.office))
        outcome = self.office.certificates.request(self.office.key(), STAFF, SUPPLY)
        entries = self._entries()
        owed = due_then(self.office, self.office.clock.now(), entries)
        assert isinstance(outcome, Granted) == (owed == 0)
        assert len(made(self.office)) == before + (owed == 0)
        if not isinstance(outcome, Granted):
            assert outcome.total_due == owed == sum(item.outstanding for item in outcome.due)

    def _entries(self) -> list[str]:
        with self.office.database.read() as connection:
            return list(connection.execute(select(ledger_entry.c.id)).scalars())

    def _tolerant(self, action: Any) -> None:
        """What is refused with a sentence changes nothing. Nothing else happens in the same microsecond."""
        self.office.clock.advance(timedelta(microseconds=1))
        try:
            action()
        except CoopError as refused:
            assert refused.message

    def teardown(self) -> None:
        if hasattr(self, "office"):
            hold(self.office, made(self.office))
            self.office.database.close()
            shutil.rmtree(self.folder)


def bill_three_months(office: Office) -> None:
    office.add_supplies(1)
    for period, issued in (("2026-08", "2026-09-02"), ("2026-09", "2026-10-02"), ("2026-10", "2026-11-02")):
        office.bill(period, issued)


def test_whatever_happens_in_whatever_order(tmp_path: Path) -> None:
    path = tmp_path / "template.db"
    database = Database(f"sqlite:///{path}", service="billing", clock=FixedClock(NOW))
    migrations.upgrade(database, "billing")
    bill_three_months(Office(database, tmp_path))
    database.close()
    CertificateMachine.template = path
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        CertificateMachine,
        settings=settings(
            max_examples=8,
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_who_asks_while_payments_come_and_go_and_an_invoice_falls_due(office: Office) -> None:
    bill_three_months(office)
    receive(office, office.accounts.debt(STAFF, SUPPLY).debt.overdue)
    with office.database.read() as connection:
        (first,) = connection.execute(select(payment)).all()

    def work(number: int) -> None:
        if number == 0:
            take_back(office, first.id, first.amount)
            receive(office, first.amount)
        elif number == 1:
            office.clock.advance(timedelta(days=2, hours=7))
            office.pay("E-2026-000003", "55.44")
        else:
            for _ in range(3):
                office.certificates.request(office.key(), STAFF, SUPPLY)

    in_threads(6, work)
    rows = made(office)
    hold(office, rows)
    assert isinstance(office.certificates.request(office.key(), STAFF, SUPPLY), Granted)


def test_fifty_callers_with_one_key_get_one_certificate(office: Office) -> None:
    bill_three_months(office)
    receive(office, office.accounts.debt(STAFF, SUPPLY).debt.overdue)
    key, seen = office.key(), []
    in_threads(50, lambda _: seen.append(office.certificates.request(key, STAFF, SUPPLY).certificate.number))
    assert (len(seen), set(seen)) == (50, {"C-2026-000001"})
    assert len(made(office)) == 1
