"""`coopctl bill release` names the person who let a held bill go, and an id for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.billing.v1 import billing_service_pb2 as pb
from coop.identity.v1 import identity_service_pb2 as identity_pb2

from services.staff import bills
from services.staff.cli import run


class Office:
    class billing:
        @staticmethod
        def ReleaseHeldBill(request: pb.ReleaseHeldBillRequest) -> pb.ReleaseHeldBillResponse:
            return pb.ReleaseHeldBillResponse(why=request.why, released_by="staff:ana")

    class identity:
        @staticmethod
        def GetStaffNames(request: Any, timeout: float) -> Any:
            return identity_pb2.GetStaffNamesResponse(
                staff=[identity_pb2.StaffName(id=each, name="Ana Gil") for each in request.ids]
            )

    def calling(self, service: str) -> Any:
        return nullcontext()


def test_people_read_a_name_and_programs_an_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(bills, "signed_in", signed_in)
    command = ["bill", "release", "5555/1", "--month", "2026-10", "--reason", "A new bakery."]
    assert run(command) == 0
    told = capsys.readouterr().out
    assert "Ana Gil" in told and "staff:ana" not in told
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["released_by"] == "staff:ana"
