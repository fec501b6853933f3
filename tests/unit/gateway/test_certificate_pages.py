"""Days and hours on the pages of certificates: they are read by others, and later."""

from __future__ import annotations

from datetime import UTC, datetime

from services.chassis.clock import FixedClock
from tests.unit.gateway.conftest import Portal, token_of


def test_a_refusal_speaks_of_its_own_instant(portal: Portal) -> None:
    """The same request asked again has the answer of before."""
    page = portal.member.get("/s/sup-1/certificates").text
    portal.world.overdue, portal.world.clock = True, FixedClock(datetime(2026, 11, 20, 9, 5, tzinfo=UTC))
    refused = portal.member.post("/s/sup-1/certificates", data={"csrf_token": token_of(page)})
    assert "20 de noviembre de 2026, 10:05" in refused.text


def test_the_last_day_of_a_certificate_has_its_year(portal: Portal) -> None:
    page = portal.member.get("/s/sup-1/certificates").text
    sent = {"csrf_token": token_of(page)}
    granted = portal.member.post("/s/sup-1/certificates", data=sent, follow_redirects=True)
    assert "21 de diciembre de 2026" in granted.text
    verified = portal.visitor.get("/verify?code=7Q4M-2K9D-XW3R-5TBN")
    assert "21 de diciembre de 2026" in verified.text
