"""Whatever an office does in whatever order: one invoice each, no gap in the numbers, balanced books, and the same bill
from the same events.

Hypothesis chooses supplies, what is told of them (late, twice, out of order), readings that come and go, runs, work items that
come twice or not at all, and payments; after every step the books are looked at.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
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
from sqlalchemy import func, select

from services.billing.application.pricing import Draft, MonthPricer
from services.billing.repository.invoices import details
from services.billing.tables import invoice, ledger_posting, member_credit, open_item
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.periods import DatePeriod
from tests.support.billing import NOW, Office, contract_message, measured, member_message, supply_message

MONTHS = ("2026-08", "2026-09", "2026-10")
ISSUED = "2026-11-02"
WATTS = st.sampled_from([2300, 3450, 4600, 5750])


class BillingMachine(RuleBasedStateMachine):
    """An office of a few supplies, its runs cut into chunks of two."""

    template: Path  # an empty, migrated database

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.told: list[Message] = []
        self.versions: dict[str, int] = {}
        self.waiting: list[str] = []

    def open(self, name: str) -> Office:
        path = self.folder / f"{name}.db"
        shutil.copy(self.template, path)
        database = Database(f"sqlite:///{path}", service="billing", clock=FixedClock(NOW))
        return Office(database, self.folder, chunk_supplies=2)

    @initialize()
    def begin(self) -> None:
        self.office = self.open("billing")

    def tell(self, *messages: Message) -> None:
        self.told += messages
        self.office.tell(*messages)

    @rule(watts=WATTS)
    def somebody_joins(self, watts: int) -> None:
        name = f"s{len(self.versions)}"
        self.versions[name] = 1
        self.tell(member_message(name), self._supply(name, watts))

    def _supply(self, name: str, watts: int) -> Message:
        powers = [{"period": period, "watts": watts} for period in ("P1", "P2")]
        contract = contract_message(name, powers=powers)
        return supply_message(name, contract, account=f"{name[1:]}/1", version=self.versions[name])

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), watts=WATTS, late=st.booleans())
    def a_contract_changes(self, data: st.DataObject, watts: int, late: bool) -> None:
        """`late`: what held before comes again after it."""
        name = data.draw(st.sampled_from(sorted(self.versions)))
        self.versions[name] += 1
        self.tell(self._supply(name, watts))
        if late:
            self.tell(data.draw(st.sampled_from(self.told)))

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), kwh=st.one_of(st.none(), st.integers(0, 2000)))
    def readings_come(self, data: st.DataObject, kwh: int | None) -> None:
        """None: those that were there are gone, so that the next run holds the bill."""
        name = data.draw(st.sampled_from(sorted(self.versions)))
        self.office.energy.of[f"{name}-light"] = None if kwh is None else measured(P1=kwh * 1000, P2=0, P3=0)

    @rule(month=st.sampled_from(MONTHS))
    def a_month_is_run(self, month: str) -> None:
        before = len(self.office.waiting_chunks())
        self.office.start(month, ISSUED)
        self.waiting += self.office.waiting_chunks()[before:]

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), again=st.booleans(), dies=st.booleans())
    def a_worker_takes_a_chunk(self, data: st.DataObject, again: bool, dies: bool) -> None:
        """`again`: it comes once more; `dies`: at the end of its transaction, which leaves nothing."""
        chunk = data.draw(st.sampled_from(self.waiting))
        if dies:
            priced = self.office.runs.price_chunk(chunk)
            with pytest.raises(KeyboardInterrupt), self.office.database.write() as tx:
                self.office.runs.issue_chunk(tx, chunk, priced)
                raise KeyboardInterrupt
            return
        self.office.work(chunk)
        if again:
            self.office.work(chunk)
        else:
            self.waiting.remove(chunk)

    @precondition(lambda self: self.rows())
    @rule(data=st.data(), cents=st.integers(1, 20_000))
    def somebody_pays(self, data: st.DataObject, cents: int) -> None:
        row = data.draw(st.sampled_from(self.rows()))
        self.office.pay(row.number, str(D(cents) / 100))

    def rows(self) -> list[Any]:
        with self.office.database.read() as connection:
            return list(connection.execute(select(invoice).order_by(invoice.c.sequence)))

    @invariant()
    def the_books_hold(self) -> None:
        if not hasattr(self, "office"):
            return
        rows = self.rows()
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1)), "numbers without a gap"
        assert len({(row.supply_id, row.period_start) for row in rows}) == len(rows), "one each"
        assert [row.previous_hash for row in rows] == ["", *(row.hash for row in rows)][: len(rows)]
        with self.office.database.read() as connection:
            for row in rows[-2:]:
                found = details(connection, row.id)
                assert row.total == sum(each.amount for each in (*found.lines, *found.taxes))

            def total(column: Any, *conditions: Any) -> D:
                return connection.execute(select(func.sum(column)).where(*conditions)).scalar_one() or D(0)

            assert total(ledger_posting.c.amount) == 0
            owed = total(ledger_posting.c.amount, ledger_posting.c.account == "receivable")
            assert owed == total(open_item.c.outstanding)
            credit = total(ledger_posting.c.amount, ledger_posting.c.account == "member_credit")
            assert credit == -total(member_credit.c.amount)

    def teardown(self) -> None:
        if hasattr(self, "office"):
            self._replay()
            self.office.database.close()
        shutil.rmtree(self.folder)

    def _replay(self) -> None:
        """What was told, told to an empty database in another order and partly twice, gives the same bills."""
        other = self.open("replayed")
        order = [*self.told, *self.told[::2]]
        random.Random(len(order)).shuffle(order)
        other.tell(*order)
        other.energy.of = self.office.energy.of
        assert self._bills(other) == self._bills(self.office)
        other.database.close()

    def _bills(self, office: Office) -> tuple[list[tuple[Any, ...]], Any]:
        def plain(draft: Draft) -> tuple[Any, ...]:
            return draft.supply, draft.holder, draft.bill.lines, draft.bill.taxes, draft.bill.total

        pricer = MonthPricer(office.database, office.rules, office.energy)
        priced = pricer.price(sorted(self.versions), DatePeriod.month("2026-07"), NOW.date())
        return [plain(draft) for draft in priced.drafts], priced.held


def test_billing_whatever_happens(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    database = Database(f"sqlite:///{empty}", service="billing", clock=FixedClock(NOW))
    migrations.upgrade(database, "billing")
    database.close()

    class Machine(BillingMachine):
        template = empty

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=18,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
