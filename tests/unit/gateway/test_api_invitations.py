"""Invitations in the JSON API: one's own code, the code of who invited, and nothing of other people's supplies."""

from __future__ import annotations

import pytest

from services.chassis.errors import Refused
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes.world import OTHER_SUPPLY

BEARER = {"Authorization": "Bearer good-token"}
PATH = "/api/v1/supplies/sup-1/invitation"


def test_a_code_is_given_once_and_told_with_who_used_it(portal: Portal) -> None:
    before = portal.visitor.get(PATH, headers=BEARER).json
    assert before == {"code": "", "wh": 100_000, "used_at": [], "invited_at": None, "name_until": "2026-12-20"}
    first, again = (portal.visitor.post(PATH, headers=BEARER) for _ in range(2))
    assert (first.status_code, first.json["code"]) == (200, "7K3M-9QXF") and again.json == first.json
    portal.fakes.invitations.answer.used_at.add().FromJsonString("2026-11-20T09:00:00Z")
    assert portal.visitor.get(PATH, headers=BEARER).json["used_at"] == ["2026-11-20T09:00:00+00:00"]


def test_a_code_is_named_or_refused_with_its_reason(portal: Portal) -> None:
    named = portal.visitor.post(f"{PATH}/named", headers=BEARER, json={"code": "nope"})
    assert (named.status_code, named.content_type) == (422, "application/problem+json")
    assert named.json["reason"] == "INVITATION_MISSPELT"
    portal.world.failing["RedeemInvitation"] = Refused("Your own.", "INVITATION_OWN")
    own = portal.visitor.post(f"{PATH}/named", headers=BEARER, json={"code": "7k3m9qxf"})
    assert (own.status_code, own.json["reason"]) == (409, "INVITATION_OWN")
    del portal.world.failing["RedeemInvitation"]
    done = portal.visitor.post(f"{PATH}/named", headers=BEARER, json={"code": "7k3m9qxf"})
    assert (done.status_code, done.json) == (200, {"wh": 100_000})
    after = portal.visitor.get(PATH, headers=BEARER).json
    assert (after["invited_at"], after["name_until"]) == ("2026-11-21T12:00:00+00:00", None)


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", PATH), ("POST", f"{PATH}/named")])
def test_other_peoples_supplies_are_not_found_and_strangers_are_nobody(portal: Portal, method: str, path: str) -> None:
    body = {"json": {"code": "7k3m9qxf"}} if path.endswith("named") else {}
    other = path.replace("sup-1", OTHER_SUPPLY)
    assert portal.visitor.open(other, method=method, headers=BEARER, **body).status_code == 404
    assert portal.visitor.open(path, method=method, **body).status_code == 401
