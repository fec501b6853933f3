"""What the calendar would bill now: a dry run of each month that is over and not billed, kept for the office to approve.

A proposal changes nothing. The office looks at it (`coopctl bill proposals`, and the dry run's review list) and starts the
month's run, which takes it up; the program that proposes may not start a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types

from services.billing.application.bill_runs import BillRuns, RunState
from services.billing.application.issuing import INVOICE_TOPIC
from services.billing.domain.planning import add_months
from services.billing.repository import bill_proposals, read_model, runs
from services.billing.repository.bill_proposals import Proposal
from services.billing.repository.runs import COMPLETED
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Refused
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod

#: So many months back a run that left contracts out is proposed again.
MONTHS_BACK = 12


class BillProposals:
    def __init__(self, database: Database, rules: Rules, bill_runs: BillRuns) -> None:
        self._database = database
        self._rules = rules
        self._bill_runs = bill_runs

    def propose(self, key: RequestKey, by: str, period: str) -> Iterator[RunState | Proposal]:
        """The dry run of each month as it goes on, the last state of a month with what is held, then its proposal.

        Without a `period`, the last month that is over, and those before it that were run and have contracts without an
        invoice. There is one proposal of a month until its run is started; the office is told of it once. Nothing is proposed
        where nothing can be invoiced, unless the month was never run. Refused for a month whose run is under way.
        """
        for month in [period] if period else self._months():
            state = None
            with self._database.read() as connection:
                run = runs.run_of_period(connection, month)
            if run is not None and run.state != COMPLETED:
                if period:
                    raise Refused(f"The run of {month} is under way: wait until it ends.", "RUN_UNDER_WAY")
                continue
            for state in self._bill_runs.preview(month, ""):
                yield state
            assert state is not None
            if state.run.invoiced or (run is None and state.run.contracts):
                yield self._keep(key, by, state, run.round if run else 0)

    def page(self, before: str, limit: int) -> list[Proposal]:
        with self._database.read() as connection:
            return bill_proposals.page(connection, before, limit)

    def _months(self) -> list[str]:
        """Oldest first."""
        last = (self._rules.today(self._database.clock.now()).replace(day=1) - timedelta(days=1)).replace(day=1)
        months = [add_months(last, -back) for back in range(MONTHS_BACK - 1, -1, -1)]
        with self._database.read() as connection:
            ran = bill_proposals.months_run(connection)
            return [
                _name(month)
                for month in months
                if (month == last or _name(month) in ran)
                and read_model.to_bill(connection, DatePeriod.month(_name(month)))
            ]

    def _keep(self, key: RequestKey, by: str, state: RunState, after_round: int) -> Proposal:
        run, counts = state.run, Counter(each.reason for each in state.held)
        each_month = replace(key, request_id=f"{run.period} {key.request_id}"[:80])

        def act() -> str:
            now = tx.clock.now()
            made = Proposal(
                id=new_id(),
                period=run.period,
                after_round=after_round,
                contracts=run.contracts,
                already_invoiced=run.already_invoiced,
                would_invoice=run.invoiced,
                total=run.total,
                held=tuple(sorted(counts.items())),
                proposed_by=by,
                proposed_at=now,
                looked_at=now,
            )
            kept, new = bill_proposals.keep(tx.connection, made)
            if new:
                tx.emit(INVOICE_TOPIC, kept.period, self._told(kept))
            return kept.id

        with self._database.write() as tx:
            return bill_proposals.by_id(tx.connection, tx.once(each_month, act))

    def _told(self, kept: Proposal) -> events.BillRunProposed:
        return events.BillRunProposed(
            proposal_id=kept.id,
            period=kept.period,
            contracts=kept.contracts,
            already_invoiced=kept.already_invoiced,
            would_invoice=kept.would_invoice,
            total=types.Money(amount=f"{kept.total:.2f}", currency_code=self._rules.currency),
            held=[events.HeldContracts(reason=reason, contracts=count) for reason, count in kept.held],
        )


def _name(month: date) -> str:
    return f"{month:%Y-%m}"
