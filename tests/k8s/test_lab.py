"""The laboratory itself: a real cluster, as strict as those that Acometida is made for."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.k8s.lab import IMAGE, Lab
from tests.k8s.pods import pod


def test_the_node_is_ready(lab: Lab) -> None:
    node = lab.get("node", "lab")
    conditions = {one["type"]: one["status"] for one in node["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert node["status"]["nodeInfo"]["kubeletVersion"].startswith("v1.34.")
    assert json.loads(lab.kubectl("version", "--output", "json"))["serverVersion"]["minor"] == "34"


def test_pod_security_refuses_what_is_not_restricted(lab: Lab, namespace: Callable[..., str]) -> None:
    where = namespace()
    careless: dict[str, Any] = pod("careless", ["coopctl", "version"])
    del careless["spec"]["containers"][0]["securityContext"]
    refused = lab.try_kubectl("apply", "--namespace", where, "--filename", "-", input=json.dumps(careless))
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr
    assert "allowPrivilegeEscalation != false" in refused.stderr


def test_names_lead_to_services_and_policies_are_enforced(lab: Lab, namespace: Callable[..., str]) -> None:
    """One server, one named caller, one stranger: by its name the caller reaches it and the stranger does not."""
    where = namespace()
    lab.apply(
        [
            pod("server", ["python", "-m", "http.server", "8000", "--directory", "/opt/acometida/profiles"]),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "server"},
                "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": 8000}]},
            },
            pod("caller", ["sleep", "600"]),
            pod("stranger", ["sleep", "600"]),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "server"},
                "spec": {
                    "podSelector": {"matchLabels": {"app": "server"}},
                    "policyTypes": ["Ingress"],
                    "ingress": [
                        {
                            "from": [{"podSelector": {"matchLabels": {"app": "caller"}}}],
                            "ports": [{"protocol": "TCP", "port": 8000}],
                        }
                    ],
                },
            },
        ],
        where,
    )
    lab.wait(where, "condition=Ready", "pod/server", "pod/caller", "pod/stranger")
    ask = (
        "import urllib.request as http\n"
        "try: print(http.urlopen('http://server/', timeout=3).status)\n"
        "except OSError as failed: print(type(failed).__name__)"
    )

    def answer(caller: str) -> str:
        return lab.exec(where, caller, "python", "-c", ask).strip()

    lab.until(lambda: answer("stranger") != "200", "the policy keeps a stranger out")
    lab.until(lambda: answer("caller") == "200", "the server answers the caller that its policy names")
    assert answer("stranger") != "200"
    with (
        lab.forwarded(where, "server", 80) as address,  # from the node, which policies do not concern
        urllib.request.urlopen(f"http://{address}/", timeout=30) as page,
    ):
        assert b"demo-es" in page.read()


def test_a_volume_outlives_its_pod(lab: Lab, namespace: Callable[..., str]) -> None:
    where = namespace()
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "kept"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "kept"}}
    mount = {"name": "data", "mountPath": "/data"}
    for name, command in (("writer", "echo kept >/data/file"), ("reader", "grep kept /data/file")):
        lab.apply([claim, pod(name, ["sh", "-c", command], volumes=[volume], mounts=[mount])], where)
        lab.wait(where, "jsonpath={.status.phase}=Succeeded", f"pod/{name}")
        lab.kubectl("delete", "pod", name, "--namespace", where)


def test_what_a_container_may(lab: Lab, namespace: Callable[..., str]) -> None:
    """No capability, a filter on system calls, no way to more rights, the limits of its cgroup."""
    where = namespace()
    lab.apply(pod("confined", ["sleep", "600"]), where)
    lab.wait(where, "condition=Ready", "pod/confined")
    status = dict(
        line.split(":\t", 1)
        for line in lab.exec(where, "confined", "cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert IMAGE in lab.get("pod", "confined", "--namespace", where)["status"]["containerStatuses"][0]["image"]
