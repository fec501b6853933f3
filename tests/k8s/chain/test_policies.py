"""The policies seen to refuse what they must: each door tried from a pod that has no business there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.k8s.chain.installation import NAMESPACE, SERVICES, Installation
from tests.k8s.lab import Lab

REFUSED, LET_IN = "refused", "open"
KNOCK = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor

def knock(door):
    host, _, port = door.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 4).close()
    except socket.gaierror:
        return "nameless"
    except (TimeoutError, OSError):
        return "refused"
    return "open"

doors = sys.argv[1:]
with ThreadPoolExecutor(len(doors)) as hands:
    print(*hands.map(knock, doors))
"""
WHO_REACHES_WHOM = {
    "billing-work": {
        "postgres:5432": LET_IN,
        "metering:8001": LET_IN,
        "mail:8024": REFUSED,
        "notifications:8001": REFUSED,
        # Outside the cluster, and the cluster's own door.
        "10.200.0.1:6443": REFUSED,
    },
    "notifications-work": {"mail:8024": LET_IN, "postgres:5432": LET_IN, "10.200.0.1:6443": REFUSED},
    "metering-work": {"billing:8001": REFUSED},
    "gateway": {
        "billing:8001": LET_IN,
        "postgres:5432": REFUSED,
        "kafka:9092": REFUSED,
        "mail:8024": REFUSED,
        "10.200.0.1:6443": REFUSED,
    },
    "office": {"postgres:5432": REFUSED, "kafka:9092": REFUSED},
}


def _knock(lab: Lab, namespace: str, workload: str, doors: Iterable[str]) -> dict[str, str]:
    """What a pod sees at each door; all at once, since who is refused waits four seconds for an answer."""
    asked = list(doors)
    said = lab.exec(namespace, workload, "python", "-c", KNOCK, *asked)
    return dict(zip(asked, said.split(), strict=True))


@pytest.mark.parametrize("who", WHO_REACHES_WHOM)
def test_who_reaches_whom(installation: Installation, who: str) -> None:
    expected = WHO_REACHES_WHOM[who]
    assert _knock(installation.lab, NAMESPACE, f"deployment/{who}", expected) == expected


def test_a_service_cannot_read_another_ones_database(installation: Installation) -> None:
    """notifications reaches the server, where its own database is; billing's lets it in by no login that it has."""
    ask = (
        "import psycopg, pathlib, sqlalchemy as sa\n"
        "url = sa.make_url(pathlib.Path('/run/acometida/database/url').read_text().strip())\n"
        "try:\n"
        "    sa.create_engine(url.set(database='billing')).connect()\n"
        "except sa.exc.OperationalError as refused:\n"
        "    print('refused', refused.orig)\n"
    )
    said = installation.lab.exec(NAMESPACE, "deployment/notifications-work", "python", "-c", ask)
    assert said.startswith("refused"), said
    assert "permission denied for database" in said


STRANGER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "stranger"},
    "spec": {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "localhost/acometida:dev",
                "imagePullPolicy": "IfNotPresent",
                "command": ["sleep", "600"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}


def test_a_stranger_reaches_no_service(installation: Installation, namespace: object) -> None:
    """A pod of another namespace; the gateway's own port is the one door that is open to everybody."""
    lab = installation.lab
    elsewhere = namespace()  # type: ignore[operator]
    lab.apply(STRANGER, elsewhere)
    lab.wait(elsewhere, "condition=Ready", "pod/stranger")
    inner = [*(f"{name}.{NAMESPACE}:8001" for name in SERVICES), f"postgres.{NAMESPACE}:5432"]
    inner += [f"kafka.{NAMESPACE}:9092", f"mail.{NAMESPACE}:8024"]
    doors = _knock(lab, elsewhere, "pod/stranger", [f"gateway.{NAMESPACE}:8000", *inner])
    assert doors == {f"gateway.{NAMESPACE}:8000": LET_IN, **dict.fromkeys(inner, REFUSED)}


def test_without_a_certificate_nobody_is_answered(installation: Installation) -> None:
    """Who gets past the policies, the office's pod, still needs a certificate of our own authority to be heard."""
    ask = (
        "import grpc\n"
        "from grpc_health.v1 import health_pb2, health_pb2_grpc\n"
        "channel = grpc.insecure_channel('billing:8001')\n"
        "try:\n"
        "    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)\n"
        "except grpc.RpcError as refused:\n"
        "    print('refused', refused.code())\n"
    )
    assert installation.lab.exec(NAMESPACE, "deployment/office", "python", "-c", ask).startswith("refused")
