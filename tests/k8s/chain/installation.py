"""A running Acometida in the laboratory's cluster: what an operator, the office and a visitor do with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.k8s.lab import Lab
from tests.support.stack import ROOT

NAMESPACE = "acometida"
SERVICES = ("identity", "supplies", "metering", "billing", "notifications")
DEPLOYMENTS = (*(f"{service}-{role}" for service in SERVICES for role in ("serve", "work")), "gateway")
ANSWERING = (*(f"{service}-serve" for service in SERVICES), "gateway")
OVERLAY = ROOT / "deploy" / "k8s" / "overlays" / "dev"
SECRETS = OVERLAY / "secrets" / "files"
PATIENCE_S = 240.0


_ASK_LAG = """
import json
from coop.common.v1.operations_service_pb2 import GetLagRequest
from coop.common.v1.operations_service_pb2_grpc import OperationsServiceStub
from services.staff.desk import signed_in
from services.staff.office import SERVICES

with signed_in() as office:
    said = {}
    for service in SERVICES:
        lag = office.stub(service, OperationsServiceStub).GetLag(GetLagRequest(), wait_for_ready=True, timeout=30)
        said[service] = lag.outbox_pending + lag.records_behind + lag.records_deferred + lag.jobs_waiting
print(json.dumps(said))
"""
"""Run in the office's pod, with the session of whoever signed in there."""


@dataclass
class Installation:
    """The dev overlay in namespace `acometida`. Commands raise AssertionError with what kubectl said."""

    lab: Lab

    def kubectl(self, *words: str, stdin: str | None = None, timeout_s: float = 120) -> str:
        return self.lab.kubectl("--namespace", NAMESPACE, *words, input=stdin, timeout_s=timeout_s)

    def objects(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        chosen = ["--selector", selector] if selector else []
        items: list[dict[str, Any]] = self.lab.get(kind, "--namespace", NAMESPACE, *chosen)["items"]
        return items

    def pods(self, *names: str, ready: bool = False) -> list[str]:
        """Names of the pods of deployments such as "billing-work" that are not about to end; of the ready ones alone."""
        found = []
        for name in names:
            service, _, role = name.partition("-")
            component = role or service
            chosen = f"app.kubernetes.io/name={service},app.kubernetes.io/component={component}"
            found += [
                str(pod["metadata"]["name"])
                for pod in self.objects("pods", chosen)
                if "deletionTimestamp" not in pod["metadata"] and (not ready or _is_ready(pod))
            ]
        return found

    def apply(self) -> None:
        """Makes the secrets that are missing and applies the overlay.

        On a cluster that was used before, the image has come anew under the same name: Jobs run again, pods start again.
        With LAB_IMAGES=loaded nothing has come anew, and what runs there goes on.
        """
        make_secrets()
        used = NAMESPACE in [one["metadata"]["name"] for one in self.lab.get("namespaces")["items"]]
        if used and os.environ.get("LAB_IMAGES") == "loaded":
            return
        if used:
            self.kubectl("delete", "job", "--all", "--wait")
        self.lab.apply(OVERLAY)
        if used:
            self.kubectl("rollout", "restart", *(f"deployment/{name}" for name in (*DEPLOYMENTS, "office")))

    def await_ready(self, *deployments: str, patience_s: float = PATIENCE_S) -> None:
        """Waits until every replica of the deployments, all by default, is of the newest template and ready."""
        names = deployments or (*DEPLOYMENTS, "office", "mail")
        self.lab.rolled_out(NAMESPACE, *(f"deployment/{name}" for name in names), timeout_s=patience_s)

    def scale(self, deployment: str, replicas: int) -> None:
        self.kubectl("scale", f"deployment/{deployment}", f"--replicas={replicas}")

    @contextmanager
    def scaled(self, deployments: Sequence[str], replicas: int) -> Iterator[None]:
        """So many replicas of each while the block runs, all ready at its start, and one again, ready, at its end."""
        self._scale_all(deployments, replicas)
        try:
            yield
        finally:
            self._scale_all(deployments, 1)

    def _scale_all(self, deployments: Sequence[str], replicas: int) -> None:
        self.kubectl("scale", *(f"deployment/{name}" for name in deployments), f"--replicas={replicas}")
        self.await_ready(*DEPLOYMENTS)

    @contextmanager
    def door(self, service: str, port: int) -> Iterator[str]:
        """A URL of this machine that leads to a Service of the cluster."""
        with self.lab.forwarded(NAMESPACE, service, port) as address:
            yield f"http://{address}"

    def coopctl(self, *words: str, stdin: str | None = None, timeout_s: float = 300) -> str:
        """What a command of the office prints, run where an operator runs it: in the office's pod."""
        shell = ["exec", *(["--stdin"] if stdin is not None else []), "deployment/office", "--", "coopctl"]
        return self.kubectl(*shell, *words, stdin=stdin, timeout_s=timeout_s)

    def put(self, file: Path) -> str:
        """Copies a file into the office's pod; its path there."""
        there = f"/tmp/{file.name}"
        copy = ["exec", "--stdin", "deployment/office", "--", "sh", "-c", f"cat > {there}"]
        self.kubectl(*copy, stdin=file.read_text())
        return there

    def sql(self, database: str, statement: str) -> list[str]:
        """Rows of a query in the cluster's PostgreSQL, columns separated by `|`."""
        asked = ["psql", "--username", "postgres", "--dbname", database, "--tuples-only", "--no-align", "--command"]
        said = self.kubectl("exec", "postgres-0", "--", *asked, statement)
        return [line for line in said.splitlines() if line]

    def settle(self, patience_s: float = 300) -> None:
        """Waits until no service has an event to tell or to hear, or work that waits for a worker, twice in a row."""
        for _ in range(2):
            self.lab.until(lambda: not self.under_way(), "the services at rest", patience_s, every_s=1.0)

    def under_way(self) -> dict[str, int]:
        """What each service has yet to do, by its own word; nothing when all are at rest."""
        shell = ["exec", "--stdin", "deployment/office", "--", "python", "-"]
        said: dict[str, int] = json.loads(self.kubectl(*shell, stdin=_ASK_LAG, timeout_s=60))
        return {service: count for service, count in said.items() if count}

    def coopctl_status(self) -> str:
        """`coopctl status --json`, which ends with 1 when something wants a person and prints all the same."""
        shell = ["exec", "deployment/office", "--", "sh", "-c", "coopctl status --json || test $? -eq 1"]
        return self.kubectl(*shell, timeout_s=60)


def _is_ready(pod: dict[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))


def make_secrets() -> None:
    """Keys, certificates and passwords of the overlay, made anew for this cluster."""
    environment = {**os.environ, "COOPCTL": str(Path(shutil.which("coopctl") or ROOT / ".venv" / "bin" / "coopctl"))}
    done = subprocess.run(
        [str(OVERLAY / "make-secrets")], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"make-secrets ended with {done.returncode}: {done.stderr}"
