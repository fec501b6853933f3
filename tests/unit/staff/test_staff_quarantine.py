"""`coopctl readings quarantine`: what it asks of metering, and what it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from coop.identity.v1 import identity_service_pb2, identity_service_pb2_grpc
from coop.metering.v1 import metering_service_pb2 as pb
from coop.metering.v1 import metering_service_pb2_grpc
from grpc_status import rpc_status

from services.chassis.errors import NotFound
from services.chassis.grpc.status import to_status
from services.staff.cli import run
from services.staff.session import Session, SessionFile

Capture = pytest.CaptureFixture[str]


def row(number: int, can_retry: bool = True, reason: str = "There is no hour 25.") -> pb.QuarantinedRow:
    return pb.QuarantinedRow(
        import_id="i-1",
        number=number,
        file_name="june.zip",
        member="a.csv",
        line=number + 2,
        point="ES0575000000000877HA",
        value="ES0575000000000877HA;1;25",
        reason=reason,
        state="open",
        can_retry=can_retry,
    )


class Services(metering_service_pb2_grpc.MeteringServiceServicer, identity_service_pb2_grpc.IdentityServiceServicer):
    """Identity and metering, as far as these commands ask."""

    def __init__(self) -> None:
        self.asked: list[pb.ListQuarantineRequest] = []
        self.settled: list[pb.SettleQuarantineRequest] = []

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token="token")
        answer.expires_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
        return answer

    def GetStaffNames(self, request: Any, context: Any) -> Any:
        assert list(request.ids) == ["1"]
        eva = identity_service_pb2.StaffName(id="1", name="Eva Ruiz")
        return identity_service_pb2.GetStaffNamesResponse(staff=[eva])

    def ListQuarantine(self, request: pb.ListQuarantineRequest, context: Any) -> pb.ListQuarantineResponse:
        self.asked.append(request)
        if request.state == "discarded":
            settled = row(0)
            settled.state, settled.settled_by = "discarded", "staff:1"
            return pb.ListQuarantineResponse(rows=[settled])
        first = not request.page_token
        return pb.ListQuarantineResponse(rows=[row(0 if first else 1)], next_page_token="more" if first else "")

    def SettleQuarantine(self, request: pb.SettleQuarantineRequest, context: Any) -> pb.SettleQuarantineResponse:
        if request.import_id == "none":
            context.abort_with_status(rpc_status.to_status(to_status(NotFound("There is no import 'none'."))))
        self.settled.append(request)
        if request.action == pb.QUARANTINE_ACTION_DISCARD:
            return pb.SettleQuarantineResponse(discarded=1_200)
        return pb.SettleQuarantineResponse(taken=3, still_open=[row(4, False, "A quarter is missing.")])


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Services]:
    found, server = Services(), grpc.server(ThreadPoolExecutor(2))
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(found, server)
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(found, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for name in ("METERING", "IDENTITY"):
        monkeypatch.setenv(f"COOP_{name}_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    yield found
    server.stop(None)


def test_the_list_goes_through_every_page(services: Services, capsys: Capture) -> None:
    assert run(["readings", "quarantine", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(one["number"], one["line"], one["can_retry"]) for one in rows] == [(0, 2, True), (1, 3, True)]
    assert [(one.state, one.import_id) for one in services.asked] == [("open", "")] * 2
    assert run(["readings", "quarantine", "list", "--import", "i-1", "--state", "discarded", "--limit", "1"]) == 0
    said = capsys.readouterr().out
    assert "june.zip a.csv" in said and "There is no hour 25." in said and said.rstrip().endswith("Eva Ruiz")
    assert (services.asked[-1].state, services.asked[-1].import_id) == ("discarded", "i-1")


def test_retry_tells_what_was_taken_and_what_was_refused_again(services: Services, capsys: Capture) -> None:
    assert run(["readings", "quarantine", "retry", "i-1", "4", "2", "2"]) == 0
    (asked,) = services.settled
    assert (asked.action, asked.import_id, list(asked.numbers)) == (pb.QUARANTINE_ACTION_RETRY, "i-1", [2, 4])
    assert asked.request_id
    printed = capsys.readouterr()
    assert "Rows taken: 3. Refused again: 1." in printed.err and "import it, then discard them" in printed.err
    assert "A quarter is missing." in printed.out
    assert run(["readings", "quarantine", "retry", "i-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["taken"] == 3
    assert not services.settled[1].numbers and services.settled[1].request_id != asked.request_id


def test_discard_tells_how_many(services: Services, capsys: Capture) -> None:
    assert run(["readings", "quarantine", "discard", "i-1"]) == 0
    assert services.settled[0].action == pb.QUARANTINE_ACTION_DISCARD
    assert "Rows discarded: 1,200." in capsys.readouterr().err
    assert run(["readings", "quarantine", "discard", "none"]) == 1
    assert capsys.readouterr().err == "There is no import 'none'.\n"
