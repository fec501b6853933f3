"""Inviting somebody in the portal: one's own code, and the code by which a new supply came."""

from __future__ import annotations

import pytest
from coop.supplies.v1 import invitations_service_pb2 as pb

from services.chassis.errors import Refused, Unavailable
from tests.unit.gateway.conftest import Portal, token_of
from tests.unit.gateway.fakes.world import OTHER_SUPPLY
from tests.unit.gateway.test_pages import text

PAGE = "/s/sup-1/invitation"


def sent(portal: Portal, kind: type) -> list:
    return [each for each in portal.world.requests if isinstance(each, kind)]


def test_a_member_gets_a_code_and_sees_who_used_it(portal: Portal) -> None:
    page = portal.member.get(PAGE).text
    assert "Pedir mi código" in text(page) and "100 kWh de tu próxima factura y 100 kWh de la suya" in text(page)
    hidden = page.split('name="request_id" value="')[1].split('"')[0]
    data = {"csrf_token": token_of(page), "request_id": hidden}
    for _ in range(2):
        assert portal.member.post(PAGE, data=data).headers["Location"] == PAGE
    assert [each.request_id for each in sent(portal, pb.CreateInvitationRequest)] == [hidden, hidden]
    portal.fakes.invitations.answer.used_at.add().FromJsonString("2026-11-20T09:00:00Z")
    said = text(portal.member.get(PAGE).text)
    assert "7K3M-9QXF" in said and "Lo ha usado 1 persona" in said and "Pedir mi código" not in said


def test_a_new_member_names_the_code_of_who_invited_them(portal: Portal) -> None:
    page = portal.member.get(PAGE).text
    assert "Vale hasta el 20 de diciembre" in text(page)
    answer = portal.member.post(f"{PAGE}/named", data={"csrf_token": token_of(page), "code": " 7k3m9qxf "})
    assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    said = text(portal.member.get(PAGE).text)
    assert "Gracias" in said and "vino por una invitación" in said and "¿Te han invitado?" not in said


def test_a_code_that_does_not_hold_is_said_beside_its_field(portal: Portal) -> None:
    page = portal.member.get(PAGE).text
    data = {"csrf_token": token_of(page), "code": "nope"}
    answer = portal.member.post(f"{PAGE}/named", data=data)
    assert answer.status_code == 422 and "Eso no es un código" in text(answer.text) and 'value="nope"' in answer.text
    portal.world.failing["RedeemInvitation"] = Refused("Your own.", "INVITATION_OWN")
    assert "tu propio código" in text(portal.member.post(f"{PAGE}/named", data=data).text)
    assert "Escribe el código" in text(portal.member.post(f"{PAGE}/named", data={**data, "code": ""}).text)


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/named"])
def test_other_peoples_supplies_are_not_found(portal: Portal, path: str) -> None:
    token = token_of(portal.member.get(PAGE).text)
    other = path.replace("sup-1", OTHER_SUPPLY)
    assert portal.member.post(other, data={"csrf_token": token, "code": "7k3m9qxf"}).status_code == 404
    assert portal.member.get(PAGE.replace("sup-1", OTHER_SUPPLY)).status_code == 404


def test_it_says_so_while_supplies_does_not_answer_and_where_there_are_no_invitations(portal: Portal) -> None:
    portal.fakes.invitations.answer.CopyFrom(pb.GetInvitationResponse())
    assert "no tiene invitaciones" in text(portal.member.get(PAGE).text)
    portal.world.failing["GetInvitation"] = Unavailable("Down.")
    assert "dentro de unos minutos" in text(portal.member.get(PAGE).text)
