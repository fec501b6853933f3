"""`coopctl status`: with everything there, with a service down, with nobody signed in, and what it says needs a person."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.common.v1 import operations_service_pb2 as pb
from coop.common.v1 import operations_service_pb2_grpc as pb_grpc
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.local.ports import free_port
from services.staff.cli import run
from services.staff.session import Session, SessionFile
from services.staff.status_findings import Figure, ServiceStatus, duration, findings

NAMES = ("identity", "supplies", "metering", "billing", "notifications")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {
    "coop_outbox_pending": 3.0,
    "coop_outbox_age_seconds": 1.0,
    "coop_dead_letters_open": 0.0,
    "coop_jobs_waiting": 0.0,
}


class Anybody(identity_service_pb2_grpc.IdentityServiceServicer, pb_grpc.OperationsServiceServicer):
    """One service, whichever; it answers for identity too."""

    def __init__(self, name: str, figures: dict[str, float]) -> None:
        self.name, self.figures = name, figures
        self.backup_at = datetime.now(UTC)

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token="token")
        answer.expires_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
        return answer

    def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:
        assert dict(context.invocation_metadata())["authorization"] == "Bearer token"
        answer = pb.GetStatusResponse(service=self.name, version="0.1.0", schema_state="head", schema_revision="0007")
        answer.figures.extend(pb.StatusFigure(metric=name, value=value) for name, value in self.figures.items())
        if self.name == "identity":
            done = pb.StatusFigure(metric="coop_routine_done_timestamp_seconds", value=self.backup_at.timestamp())
            done.labels["routine"] = "backup"
            answer.figures.append(done)
        return answer


class Installation:
    """The five services, each on a port of its own, and a gateway that answers `/readyz` and `/version`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gateway: str) -> None:
        self.services = {name: Anybody(name, dict(GOOD)) for name in NAMES}
        self.servers: dict[str, grpc.Server] = {}
        for name, service in self.services.items():
            server = grpc.server(ThreadPoolExecutor(2))
            told = health.HealthServicer()
            told.set("readiness", health_pb2.HealthCheckResponse.SERVING)
            health_pb2_grpc.add_HealthServicer_to_server(told, server)
            identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(service, server)
            pb_grpc.add_OperationsServiceServicer_to_server(service, server)
            port = server.add_insecure_port("127.0.0.1:0")
            server.start()
            self.servers[name] = server
            monkeypatch.setenv(f"COOP_{name.upper()}_ADDRESS", f"127.0.0.1:{port}")
        monkeypatch.setenv("COOP_GATEWAY_URL", gateway)

    def stop(self, *names: str) -> None:
        for name in names:
            self.servers[name].stop(None).wait(5)


