"""Who may reach whom in the cluster: what the code calls is allowed, and nothing else is."""

import re
from functools import cache
from itertools import permutations

import pytest

from services.staff.office import SERVICES
from tests.deploy.cluster import OVERLAYS, Workload, matches, of_kind, reaches, workloads
from tests.deploy.tools import ROOT

overlays = pytest.mark.parametrize("overlay", OVERLAYS)

_STUB = re.compile(r'\.stub\(\s*"([a-z]+)"')

CALLING = {
    "gateway": [("gateway", "gateway")],
    "staff": [("office", "office"), ("office", "task")],
    # Energy is asked for by bill runs and by quotes; mails are composed by the sender alone, which is a worker.
    "billing": [("billing", "serve"), ("billing", "work")],
    "notifications": [("notifications", "work")],
}
"""Folder of the code that calls -> name and component of the pods that run it."""

NOTING = (("office", "backup"), ("identity", "serve"))
"""The backup notes at identity that it was made, and speaks with nobody else."""

WITH_DATABASE = ("serve", "work", "migrate")
WITH_BROKER = ("serve", "work")


@cache
def _calls() -> set[tuple[str, str]]:
    """Folder of the caller and service that is called, of every `stub("SERVICE", ...)` in the code."""
    code = ROOT / "services"
    return {
        (file.relative_to(code).parts[0], service)
        for file in code.rglob("*.py")
        for service in _STUB.findall(file.read_text())
    }


def test_callers_are_known() -> None:
    callers = {caller for caller, _ in _calls()}
    assert callers == set(CALLING), "say in CALLING which pods run this code, and in the policies whom they reach"


@overlays
def test_calls_are_allowed_and_no_others(overlay: str) -> None:
    calls = _calls() | {("staff", service) for service in SERVICES}
    expected = {(pod, (callee, "serve")) for caller, callee in calls for pod in CALLING[caller]} | {NOTING}
    answering = [found for found in workloads(overlay) if found.component == "serve"]
    allowed = {
        ((caller.service, caller.component), (callee.service, callee.component))
        for caller in workloads(overlay)
        for callee in answering
        if caller.name != callee.name and reaches(overlay, caller, callee, 8001)
    }
    assert allowed == expected


def _of(component: str) -> Workload:
    return next(found for found in workloads("dev") if found.component == component)


def test_databases_broker_and_mail_are_reached_by_those_who_need_them() -> None:
    for caller in workloads("dev"):
        place = (caller.service, caller.component)
        asks = caller.component in (*WITH_DATABASE, "setup-databases", "backup")
        assert reaches("dev", caller, _of("database"), 5432) == asks, place
        asks = caller.component in (*WITH_BROKER, "setup-topics", "backup")
        assert reaches("dev", caller, _of("broker"), 9092) == asks, place
        assert reaches("dev", caller, _of("mail"), 8024) == (place == ("notifications", "work")), place


@overlays
def test_everything_else_is_denied(overlay: str) -> None:
    """Of all ports of all pods, only those of the tables above are open to pods of the namespace."""
    open_ports = {8001, 5432, 9092, 8024}
    for caller, callee in permutations(workloads(overlay), 2):
        for port in callee.containers[0].get("ports", []):
            number = port["containerPort"]
            if number not in open_ports and reaches(overlay, caller, callee, number):
                assert (number, caller.service, callee.service) == (8000, "office", "gateway"), f"{caller} to {callee}"


@overlays
def test_every_pod_is_under_the_policy_that_denies(overlay: str) -> None:
    (deny,) = [
        found["spec"] for found in of_kind(overlay, "NetworkPolicy") if found["metadata"]["name"] == "default-deny"
    ]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@overlays
def test_policies_pick_pods_that_exist(overlay: str) -> None:
    """A misspelt label would allow nothing, and nobody would see why."""
    pods = workloads(overlay)
    for policy in of_kind(overlay, "NetworkPolicy"):
        spec = policy["spec"]
        peers = [
            peer["podSelector"]
            for side, end in (("ingress", "from"), ("egress", "to"))
            for rule in spec.get(side, [])
            for peer in rule.get(end, [])
            if "podSelector" in peer and "namespaceSelector" not in peer
        ]
        for selector in [spec["podSelector"], *peers]:
            assert any(matches(selector, pod.labels) for pod in pods), f"{policy['metadata']['name']}: {selector}"


def test_the_way_out_of_the_cluster_is_for_few() -> None:
    """In production: to databases, broker and mail server; nobody else and nowhere else."""
    outside: dict[tuple[str, str], set[int]] = {}
    for policy in of_kind("prod", "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            if any("ipBlock" in peer for peer in rule["to"]):
                ports = {entry["port"] for entry in rule["ports"]}
                for pod in workloads("prod"):
                    if matches(policy["spec"]["podSelector"], pod.labels):
                        outside.setdefault((pod.service, pod.component), set()).update(ports)
    for (service, component), ports in outside.items():
        expected = set()
        if component in (*WITH_DATABASE, "setup-databases", "backup"):
            expected.add(5432)
        if component in (*WITH_BROKER, "setup-topics", "backup"):
            expected.add(9093)
        if (service, component) == ("notifications", "work"):
            expected.add(587)
        assert ports == expected, (service, component)
    assert ("gateway", "gateway") not in outside and ("office", "task") not in outside
    assert not [one for one in of_kind("dev", "NetworkPolicy") if "ipBlock" in str(one)]
