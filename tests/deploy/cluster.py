"""The overlays as they build, and what a cluster would make of them: pods, and who may reach whom."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tests.deploy.tools import DEPLOY, ROOT, kustomize

OVERLAYS = ("dev", "prod")
SECRETS = Path("deploy/k8s/overlays/dev/secrets")
PROD_SECRETS = Path("deploy/k8s/overlays/prod/secrets")
_WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")

Object = dict[str, Any]


def secret_files(folder: Path = SECRETS) -> list[str]:
    """The files, relative to the folder of an overlay's Secrets, that its kustomization reads."""
    said = yaml.safe_load((ROOT / folder / "kustomization.yaml").read_text())
    groups = [*said["configMapGenerator"], *said["secretGenerator"]]
    return sorted({entry.rpartition("=")[2] for group in groups for entry in group["files"]})


@cache
def objects(overlay: str, *, instead: tuple[str, str] | None = None) -> tuple[Object, ...]:
    """What an overlay builds, with one word of its kustomization replaced by another if `instead` says so.

    Secrets of dev are built from files that hold nothing but their own name.
    """
    with TemporaryDirectory() as folder:
        shutil.copytree(DEPLOY / "k8s", Path(folder) / "deploy/k8s", ignore=shutil.ignore_patterns("files"))
        shutil.copytree(DEPLOY / "monitoring", Path(folder) / "deploy/monitoring")
        shutil.copytree(ROOT / "profiles", Path(folder) / "profiles")
        for name in secret_files():
            file = Path(folder) / SECRETS / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        built = Path(folder) / "deploy/k8s/overlays" / overlay
        if instead:
            said = (built / "kustomization.yaml").read_text()
            assert instead[0] in said
            (built / "kustomization.yaml").write_text(said.replace(*instead))
        return tuple(kustomize(built))


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [found for found in objects(overlay) if found["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Object:
    return next(found for found in of_kind(overlay, kind) if found["metadata"]["name"] == name)


@dataclass(frozen=True, repr=False)
class Workload:
    """Something with pods."""

    source: Object

    @property
    def kind(self) -> str:
        return str(self.source["kind"])

    @property
    def name(self) -> str:
        return str(self.source["metadata"]["name"])

    @property
    def template(self) -> Object:
        spec = self.source["spec"]
        found: Object = (spec["jobTemplate"]["spec"] if self.kind == "CronJob" else spec)["template"]
        return found

    @property
    def pod(self) -> Object:
        found: Object = self.template["spec"]
        return found

    @property
    def labels(self) -> dict[str, str]:
        found: dict[str, str] = self.template["metadata"]["labels"]
        return found

    @property
    def service(self) -> str:
        return self.labels["app.kubernetes.io/name"]

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        return [*self.pod["containers"], *self.pod.get("initContainers", [])]

    @property
    def ours(self) -> bool:
        """Whether it runs this project's code."""
        return any(container["image"].rpartition(":")[0].endswith("/acometida") for container in self.containers)

    def __repr__(self) -> str:
        return f"{self.kind} {self.name}"


def workloads(overlay: str) -> list[Workload]:
    return [Workload(found) for found in of_kind(overlay, *_WORKLOADS)]


def environment(overlay: str, workload: Workload) -> dict[str, str]:
    """The variables of a workload's container: its own win over those of a ConfigMap."""
    container = workload.containers[0]
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {entry["name"]: entry["value"] for entry in container.get("env", [])}


def volume_sources(workload: Workload) -> Iterator[tuple[str, str, str, list[str] | None]]:
    """Volume, "Secret" or "ConfigMap", its name, and the keys that must be there (None: all that are are taken)."""
    for volume in workload.pod.get("volumes", []):
        for source in volume.get("projected", {}).get("sources", [volume]):
            if "secret" in source:
                secret = source["secret"]
                chosen = secret.get("items", []) if not secret.get("optional") else []
                items = [item["key"] for item in chosen] if "items" in secret else None
                yield volume["name"], "Secret", secret.get("secretName") or secret["name"], items
            if "configMap" in source:
                yield volume["name"], "ConfigMap", source["configMap"]["name"], None


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector picks what has these labels."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", f"{rule['operator']} is not understood here"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


@cache
def _applying(overlay: str, side: str, labels: tuple[tuple[str, str], ...]) -> list[Object]:
    """The policies of one side that hold for pods with these labels."""
    return [
        policy["spec"]
        for policy in of_kind(overlay, "NetworkPolicy")
        if side.capitalize() in policy["spec"]["policyTypes"] and matches(policy["spec"]["podSelector"], dict(labels))
    ]


def _allows(overlay: str, side: str, pod: Workload, peer: Workload, port: int) -> bool:
    """Whether the policies of one side, "ingress" or "egress", let a connection between two pods pass."""
    applying = _applying(overlay, side, tuple(pod.labels.items()))
    if not applying:
        return True
    end = "from" if side == "ingress" else "to"
    for rule in (rule for spec in applying for rule in spec.get(side, [])):
        known = end not in rule or any(
            "podSelector" in one and "namespaceSelector" not in one and matches(one["podSelector"], peer.labels)
            for one in rule[end]
        )
        if known and any(entry["port"] == port for entry in rule["ports"]):
            return True
    return False


def reaches(overlay: str, caller: Workload, callee: Workload, port: int) -> bool:
    """Whether a pod may open a connection to another pod's port."""
    return _allows(overlay, "egress", caller, callee, port) and _allows(overlay, "ingress", callee, caller, port)
