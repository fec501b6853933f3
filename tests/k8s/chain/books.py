"""What must hold of a billed month whatever happened meanwhile, asked of the cluster's own databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from tests.k8s.chain.installation import SERVICES, Installation


def run_month(installation: Installation, month: str) -> None:
    """`coopctl bill run`, typed again by the clerk when the connection to a service broke meanwhile."""
    words = ["bill", "run", "--period", month, "--json"]
    failure: AssertionError | None = None
    for _ in range(10):
        try:
            installation.coopctl(*words, timeout_s=400)
        except AssertionError as broken:
            failure = broken
            continue
        return
    raise AssertionError(f"the month {month} was not billed to its end: {failure}")


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[Future[None]]:
    """Runs `work` while the block runs, and waits for its end; its failure is the block's."""
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(work)
        yield running
        running.result()


def invoiced(installation: Installation, month: str) -> int:
    """Invoices of a month so far."""
    (count,) = installation.sql("billing", f"SELECT count(*) FROM invoice WHERE period_start = '{month}-01'")
    return int(count)


def assert_billed_once(installation: Installation, month: str, supplies: int) -> None:
    """One invoice for each supply, no gap in any series, one mail for each invoice, books that agree, nothing stuck."""
    installation.settle()
    per_supply = installation.sql(
        "billing",
        f"SELECT invoices, count(*) FROM (SELECT count(*) AS invoices FROM invoice WHERE period_start = '{month}-01' "
        "GROUP BY supply_id) AS each_supply GROUP BY invoices",
    )
    assert per_supply == [f"1|{supplies}"]
    gaps = installation.sql(
        "billing",
        "SELECT series, count(*), min(sequence), max(sequence) FROM invoice GROUP BY series "
        "HAVING count(*) <> max(sequence) OR min(sequence) <> 1",
    )
    assert gaps == []
    mails = installation.sql(
        "notifications",
        "SELECT mails, count(*) FROM (SELECT count(*) AS mails FROM message "
        f"WHERE kind LIKE 'invoice%' AND data LIKE '%{month}%' GROUP BY recipient) AS each_member GROUP BY mails",
    )
    assert mails == [f"1|{supplies}"]
    for service in SERVICES:
        assert (
            installation.sql(service, "SELECT consumer, event_type, reason FROM dead_letter WHERE state = 'open'") == []
        )
        assert installation.sql(service, "SELECT count(*) FROM outbox_event") == ["0"]
    books = json.loads(installation.coopctl("payments", "check", "--json"))
    assert books["differences"] == []