@pytest.fixture
def gateway() -> Iterator[str]:
    """A gateway's two addresses."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"name": "acometida", "version": "0.1.0", "commit": "source"}).encode()
            ours = self.path in ("/readyz", "/version")
            body = body if ours else b"<html>somebody else's</html>"
            self.send_response(200 if ours else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gateway: str) -> Iterator[Installation]:
    made = Installation(monkeypatch, gateway)
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    yield made
    made.stop(*NAMES)


def test_all_is_well(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    said = capsys.readouterr()
    assert said.out.count("ready") == 6 and said.out.count("0007 head") == 5
    assert said.err == "Nothing needs anybody.\n"
    assert run(["status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["good"] and told["gateway"]["version"] == "0.1.0" and len(told["services"]) == 5


def test_a_service_that_is_down_hides_no_other(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.services["metering"].figures["coop_dead_letters_open"] = 2.0
    installation.stop("billing")
    assert run(["status"]) == 1
    said = capsys.readouterr()
    assert said.out.count("0007 head") == 4 and "down" in said.out
    assert "billing does not answer" in said.err and "docs/runbook.md#processdown" in said.err
    assert "2 events of metering wait for a decision. See docs/runbook.md#deadletters." in said.err


def test_without_identity_it_still_sees_who_is_ready(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.stop("identity")
    assert run(["status", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [service["ready"] for service in told["services"]] == [False, True, True, True, True]
    assert [finding["about"] for finding in told["findings"]] == ["ProcessDown", *["StatusUnknown"] * 4]


def test_with_nobody_signed_in_and_no_gateway(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    SessionFile(tmp_path).remove()
    monkeypatch.setenv("COOP_GATEWAY_URL", f"http://127.0.0.1:{free_port()}")
    assert run(["status"]) == 1
    said = capsys.readouterr()
    assert said.out.count("ready") == 5 and "0007" not in said.out
    assert "coopctl login" in said.err and "gateway does not answer" in said.err


def test_an_address_where_something_else_answers_is_no_gateway(
    installation: Installation, gateway: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COOP_GATEWAY_URL", f"{gateway}/elsewhere")
    assert run(["status"]) == 1
    assert f"gateway does not answer. (At {gateway}/elsewhere answers something else.)" in capsys.readouterr().err


def _one(name: str, **figures: float) -> list[str]:
    seen = [Figure(f"coop_{metric}", value, {"file": "tls.crt"}) for metric, value in figures.items()]
    service = ServiceStatus(name, True, True, schema_state="head", figures=seen)
    gateway = ServiceStatus("gateway", True, True)
    return [finding.about for finding in findings([service], gateway, NOW)]


@pytest.mark.parametrize(
    ("metric", "good", "bad", "about"),
    [
        ("outbox_age_seconds", 300, 301, "OutboxStuck"),
        ("dead_letters_open", 0, 1, "DeadLetters"),
        ("mails_age_seconds", 900, 901, "MailsWait"),
        ("mails_failed_24h", 20, 21, "MailsFailed"),
        ("imports_age_seconds", 3600, 3601, "ImportBrokeOff"),
        ("bill_run_age_seconds", 21600, 21601, "BillRunStuck"),
        ("charges_refused", 0, 1, "ChargeNotIssued"),
        ("charges_age_seconds", 3600, 3601, "ChargeNotIssued"),
        ("card_notifications_refused_24h", 0, 1, "CardNotificationRefused"),
        ("bank_movements_age_seconds", 604800, 604801, "BankMovementsWait"),
        ("ledger_differences", 0, 1, "LedgerDiffers"),
        (
            "certificate_expiry_timestamp_seconds",
            (NOW + timedelta(days=21)).timestamp(),
            (NOW + timedelta(days=20)).timestamp(),
            "CertificateEnds",
        ),
    ],
)
def test_what_needs_a_person(metric: str, good: float, bad: float, about: str) -> None:
    assert _one("billing", **{metric: good}) == []
    assert _one("billing", **{metric: bad}) == [about]


def test_a_full_disk_a_schema_a_consumer_and_what_could_not_be_seen() -> None:
    assert _one("metering", data_disk_free_bytes=10, data_disk_size_bytes=100) == []
    assert _one("metering", data_disk_free_bytes=9, data_disk_size_bytes=100) == ["DiskFull"]
    lag = [Figure("coop_consumer_lag", 5000, {"consumer": "documents", "deferred": "yes"})]
    stuck = [Figure("coop_consumer_lag", 5000, {"consumer": "billing", "deferred": "no"})]
    gateway = ServiceStatus("gateway", True, False)
    found = findings(
        [
            ServiceStatus("metering", True, True, schema_state="older", schema_revision="0003", figures=lag),
            ServiceStatus("billing", True, False, schema_state="newer", figures=stuck, problems=["No log."]),
        ],
        gateway,
        NOW,
    )
    about = [(one.service, one.about) for one in found]
    assert about == [
        ("metering", "SchemaNotServed"),
        ("billing", "NotReady"),
        ("billing", "FiguresStale"),
        ("billing", "ConsumerStuck"),
        ("gateway", "NotReady"),
    ]


@pytest.mark.parametrize(("hours", "about"), [(25, []), (27, ["BackupOld"])])
def test_a_backup_grows_old(hours: int, about: list[str]) -> None:
    done = Figure(
        "coop_routine_done_timestamp_seconds", (NOW - timedelta(hours=hours)).timestamp(), {"routine": "backup"}
    )
    identity = ServiceStatus("identity", True, True, version="0.1.0", figures=[done])
    assert [one.about for one in findings([identity], ServiceStatus("gateway", True, True), NOW)] == about


def test_durations_are_said_as_people_do() -> None:
    assert [duration(seconds) for seconds in (45, 720, 7200, 259_200)] == ["45 s", "12 min", "2 h", "3 days"]
