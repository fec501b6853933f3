"""A node that is to be emptied keeps one pod of everything that answers, until another is ready elsewhere."""

from __future__ import annotations

from tests.k8s.chain.conftest import Cooperative
from tests.k8s.chain.installation import NAMESPACE
from tests.k8s.chain.report import note
from tests.k8s.chain.traffic import traffic

BILLING = "app.kubernetes.io/part-of=acometida,app.kubernetes.io/name=billing,app.kubernetes.io/component=serve"


def test_a_drain_stops_at_the_budget(cooperative: Cooperative) -> None:
    """There is one node, so nothing becomes ready elsewhere: the drain takes one of two pods and waits in vain."""
    installation = cooperative.installation
    (node,) = installation.lab.kubectl("get", "nodes", "--output", "name").split()
    node = node.removeprefix("node/")
    with installation.scaled(["billing-serve"], 2):
        try:
            with traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members:
                words = ["drain", node, f"--pod-selector={BILLING}", "--delete-emptydir-data", "--timeout=10s"]
                ended = installation.lab.try_kubectl(*words, timeout_s=60)
                ready = installation.pods("billing-serve", ready=True)
        finally:
            installation.lab.kubectl("uncordon", node)
    note("drain", f"stopped at the budget; {members.summary()}")
    assert ended.returncode != 0
    assert "disruption budget" in ended.stderr, ended.stderr
    assert len(ready) == 1
    assert members.failures == []
    budgets = installation.lab.get("poddisruptionbudgets", "--namespace", NAMESPACE)["items"]
    assert {budget["metadata"]["name"] for budget in budgets} >= {"billing-serve", "gateway"}
