"""Pods deleted at random for a minute, in the middle of a bill run and of members looking at their pages."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from tests.k8s.chain.books import assert_billed_once, beside, invoiced, run_month
from tests.k8s.chain.conftest import MONTHS, SUPPLIES, Cooperative, import_month
from tests.k8s.chain.installation import ANSWERING, DEPLOYMENTS
from tests.k8s.chain.report import note
from tests.k8s.chain.traffic import Traffic, traffic

MONTH = MONTHS[1]
MINUTE_S = 60.0
BETWEEN_S = 3.0
PAGE_S = 6.0
"""A page waits 2.5 s for its parts; the rest is for a machine on which everything else starts at the same time. One page in
a hundred may be caught when the whole machine stands still; none may fail."""


def test_nothing_is_lost_and_nothing_doubled(cooperative: Cooperative, tmp_path: Path) -> None:
    """Two pods answer for each service, as in production; those that work end without a goodbye half of the time."""
    installation = cooperative.installation
    with installation.scaled(ANSWERING, 2):
        import_month(installation, tmp_path, MONTH)
        members, deleted = _delete_for_a_minute(cooperative)
    note("pods deleted at random", f"{deleted} in {MINUTE_S:.0f} s; {members.summary()}")
    assert deleted >= MINUTE_S / BETWEEN_S / 3, "the cluster was too slow for this test to mean anything"
    assert members.failures == []
    assert members.percentile(0.99) < PAGE_S
    assert invoiced(installation, MONTH) == SUPPLIES
    assert_billed_once(installation, MONTH, SUPPLIES)


def _delete_for_a_minute(cooperative: Cooperative) -> tuple[Traffic, int]:
    """What members saw meanwhile, and how many pods went. Of those that answer, one that is ready stays: who takes them all
    away has no service, and no platform can help it."""
    installation = cooperative.installation
    chance = random.Random(20261122)
    deleted = 0
    with (
        traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members,
        beside(lambda: run_month(installation, MONTH)),
    ):
        until = time.monotonic() + MINUTE_S
        pace = threading.Event()
        while time.monotonic() < until:
            name = chance.choice(DEPLOYMENTS)
            works = name.endswith("work")
            found = installation.pods(name, ready=not works)
            if len(found) > (0 if works else 1):
                words = ["--grace-period=0", "--force"] if works and chance.random() < 0.5 else []
                installation.kubectl("delete", "pod", chance.choice(found), "--wait=false", *words)
                deleted += 1
            pace.wait(BETWEEN_S)
    return members, deleted
