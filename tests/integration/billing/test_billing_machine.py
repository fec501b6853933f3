"""Whatever an office does in whatever order: one invoice each, no gap in the numbers, balanced books, and the same bill
from the same events.

Hypothesis chooses supplies, what is told of them (late, twice, out of order), readings that come and go, runs and their dates,
work items that come twice or not at all, invitations and payments; after every step the books are looked at, and at the end
all that was told is told again: to a new database, and to this one after its read models were emptied.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import sqlite3
import tempfile
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from coop.supplies.events.v1.events_pb2 import InvitationRedeemed
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
from sqlalchemy import delete, func, select

from services.billing.application.pricing import Draft, MonthPricer
from services.billing.repository import runs
from services.billing.repository.invoices import details
from services.billing.tables import (
    bill_run,
    bill_run_chunk,
    invoice,
    invoice_line,
    ledger_posting,
    member,
    member_credit,
    open_item,
    reward,
    supply,
    supply_access,
)
from services.chassis import migrations
from services.chassis.clock import FixedClock
from services.chassis.db import Database
from services.chassis.errors import Refused
from services.chassis.periods import DatePeriod
from tests.support.billing import NOW, Office, contract_message, measured, member_message, supply_message

MONTHS = ("2026-08", "2026-09", "2026-10")
ISSUE_DATES = ("2026-11-02", "2026-11-02", "2026-11-02", "2026-11-10", "2026-11-20")
#: What the order of dates and numbers forbids; anything else that refuses a run is a fault.
OUT_OF_ORDER = ("RUN_UNDER_WAY", "ISSUE_DATE_OUT_OF_ORDER")
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
        self.redemptions = 0

    def open(self, name: str, template: Path | None = None) -> Office:
        path = self.folder / f"{name}.db"
        shutil.copy(template or self.template, path)
        database = Database(f"sqlite:///{path}", service="billing", clock=FixedClock(NOW))
        return Office(database, self.folder, chunk_supplies=2)

    @initialize(watts=st.lists(WATTS, min_size=1, max_size=4))
    def begin(self, watts: list[int]) -> None:
        self.office = self.open("billing")
        self.some_join(watts)

    def tell(self, *messages: Message) -> None:
        self.told += messages
        self.office.tell(*messages)

    @rule(watts=st.lists(WATTS, min_size=1, max_size=3))
    def some_join(self, watts: list[int]) -> None:
        for each in watts:
            name = f"s{len(self.versions)}"
            self.versions[name] = 1
            self.tell(member_message(name), self._supply(name, each))

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), wh=st.sampled_from([30_000, 100_000]))
    def somebody_was_invited(self, data: st.DataObject, wh: int) -> None:
        self.redemptions += 1
        members = [f"{data.draw(st.sampled_from(sorted(self.versions)))}-member" for _ in range(2)]
        redeemed = InvitationRedeemed(
            redemption_id=f"r{self.redemptions}", inviter_member_id=members[0], invited_member_id=members[1], wh=wh
        )
        self.tell(redeemed)

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

    @rule(month=st.sampled_from(MONTHS), issued=st.sampled_from(ISSUE_DATES), whole=st.booleans())
    def a_month_is_run(self, month: str, issued: str, whole: bool) -> None:
        """`whole`: all its chunks are done before anything else happens."""
        before = len(self.office.waiting_chunks())
        try:
            self.office.start(month, issued)
        except Refused as refused:
            assert refused.reason in OUT_OF_ORDER
            return
        sent = self.office.waiting_chunks()[before:]
        if whole:
            for chunk in sent:
                self.office.work(chunk)
        else:
            self.waiting += sent

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
        assert all(one.issue_date <= other.issue_date for one, other in itertools.pairwise(rows)), (
            "dates in their order"
        )
        assert [row.previous_hash for row in rows] == ["", *(row.hash for row in rows)][: len(rows)]
        with self.office.database.read() as connection:
            for row in rows[-2:]:
                found = details(connection, row.id)
                assert row.total == sum(each.amount for each in (*found.lines, *found.taxes))

            for run in connection.execute(select(bill_run)):
                mine = [bill_run_chunk.c.bill_run_id == run.id, bill_run_chunk.c.round == run.round]
                done = select(func.count()).where(*mine, bill_run_chunk.c.done_at.is_not(None))
                assert run.chunks_done == connection.execute(done).scalar_one(), "each chunk counted once"
                assert (run.state == "completed") == (run.chunks_done == run.chunks)
                assert run.already_invoiced + run.invoiced == sum(row.bill_run_id == run.id for row in rows)

            def total(column: Any, *conditions: Any) -> D:
                return connection.execute(select(func.sum(column)).where(*conditions)).scalar_one() or D(0)

            assert total(ledger_posting.c.amount) == 0
            owed = total(ledger_posting.c.amount, ledger_posting.c.account == "receivable")
            assert owed == total(open_item.c.outstanding)
            credit = total(ledger_posting.c.amount, ledger_posting.c.account == "member_credit")
            assert credit == -total(member_credit.c.amount)
            given_kwh = total(invoice_line.c.quantity, invoice_line.c.concept == "invitation")
            assert given_kwh * 1000 == total(reward.c.wh) - total(reward.c.left_wh), "what was given is owed no more"

    def teardown(self) -> None:
        if hasattr(self, "office"):
            self._finish()
            self._replay()
            self.office.database.close()
        shutil.rmtree(self.folder)

    def _finish(self) -> None:
        """What nobody did in these steps is done in the end: every history has its invoices."""
        for chunk in self.waiting:
            self.office.work(chunk)
        for month in MONTHS:
            self.office.bill(month, ISSUE_DATES[-1])
        self.the_books_hold()
        with self.office.database.read() as connection:
            assert not runs.under_way(connection)

    def _replay(self) -> None:
        """What was told, told in another order and partly twice: to this database without its read models, it gives the same
        bills; to a new one too, but for what invoices had given already of what members are owed.
        """
        order = [*self.told, *self.told[::2]]
        random.Random(len(order)).shuffle(order)
        kept = self.folder / "kept.db"
        with contextlib.closing(sqlite3.connect(self.folder / "billing.db", isolation_level=None)) as connection:
            connection.execute("VACUUM INTO ?", (str(kept),))
        other = self.open("emptied", kept)
        with other.database.write() as tx:
            for table in (member, supply, supply_access):
                tx.execute(delete(table))
        self._told_again(other, order)
        assert self._bills(other) == self._bills(self.office)
        other.database.close()
        with self.office.database.read() as connection:
            given = connection.execute(select(reward.c.id).where(reward.c.left_wh < reward.c.wh)).first()
        if not given:
            other = self.open("new")
            self._told_again(other, order)
            assert self._bills(other) == self._bills(self.office)
            other.database.close()

    def _told_again(self, office: Office, order: list[Message]) -> None:
        office.tell(*order)
        office.energy.of = self.office.energy.of

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
