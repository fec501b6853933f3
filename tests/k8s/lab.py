"""The laboratory as tests use it: a real one-node cluster (deploy/lab), spoken to with kubectl and from inside."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.k8s.forward import Forward

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = PROJECT / "deploy" / "lab"
IMAGE = "localhost/acometida:dev"
CHECK_LACKS = 2
"""Exit code of deploy/lab/check when the machine cannot carry the lab."""


class LabMissing(Exception):
    """This machine cannot carry the lab; the message has a sentence for each thing that it lacks."""


class KubectlFailed(AssertionError):
    """kubectl ended with another code than 0; the message has the command and what it said."""


def require() -> None:
    """Raises LabMissing where the lab cannot run; as root on Debian the packages are installed first."""
    done = subprocess.run([SCRIPTS / "check", "--install"], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == CHECK_LACKS:
        raise LabMissing(done.stderr.strip())
    if done.returncode:
        raise RuntimeError(f"deploy/lab/check failed: {done.stderr.strip()}")


def is_up() -> bool:
    """Whether a lab runs on this machine, started by whomever."""
    return subprocess.run([SCRIPTS / "run", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def started() -> Iterator[Lab]:
    """The lab, built and started, with the images of the code as it is; ended afterwards unless it was up before.

    With LAB_IMAGES=loaded a lab that is up keeps the images it has. Raises LabMissing.
    """
    require()
    was_up = is_up()
    if not was_up:
        subprocess.run([SCRIPTS / "up"], check=True)
    elif os.environ.get("LAB_IMAGES") != "loaded":
        subprocess.run([SCRIPTS / "images"], check=True)
    try:
        yield Lab()
    finally:
        if not was_up:
            subprocess.run([SCRIPTS / "down"], check=True)


class Lab:
    """A running lab."""

    def kubectl(self, *arguments: str, input: str | None = None, timeout_s: float = 60) -> str:
        """What kubectl prints. Raises KubectlFailed with what it said when it ends with another code than 0."""
        done = self.try_kubectl(*arguments, input=input, timeout_s=timeout_s)
        if done.returncode:
            raise KubectlFailed(f"kubectl {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def try_kubectl(
        self, *arguments: str, input: str | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """kubectl's end, whatever it was: for what has to be refused."""
        return self.run("kubectl", *arguments, input=input, timeout_s=timeout_s)

    def run(self, *command: str, input: str | None = None, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """A program of this machine run inside the lab, where the addresses of pods and services are reached."""
        return subprocess.run(
            [SCRIPTS / "run", *command], input=input, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object, or a List, as `kubectl get ... -o json` gives it."""
        return dict(json.loads(self.kubectl("get", *arguments, "--output", "json")))

    def apply(self, source: Path | str | dict[str, Any] | list[dict[str, Any]], namespace: str = "") -> str:
        """Applies a kustomization's folder, a file, YAML text, an object or several."""
        where = ["--namespace", namespace] if namespace else []
        if isinstance(source, Path):
            how = "--kustomize" if source.is_dir() else "--filename"
            return self.kubectl("apply", *where, how, str(source), timeout_s=120)
        if isinstance(source, list):
            source = {"apiVersion": "v1", "kind": "List", "items": source}
        text = source if isinstance(source, str) else json.dumps(source)
        return self.kubectl("apply", *where, "--filename", "-", input=text, timeout_s=120)

    def exec(self, namespace: str, pod: str, *command: str, container: str = "", timeout_s: float = 120) -> str:
        """What a command in a container prints; `pod` may be a workload, such as deploy/office."""
        chosen = ["--container", container] if container else []
        return self.kubectl("exec", "--namespace", namespace, pod, *chosen, "--", *command, timeout_s=timeout_s)

    def logs(self, namespace: str, pod: str, *arguments: str) -> str:
        return self.kubectl("logs", "--namespace", namespace, pod, "--all-containers", *arguments)

    def rolled_out(self, namespace: str, *workloads: str, timeout_s: float = 180) -> None:
        """Waits until each workload (deployment/x, statefulset/y) runs as it was last applied, all pods ready."""
        deadline = time.monotonic() + timeout_s
        for workload in workloads:
            left = max(1, int(deadline - time.monotonic()))
            self.kubectl(
                "rollout", "status", workload, "--namespace", namespace, f"--timeout={left}s", timeout_s=left + 30
            )

    def wait(self, namespace: str, condition: str, *objects: str, timeout_s: float = 120) -> None:
        """Waits for a condition of objects: wait("ns", "condition=complete", "job/migrate")."""
        self.kubectl(
            "wait",
            "--namespace",
            namespace,
            f"--for={condition}",
            *objects,
            f"--timeout={int(timeout_s)}s",
            timeout_s=timeout_s + 30,
        )

    def until(self, reached: Callable[[], Any], what: str, timeout_s: float = 60, every_s: float = 0.5) -> Any:
        """The first truthy answer of `reached`. Raises AssertionError that names `what` after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not (answer := reached()):
            if time.monotonic() > deadline:
                raise AssertionError(f"Not after {timeout_s:.0f} s: {what}.")
            pause.wait(every_s)
        return answer

    def address(self, namespace: str, service: str) -> str:
        """The address of a service inside the lab."""
        return str(self.get("service", service, "--namespace", namespace)["spec"]["clusterIP"])

    @contextmanager
    def forwarded(self, namespace: str, service: str, port: int) -> Iterator[str]:
        """host:port on this machine's loopback address that leads to a service, whichever pods are behind it then.

        Unlike `kubectl port-forward`, which ends with the one pod that it chose, it follows the service.
        """
        with Forward((self.address(namespace, service), port), self.first_process) as forward:
            yield forward.address

    @property
    def first_process(self) -> int:
        """The process whose namespaces are the lab's."""
        folder = Path(os.environ.get("LAB_DIR", PROJECT / "var" / "cache" / "lab"))
        return int((folder / "run" / "init.pid").read_text())

    def evidence(self, namespaces: list[str]) -> str:
        """What a person looks at first after a failure: pods, events, and the end of every container's log."""
        parts = []
        for namespace in namespaces:
            for what in (
                "pods,jobs,deployments,statefulsets,services --output=wide",
                "events --sort-by=.lastTimestamp",
            ):
                parts.append(f"--- {namespace}: {what}")
                parts.append(self.try_kubectl("get", *what.split(), "--namespace", namespace).stdout)
            names = self.try_kubectl("get", "pods", "--namespace", namespace, "--output", "name").stdout.split()
            for name in names:
                for past in ([], ["--previous"]):
                    log = self.try_kubectl(
                        "logs", "--namespace", namespace, name, "--all-containers", "--prefix", "--tail=60", *past
                    )
                    if log.stdout.strip():
                        parts.append(f"--- {namespace} {name} {' '.join(past)}")
                        parts.append(log.stdout)
        return "\n".join(parts)
