"""A node that is to be emptied keeps one pod of everything that answers, until another is ready elsewhere."""

from __future__ import annotations

from tests.k8s.chain.conftest import Cooperative
from tests.k8s.chain.installation import NAMESPACE
from tests.k8s.chain.report import note
from tests.k8s.chain.traffic import traffic

ANSWERING = "app.kubernetes.io/part-of=acometida,app.kubernetes.io/name=billing,app.kubernetes.io/component=serve"


def test_a_drain_stops_at_the_budget(cooperative: Cooperative) -> None:
    """There is one node, so nothing becomes ready elsewhere: the drain takes one of two pods and waits in vain."""
    installation = cooperative.installation
    installation.scale("billing-serve", 2)
    installation.await_ready("billing-serve")
    (node,) = installation.lab.kubectl("get", "nodes", "--output", "name").split()
    node = node.removeprefix("node/")
    try:
        with traffic(cooperative.gateway, cooperative.session, cooperative.pages) as members:
            words = ["drain", node, f"--pod-selector={ANSWERING}", "--delete-emptydir-data", "--timeout=25s"]
            ended = installation.lab.try_kubectl(*words, timeout_s=60)
            left = installation.pods("billing-serve")
            ready = installation.kubectl(
                "get", "deployment", "billing-serve", "--output", "jsonpath={.status.readyReplicas}"
            )
    finally:
        installation.lab.kubectl("uncordon", node)
    installation.await_ready("billing-serve")
    note("drain", f"stopped at the budget; {members.summary()}")
    assert ended.returncode != 0
    assert "disruption budget" in ended.stderr, ended.stderr
    assert ready == "1", left
    assert members.failures == []
    budgets = installation.lab.get("poddisruptionbudgets", "--namespace", NAMESPACE)["items"]
    assert {budget["metadata"]["name"] for budget in budgets} >= {"billing-serve", "gateway"}
