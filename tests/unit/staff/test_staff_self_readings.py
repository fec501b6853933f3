"""`coopctl readings self`: listing members' own readings and saving a photo."""

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

PHOTO = b"\xff\xd8 a photo \xff\xd9"


class Services(metering_service_pb2_grpc.MeteringServiceServicer, identity_service_pb2_grpc.IdentityServiceServicer):
    """Identity and metering, as far as these commands ask."""

    def IssueAccessToken(self, request: Any, context: Any) -> Any:
        answer = identity_service_pb2.IssueAccessTokenResponse(access_token="token")
        answer.expires_at.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
        return answer

    def ListSelfReadings(self, request: pb.ListSelfReadingsRequest, context: Any) -> pb.ListSelfReadingsResponse:
        number = int(request.page_token or 1)
        shown = [pb.SubmitSelfReadingRequest.Shown(register="P1", value=12_575)]
        one = pb.SelfReadingReceipt(
            receipt=f"RECEIPT-{number}",
            account_number="5555/1",
            day="2026-10-28",
            unit="kWh",
            shown=shown,
            state="counts",
        )
        return pb.ListSelfReadingsResponse(readings=[one], next_page_token="2" if number == 1 else "")

    def GetSelfReadingPhoto(self, request: pb.GetSelfReadingPhotoRequest, context: Any) -> Any:
        if request.receipt != "RECEIPT-1":
            error = NotFound(f"There is no receipt {request.receipt!r} of a self-reading.")
            context.abort_with_status(rpc_status.to_status(to_status(error)))
        return pb.GetSelfReadingPhotoResponse(content_type="image/jpeg", content=PHOTO)


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    server = grpc.server(ThreadPoolExecutor(2))
    metering_service_pb2_grpc.add_MeteringServiceServicer_to_server(Services(), server)
    identity_service_pb2_grpc.add_IdentityServiceServicer_to_server(Services(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    for name in ("METERING", "IDENTITY"):
        monkeypatch.setenv(f"COOP_{name}_ADDRESS", f"127.0.0.1:{port}")
    monkeypatch.setenv("COOP_CONFIG_DIR", str(tmp_path))
    SessionFile(tmp_path).save(Session("office@example.org", "Office", "good", "2026-12-01T00:00:00Z"))
    yield
    server.stop(None)


def test_the_list_goes_through_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["readings", "self", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["receipt"] for one in document["self_readings"]] == ["RECEIPT-1", "RECEIPT-2"]
    assert document["self_readings"][0]["shown"] == [{"register": "P1", "value": 12_575}]
    assert run(["readings", "self", "list", "--limit", "1"]) == 0
    said = capsys.readouterr().out
    assert "RECEIPT-1" in said and "P1 12,575" in said and "RECEIPT-2" not in said


def test_a_photo_is_saved_under_its_receipt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    assert run(["readings", "self", "photo", "RECEIPT-1", "-o", str(folder)]) == 0
    assert (folder / "RECEIPT-1.jpg").read_bytes() == PHOTO
    assert run(["readings", "self", "photo", "RECEIPT-1", "-o", str(tmp_path / "meter.jpg")]) == 0
    assert (tmp_path / "meter.jpg").read_bytes() == PHOTO
    capsys.readouterr()
    assert run(["readings", "self", "photo", "RECEIPT-1", "-o", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "receipt": "RECEIPT-1",
        "content_type": "image/jpeg",
        "bytes": len(PHOTO),
    }
    assert run(["readings", "self", "photo", "NONE", "-o", str(folder)]) == 1
    assert capsys.readouterr().err == "There is no receipt 'NONE' of a self-reading.\n"
