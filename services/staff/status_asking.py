"""Asks every service and the gateway how they are, all at once; whoever does not answer holds nobody up."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from coop.common.v1 import operations_service_pb2 as pb
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.chassis.errors import CoopError
from services.staff.office import SERVICES, Office
from services.staff.status_findings import Figure, ServiceStatus, moment

HEALTH_S, STATUS_S, GATEWAY_S = 3.0, 30.0, 3.0
READINESS = "readiness"
NO_ENTRY = (
    "identity does not answer, and without it nobody is let in; whether a service is ready is all that can be seen."
)
NOT_SIGNED_IN = "Nobody is signed in: run 'coopctl login' to see more than whether it is ready."


def ask(office: Office, *, signed_in: bool, gateway_url: str) -> tuple[list[ServiceStatus], ServiceStatus]:
    """The services in their order, and the gateway."""
    with ThreadPoolExecutor(len(SERVICES) + 1) as pool:
        gateway = pool.submit(_gateway, gateway_url)
        healths = dict(zip(SERVICES, pool.map(lambda name: _health(office, name), SERVICES), strict=True))
        if not healths["identity"].reachable:
            answers = [_without(healths[name], NO_ENTRY) for name in SERVICES]
        elif not signed_in:
            answers = [_without(healths[name], NOT_SIGNED_IN) for name in SERVICES]
        else:
            answers = list(pool.map(lambda name: _status(office, healths[name]), SERVICES))
        return answers, gateway.result()


def _health(office: Office, name: str) -> ServiceStatus:
    """Only whether it answers and is ready, for which nobody needs to be signed in."""
    stub = office.anybody(name, HealthStub)
    try:
        answer = stub.Check(health_pb2.HealthCheckRequest(service=READINESS), timeout=HEALTH_S)
    except grpc.RpcError as error:
        code = error.code()  # type: ignore[attr-defined]
        return ServiceStatus(name, reachable=False, ready=False, error=f"({office.address(name)}: {code.name})")
    return ServiceStatus(name, reachable=True, ready=answer.status == health_pb2.HealthCheckResponse.SERVING)


def _without(health: ServiceStatus, why: str) -> ServiceStatus:
    if not health.reachable:
        return health
    return ServiceStatus(health.name, reachable=True, ready=health.ready, error=why)


def _status(office: Office, health: ServiceStatus) -> ServiceStatus:
    if not health.reachable:
        return health
    name = health.name
    try:
        with office.calling(name):
            answer = office.operations(name).GetStatus(pb.GetStatusRequest(), timeout=STATUS_S)
    except CoopError as error:
        return ServiceStatus(name, reachable=True, ready=health.ready, error=error.message)
    return ServiceStatus(
        name,
        reachable=True,
        ready=health.ready,
        version=answer.version,
        commit=answer.commit,
        started_at=moment(answer.started_at.seconds),
        schema_state=answer.schema_state,
        schema_revision=answer.schema_revision,
        figures=[Figure(one.metric, one.value, dict(one.labels)) for one in answer.figures],
        problems=list(answer.problems),
    )


def _gateway(url: str) -> ServiceStatus:
    base = url.rstrip("/")
    try:
        ready = _get(f"{base}/readyz")[0] == 200
        told: dict[str, Any] = json.loads(_get(f"{base}/version")[1])
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", "") or error
        return ServiceStatus("gateway", reachable=False, ready=False, error=f"({base}: {reason})")
    except ValueError:
        return ServiceStatus("gateway", reachable=False, ready=False, error=f"(At {base} answers something else.)")
    return ServiceStatus(
        "gateway", reachable=True, ready=ready, version=told.get("version", ""), commit=told.get("commit", "")
    )


def _get(url: str) -> tuple[int, bytes]:
    """Status and body; an answer that is an error is an answer."""
    try:
        with urllib.request.urlopen(url, timeout=GATEWAY_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
