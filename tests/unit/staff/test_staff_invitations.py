"""`coopctl invitations`: what it sends and prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from coop.supplies.v1 import invitations_service_pb2 as pb

from services.chassis.errors import Refused
from services.staff import invitations
from services.staff.cli import run


class Supplies:
    """A stub that remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.code = pb.Invitation(code="7K3M-9QXF", member_number="5555", used=2)
        self.code.created_at.FromJsonString("2026-11-20T09:00:00Z")

    def CreateInvitation(self, request: Any) -> Any:
        self.sent.append(request)
        return pb.CreateInvitationResponse(invitation=self.code)

    def ListInvitations(self, request: Any) -> Any:
        first = not request.page_token
        return pb.ListInvitationsResponse(invitations=[self.code], next_page_token="more" if first else "")

    def RevokeInvitation(self, request: Any) -> Any:
        self.sent.append(request)
        self.code.revoked_at.FromJsonString("2026-11-21T09:00:00Z")
        return pb.RevokeInvitationResponse(invitation=self.code)

    def RedeemInvitation(self, request: Any) -> Any:
        self.sent.append(request)
        if request.supply_id == "5555/1":
            raise Refused("Nobody invites themselves.", "INVITATION_OWN")
        return pb.RedeemInvitationResponse(wh=100_000)


@pytest.fixture
def supplies(monkeypatch: pytest.MonkeyPatch) -> Supplies:
    made = Supplies()

    class Office:
        def stub(self, service: str, kind: Any) -> Supplies:
            return made

        def calling(self, service: str) -> Any:
            return nullcontext()

    @contextmanager
    def signed_in() -> Iterator[Office]:
        yield Office()

    monkeypatch.setattr(invitations, "signed_in", signed_in)
    return made


def test_each_command_says_what_it_did(supplies: Supplies, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for words in ("create 5555/1", "redeem 5601/1 7k3m9qxf", "revoke 7K3M-9QXF", "list"):
        assert run(["invitations", *words.split()]) == 0
        said.append(capsys.readouterr().out)
    assert "7K3M-9QXF is the code of member 5555." in said[0]
    assert "each of the two is owed 100 kWh" in said[1]
    assert "revoked since 2026-11-21; 2 new supplies named it" in said[2]
    assert said[3].count("7K3M-9QXF") == 2
    assert [each.request_id != "" for each in supplies.sent] == [True] * 3


def test_programs_read_json_and_repeat_safely(supplies: Supplies, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invitations", "create", "5555/1", "--request-id", "r", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["code"] == "7K3M-9QXF"
    assert run(["invitations", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["invitations"]) == 2
    assert run(["invitations", "redeem", "5601/1", "7K3M-9QXF", "--json"]) == 0
    assert int(json.loads(capsys.readouterr().out)["wh"]) == 100_000
    assert supplies.sent[0].request_id == "r"


def test_a_refusal_is_a_sentence(supplies: Supplies, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invitations", "redeem", "5555/1", "7K3M-9QXF"]) != 0
    assert "Nobody invites themselves." in capsys.readouterr().err
