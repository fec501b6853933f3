"""The overlay is taken by one apply. It comes first and waits for nothing: what it starts comes up while others are tested."""

from __future__ import annotations

from tests.k8s.chain.installation import DEPLOYMENTS, NAMESPACE, Installation


def test_one_apply_brings_everything(applied: Installation) -> None:
    made = {one["metadata"]["name"] for one in applied.objects("deployments")}
    assert made >= {*DEPLOYMENTS, "office", "mail"}
    assert {one["metadata"]["name"] for one in applied.objects("statefulsets")} == {"postgres", "kafka"}
    # Pod Security takes every pod template as it is: nothing is refused in words that nobody reads.
    events = applied.lab.get("events", "--namespace", NAMESPACE)["items"]
    assert [one["message"] for one in events if one["reason"] == "FailedCreate"] == []
