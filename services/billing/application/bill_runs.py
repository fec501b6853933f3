"""The bill run of a month: start or take up again, preview, follow, and the work of one chunk."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from coop.billing.events.v1 import events_pb2 as events
from sqlalchemy import Connection

from services.billing.application.fiscal import FiscalOffice, fiscal_office
from services.billing.application.issuing import WORK_TOPIC, ChunkIssuer, tell_progress
from services.billing.application.pricing import MonthPricer, Priced
from services.billing.domain.bill import ZERO
from services.billing.repository import invoices, read_model, runs, series
from services.billing.repository.runs import COMPLETED, RUNNING, HeldSupply, Run
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import DatePeriod, parse_date

#: How often a watcher looks at the database when the work is done by another process.
LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class RunState:
    run: Run
    held: tuple[HeldSupply, ...] = ()


class BillRuns:
    def __init__(
        self,
        database: Database,
        rules: Rules,
        pricer: MonthPricer,
        chunk_supplies: int = 100,
        fiscal: FiscalOffice | None = None,
    ) -> None:
        """`chunk_supplies` per unit of work: large enough for batches, small enough to be shared and lost cheaply.

        `fiscal` stands in for the tax office that the profile names.
        """
        self._database = database
        self._rules = rules
        self._pricer = pricer
        self._chunk_supplies = chunk_supplies
        self._fiscal = fiscal or fiscal_office(rules)
        self._issuer = ChunkIssuer(rules, self._fiscal)
        self._changed = threading.Condition()

    # ---------------------------------------------------------------------------------------------------- commands
    def start(self, key: RequestKey, period: str, issue_date: str) -> RunState:
        """Start the month's run, or take it up again for the supplies it has not billed. Answers at once.

        Invalid for a month or date that is none; Refused for a month that is not over, an issue date in the future or
        before the latest of its series, or another issue date than that of a run under way, be it of another month.
        """
        days = _month(period)
        wanted = _issue_date(issue_date)
        with self._database.write() as tx:
            run_id = tx.once(key, lambda: self._start(tx, days, wanted))
            run = runs.run_by_id(tx.connection, run_id)
            assert run is not None
            held = tuple(runs.held_of(tx.connection, run_id))
            tx.on_commit(self._notify)
        return RunState(run, held)

    def _start(self, tx: Transaction, days: DatePeriod, wanted: date | None) -> str:
        connection = tx.connection
        period = days.start.strftime("%Y-%m")
        runs.lock_starts(connection)
        run = runs.run_of_period(connection, period, lock=True)
        if run is not None and run.state == RUNNING:
            if wanted not in (None, run.issue_date):
                raise Refused(
                    f"The run of {period} is under way with issue date {run.issue_date}; wait until it ends to bill what "
                    f"is left on {wanted}.",
                    "RUN_UNDER_WAY",
                )
            self._send_out(tx, runs.open_chunk_ids(connection, run))
            return run.id
        issue_date = wanted or self._rules.today(tx.clock.now())
        self._check_dates(connection, days, issue_date, tx.clock.now())
        _check_beside(connection, issue_date)
        supply_ids = read_model.to_bill(connection, days)
        billed = read_model.count_billed(connection, days)
        chunks = [(new_id(), each) for each in self._cut(supply_ids)]
        now = tx.clock.now()
        fresh = Run(
            id=run.id if run else new_id(),
            period=period,
            issue_date=issue_date,
            state=RUNNING if chunks else COMPLETED,
            round=run.round + 1 if run else 1,
            contracts=len(supply_ids) + billed,
            already_invoiced=billed,
            invoiced=0,
            held=0,
            chunks=len(chunks),
            chunks_done=0,
            total=ZERO,
            started_at=now,
            completed_at=None if chunks else now,
        )
        runs.save_run(connection, fresh, new=run is None)
        runs.forget_held(connection, fresh.id)
        runs.add_chunks(connection, fresh, chunks)
        self._send_out(tx, [chunk_id for chunk_id, _ in chunks])
        tell_progress(tx, self._rules, fresh)
        return fresh.id

    def _cut(self, supply_ids: list[str]) -> list[list[str]]:
        size = self._chunk_supplies
        return [supply_ids[start : start + size] for start in range(0, len(supply_ids), size)]

    def _send_out(self, tx: Transaction, chunk_ids: list[str]) -> None:
        """Work items of chunks; one that comes twice finds its chunk done."""
        tx.emit_many([(WORK_TOPIC, chunk_id, events.BillRunChunkReady(chunk_id=chunk_id)) for chunk_id in chunk_ids])

    def _check_dates(self, connection: Connection, days: DatePeriod, issue_date: date, now: datetime) -> None:
        today = self._rules.today(now)
        if issue_date < days.end:
            last = days.end - timedelta(days=1)
            raise Refused(
                f"The month ends on {last} and cannot be billed on {issue_date}; use an issue date from {days.end} on.",
                "PERIOD_NOT_OVER",
            )
        if issue_date > today:
            raise Refused(
                f"The issue date {issue_date} is in the future (today is {today}); use a day that has come.",
                "ISSUE_DATE_IN_FUTURE",
            )
        latest = series.latest_date(connection, self._rules.invoice_series)
        if latest is not None and issue_date < latest:
            raise Refused(
                f"The issue date {issue_date} is before {latest}, the latest of the series, whose dates must follow its "
                f"numbers; use {latest} or later.",
                "ISSUE_DATE_OUT_OF_ORDER",
            )

    # ----------------------------------------------------------------------------------------------------- the work
    def price_chunk(self, chunk_id: str) -> Priced | None:
        """Everything of a chunk that needs no write: reading, one question to metering, pricing. None when it is done."""
        with self._database.read() as connection:
            chunk = runs.chunk_by_id(connection, chunk_id)
            if chunk is None:
                raise NotFound(f"There is no chunk {chunk_id} of a bill run.", "NO_CHUNK")
            taken = invoices.invoiced(connection, chunk.supply_ids, chunk.days.start)
        if chunk.done:
            return None
        self._fiscal.prepare(self._database, chunk.issue_date)
        return self._pricer.price(
            [each for each in chunk.supply_ids if each not in taken], chunk.days, chunk.issue_date
        )

    def issue_chunk(self, tx: Transaction, chunk_id: str, priced: Priced | None) -> None:
        """Issue what `price_chunk` priced, in the caller's transaction; nothing when the chunk is done."""
        if priced is not None and self._issuer.issue(tx, chunk_id, priced):
            tx.on_commit(self._notify)

    # ------------------------------------------------------------------------------------------------------ queries
    def preview(self, period: str, issue_date: str) -> Iterator[RunState]:
        """Price the month as `start` would, refusing what it refuses, and write nothing: progress after each chunk, the
        held ones at the end."""
        days = _month(period)
        now = self._database.clock.now()
        day = _issue_date(issue_date) or self._rules.today(now)
        with self._database.read() as connection:
            self._check_dates(connection, days, day, now)
            if issue_date:  # without one it is the date of a day to come, by when that run may have ended
                _check_beside(connection, day)
            supply_ids = read_model.to_bill(connection, days)
            billed = read_model.count_billed(connection, days)
        chunks = self._cut(supply_ids)
        run = Run(
            id="",
            period=days.start.strftime("%Y-%m"),
            issue_date=day,
            state=RUNNING,
            round=0,
            contracts=len(supply_ids) + billed,
            already_invoiced=billed,
            invoiced=0,
            held=0,
            chunks=len(chunks),
            chunks_done=0,
            total=ZERO,
            started_at=now,
        )
        held: list[HeldSupply] = []
        given: Counter[str] = Counter()
        for done, chunk in enumerate(chunks, start=1):
            priced = self._pricer.price(chunk, days, day, given)
            held.extend(priced.held)
            given.update(priced.given_wh())
            run = replace(
                run,
                contracts=run.contracts - len(priced.idle),
                chunks_done=done,
                invoiced=run.invoiced + len(priced.drafts),
                held=len(held),
                total=run.total + sum((draft.total for draft in priced.drafts), ZERO),
            )
            if done < len(chunks):
                yield RunState(run)
        held.sort(key=lambda each: each.account_number)
        yield RunState(replace(run, state=COMPLETED, completed_at=self._database.clock.now()), tuple(held))

    def get(self, run_id: str) -> RunState:
        """A run by its id or, since a month has one, by its month ("2026-10")."""
        with self._database.read() as connection:
            run = runs.run_by_id(connection, run_id) or runs.run_of_period(connection, run_id)
            if run is None:
                raise NotFound(f"There is no bill run {run_id!r}; start the run of its month.", "NO_BILL_RUN")
            return RunState(run, tuple(runs.held_of(connection, run.id)))

    def watch(self, run_id: str, alive: threading.Event) -> Iterator[RunState]:
        """The state now and each time it changes, the held ones with the last; ends with the run or when `alive` clears.

        Work done in this process wakes the watcher at once; another process's is seen within a second.
        """
        seen: Run | None = None
        while alive.is_set():
            state = self.get(run_id)
            if state.run.state == COMPLETED:
                yield state
                return
            if state.run != seen:
                seen = state.run
                yield RunState(state.run)
            with self._changed:
                self._changed.wait(LOOK_EVERY_S)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _check_beside(connection: Connection, issue_date: date) -> None:
    """Runs under way take numbers from now on, in whatever order: they have one date, or follow one another."""
    for other in runs.under_way(connection):
        if issue_date != other.issue_date:
            raise Refused(
                f"The run of {other.period} is under way with issue date {other.issue_date}, and the dates of a series "
                f"must follow its numbers; use {other.issue_date}, or wait until that run ends to bill on {issue_date}.",
                "RUN_UNDER_WAY",
            )


def _month(text: str) -> DatePeriod:
    try:
        return DatePeriod.month(text)
    except ValueError as wrong:
        raise Invalid(f"The period {wrong}.", field="period") from wrong


def _issue_date(text: str) -> date | None:
    if not text:
        return None
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"The issue date {wrong}.", field="issue_date") from wrong
