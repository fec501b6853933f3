"""Workers come and go during a bill run: partitions are handed over, and the run ends with one invoice for each supply."""

from __future__ import annotations

from pathlib import Path

from tests.k8s.chain.books import assert_billed_once, beside, invoiced, run_month
from tests.k8s.chain.conftest import MONTHS, SUPPLIES, Cooperative, import_month
from tests.k8s.chain.report import note

MONTH = MONTHS[2]


def test_workers_share_a_run_that_is_under_way(cooperative: Cooperative, tmp_path: Path) -> None:
    installation = cooperative.installation
    installation.scale("billing-work", 1)
    # A supply in each part of the run: a few hundred supplies then take as long as tens of thousands do otherwise.
    billing = ["deployment/billing-serve", "deployment/billing-work"]
    installation.kubectl("set", "env", *billing, "COOP_BILL_RUN_CHUNK=1")
    installation.await_ready("billing-serve", "billing-work")
    import_month(installation, tmp_path, MONTH)
    seen: list[tuple[str, int]] = []

    def step(what: str) -> None:
        seen.append((what, invoiced(installation, MONTH)))

    with beside(lambda: run_month(installation, MONTH)) as run:
        installation.lab.until(lambda: invoiced(installation, MONTH), "the first bills of the run", every_s=0.1)
        step("one worker")
        installation.scale("billing-work", 3)
        installation.await_ready("billing-work")
        step("three workers")
        installation.scale("billing-work", 1)
        installation.lab.until(lambda: len(installation.pods("billing-work")) == 1, "one worker is left")
        step("one worker again")
        under_way = not run.done()
    installation.kubectl("set", "env", *billing, "COOP_BILL_RUN_CHUNK-")
    note("workers 1, 3, 1 during a bill run", f"invoices when there was {seen}, of {SUPPLIES}")
    assert seen[0][1] < SUPPLIES, "the run was over before the workers came: it needs more supplies to show anything"
    assert under_way or seen[-1][1] == SUPPLIES
    assert_billed_once(installation, MONTH, SUPPLIES)
