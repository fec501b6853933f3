"""What billing tells of its bill runs, its charges, money that waits for somebody, and its books to those who watch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from services.billing.repository import bank_files, books, cards, charges, refunds
from services.billing.repository.runs import RUNNING
from services.billing.tables import bill_run
from services.chassis.telemetry.metrics import Reading, looked_up
from services.chassis.watch import Watched, age

MOST_DIFFERENCES = 100
"""Of each check; more say no more."""
BOOKS_EVERY_S = 900.0

RUNS = looked_up("coop_bill_runs_running", "Bill runs that are not completed")
CHUNKS = looked_up("coop_bill_run_chunks", "Parts of the running bill runs: done, waiting", ["state"])
SUPPLIES = looked_up("coop_bill_run_supplies", "Supplies of the running bill runs: invoiced, held", ["state"])
RUNS_AGE = looked_up("coop_bill_run_age_seconds", "Since the oldest running bill run was started; 0 when none runs")
CHARGES_REFUSED = looked_up(
    "coop_charges_refused", "Charges that the tax office refused and that nobody decided on yet"
)
CHARGES_WAITING = looked_up("coop_charges_waiting", "Other charges that are not issued: the tax office did not answer")
CHARGES_AGE = looked_up("coop_charges_age_seconds", "Age of the oldest charge that is not issued; 0 when there is none")
QUEUED = looked_up("coop_bank_movements_waiting", "Movements of banks and collectors that wait for somebody")
QUEUED_AGE = looked_up("coop_bank_movements_age_seconds", "Since the oldest of them was imported; 0 when there is none")
REFUNDS = looked_up("coop_refunds_waiting", "Refunds that wait for a second person")
CARDS_DOUBTED = looked_up(
    "coop_card_notifications_refused_24h",
    "Notifications with the bank's signature that were not booked, in the last 24 hours",
)
BOOKS_OFF = looked_up(
    "coop_ledger_differences", "Places where the books do not agree with themselves; 0 is good, anything else is not"
)
BOOKS_AT = looked_up("coop_ledger_checked_timestamp_seconds", "When the books were last checked (Unix time)")
BOOKS_TOOK = looked_up("coop_ledger_check_seconds", "How long that check took")


def watched() -> list[Watched]:
    return [
        Watched("bill runs", _runs),
        Watched("charges", _charges),
        Watched("money", _money),
        Watched("books", _books, every_s=BOOKS_EVERY_S),
    ]


def _runs(connection: Connection, now: datetime) -> Iterator[Reading]:
    columns = (bill_run.c.chunks, bill_run.c.chunks_done, bill_run.c.invoiced, bill_run.c.held)
    query = select(
        func.count(), func.min(bill_run.c.started_at), *(func.coalesce(func.sum(column), 0) for column in columns)
    ).where(bill_run.c.state == RUNNING)
    number, since, chunks, done, invoiced, held = connection.execute(query).one()
    yield Reading(RUNS, number)
    yield Reading(RUNS_AGE, age(since, now))
    yield Reading(CHUNKS, done, ("done",))
    yield Reading(CHUNKS, chunks - done, ("waiting",))
    yield Reading(SUPPLIES, invoiced, ("invoiced",))
    yield Reading(SUPPLIES, held, ("held",))


def _charges(connection: Connection, now: datetime) -> Iterator[Reading]:
    refused, waiting, since = charges.open_figures(connection)
    yield Reading(CHARGES_REFUSED, refused)
    yield Reading(CHARGES_WAITING, waiting)
    yield Reading(CHARGES_AGE, age(since, now))


def _money(connection: Connection, now: datetime) -> Iterator[Reading]:
    waiting, since = bank_files.waiting_figures(connection)
    yield Reading(QUEUED, waiting)
    yield Reading(QUEUED_AGE, age(since, now))
    yield Reading(REFUNDS, refunds.count_waiting(connection))
    yield Reading(CARDS_DOUBTED, cards.count_doubted(connection, now - timedelta(hours=24)))


def _books(connection: Connection, now: datetime) -> Iterator[Reading]:
    began = time.monotonic()
    yield Reading(BOOKS_OFF, sum(1 for _ in books.differences(connection, MOST_DIFFERENCES)))
    yield Reading(BOOKS_AT, now.timestamp())
    yield Reading(BOOKS_TOOK, time.monotonic() - began)
