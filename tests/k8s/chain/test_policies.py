"""The policies seen to refuse what they must: each door tried from a pod that has no business there."""

from __future__ import annotations

import pytest

from tests.k8s.chain.installation import NAMESPACE, Installation
from tests.k8s.lab import Lab

REFUSED, LET_IN = "refused", "open"
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 4).close()
except (TimeoutError, OSError) as refused:
    print("refused", refused)
else:
    print("open")
"""


def _knock(lab: Lab, namespace: str, workload: str, host: str, port: int) -> str:
    """First word of what a pod saw at a door; waits four seconds for an answer."""
    said = lab.exec(namespace, workload, "python", "-c", KNOCK, host, str(port))
    return said.split()[0]


@pytest.mark.parametrize(
    ("who", "host", "port", "seen"),
    [
        ("billing-work", "postgres", 5432, LET_IN),
        ("billing-work", "metering", 8001, LET_IN),
        ("notifications-work", "mail", 8024, LET_IN),
        ("gateway", "billing", 8001, LET_IN),
        ("gateway", "postgres", 5432, REFUSED),
        ("gateway", "kafka", 9092, REFUSED),
        ("gateway", "mail", 8024, REFUSED),
        ("billing-work", "mail", 8024, REFUSED),
        ("billing-work", "notifications", 8001, REFUSED),
        ("metering-work", "billing", 8001, REFUSED),
        ("office", "postgres", 5432, REFUSED),
        ("office", "kafka", 9092, REFUSED),
        # Outside the cluster, and the cluster's own door.
        ("billing-work", "10.200.0.1", 6443, REFUSED),
        ("gateway", "10.200.0.1", 6443, REFUSED),
    ],
)
def test_who_reaches_whom(installation: Installation, who: str, host: str, port: int, seen: str) -> None:
    assert _knock(installation.lab, NAMESPACE, f"deployment/{who}", host, port) == seen


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
    doors = {
        f"{host}:{port}": _knock(lab, elsewhere, "pod/stranger", f"{host}.{NAMESPACE}", port)
        for host, port in (
            ("gateway", 8000),
            ("identity", 8001),
            ("supplies", 8001),
            ("metering", 8001),
            ("billing", 8001),
            ("notifications", 8001),
            ("postgres", 5432),
            ("kafka", 9092),
            ("mail", 8024),
        )
    }
    assert doors.pop("gateway:8000") == LET_IN
    assert set(doors.values()) == {REFUSED}, doors


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
