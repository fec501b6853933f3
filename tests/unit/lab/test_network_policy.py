"""The laboratory's enforcement of network policies: which rules follow from pods, namespaces and policies."""

import importlib.util
import re
from typing import Any

import pytest

from tests.support.stack import ROOT

_file = ROOT / "deploy" / "lab" / "cluster" / "network_policy.py"
_spec = importlib.util.spec_from_file_location("network_policy", _file)
assert _spec and _spec.loader
agent = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(agent)

NAMESPACES = [
    {"metadata": {"name": "coop", "labels": {"name": "coop"}}},
    {"metadata": {"name": "watch", "labels": {"name": "watch"}}},
]


def pod(name: str, ip: str, namespace: str = "coop", port: int = 8001, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"ports": [{"name": "grpc", "containerPort": port}]}]},
        "status": {"podIP": ip, "phase": "Running", **status},
    }


PODS = [pod("billing", "10.0.0.1"), pod("gateway", "10.0.0.2"), pod("scraper", "10.0.0.3", "watch")]


def policy(selector: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "coop"}, "spec": {"podSelector": selector, **spec}}


def chains(*policies: dict[str, Any], pods: list[dict[str, Any]] = PODS) -> dict[str, list[str]]:
    text = agent.Rules(pods, NAMESPACES, list(policies)).text()
    found = re.findall(r"chain ((?:in|e)gress_\S+) \{\n(.*?)\n\}", text, re.DOTALL)
    return {name: body.splitlines() for name, body in found}


def test_without_policies_nothing_is_refused() -> None:
    assert chains() == {}


def test_default_deny_in_both_directions_leaves_only_the_drop() -> None:
    denied = chains(policy({}, policyTypes=["Ingress", "Egress"]))
    assert set(denied) == {f"{way}_10_0_0_{number}" for way in ("ingress", "egress") for number in (1, 2)}
    assert all(rules == ["drop"] for rules in denied.values())


def test_a_named_caller_and_port() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}], "ports": [{"port": 8001}]}
    allowed = chains(policy({"matchLabels": {"app": "billing"}}, ingress=[rule]))
    assert allowed == {"ingress_10_0_0_1": ["ip saddr { 10.0.0.2 } tcp dport 8001 return", "drop"]}


def test_another_namespace_by_its_labels_and_a_port_by_its_name() -> None:
    rule = {"from": [{"namespaceSelector": {"matchLabels": {"name": "watch"}}}], "ports": [{"port": "grpc"}]}
    allowed = chains(policy({"matchLabels": {"app": "billing"}}, ingress=[rule]))
    assert allowed["ingress_10_0_0_1"][0] == "ip saddr { 10.0.0.3 } ip daddr 10.0.0.1 tcp dport 8001 return"


def test_a_way_out_to_addresses_with_exceptions() -> None:
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}
    rule = {"to": [block], "ports": [{"port": 30000, "endPort": 30010, "protocol": "UDP"}]}
    allowed = chains(policy({"matchLabels": {"app": "billing"}}, policyTypes=["Egress"], egress=[rule]))
    match = "ip daddr 0.0.0.0/0 ip daddr != { 10.0.0.0/8 } udp dport 30000-30010 return"
    assert allowed == {"egress_10_0_0_1": [match, "drop"]}


def test_a_rule_that_names_nobody_who_exists_lets_nobody_in() -> None:
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "ghost"}}}]}
    assert chains(policy({"matchLabels": {"app": "billing"}}, ingress=[rule])) == {"ingress_10_0_0_1": ["drop"]}


@pytest.mark.parametrize("gone", [{"phase": "Succeeded"}, {"podIP": ""}])
def test_a_pod_that_ended_is_no_peer(gone: dict[str, Any]) -> None:
    """Its address may be another pod's by now."""
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "gateway"}}}]}
    pods = [PODS[0], pod("gateway", "10.0.0.2", **gone)]
    allowed = chains(policy({"matchLabels": {"app": "billing"}}, ingress=[rule]), pods=pods)
    assert allowed == {"ingress_10_0_0_1": ["drop"]}


@pytest.mark.parametrize(
    ("term", "chosen"),
    [
        ({"operator": "In", "values": ["billing"]}, True),
        ({"operator": "NotIn", "values": ["billing"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_select(term: dict[str, Any], chosen: bool) -> None:
    assert agent.selects({"matchExpressions": [{"key": "app", **term}]}, {"app": "billing"}) is chosen
