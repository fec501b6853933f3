"""Direct debit in the portal: whether bills are collected, from which account, and since when."""

from __future__ import annotations

import pytest
from coop.billing.v1 import direct_debit_service_pb2 as pb

from services.chassis.errors import Unavailable
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.fakes.world import OTHER_SUPPLY
from tests.unit.gateway.test_pages import text

PAGE = "/s/sup-1/direct-debit"


def test_a_member_sees_the_masked_account_and_from_when_it_holds(portal: Portal) -> None:
    assert PAGE in portal.member.get("/s/sup-1/").text
    mandate = portal.fakes.direct_debits.answer.mandate
    mandate.CopyFrom(
        pb.MemberMandate(
            reference="ES0575000000000877HA-1",
            iban_masked="ES79 **** 6789",
            holder="Ana Pérez",
            since="2026-11-20",
            holds_from="2026-12-11",
        )
    )
    said = text(portal.member.get(PAGE).text)
    for part in ("Domiciliadas", "ES79 **** 6789", "Ana Pérez", "20 de noviembre", "a partir del 11 de diciembre"):
        assert part in said
    mandate.holds_from = ""
    assert "a partir del" not in text(portal.member.get(PAGE).text)


def test_without_a_mandate_it_says_how_to_pay_and_how_to_get_one(portal: Portal) -> None:
    said = text(portal.member.get(PAGE).text)
    assert "Sin domiciliar" in said and "al menos 21 días después" in said and "Orden de domiciliación" not in said


def test_other_peoples_are_not_found_and_a_service_that_is_down_is_said(portal: Portal) -> None:
    assert portal.member.get(PAGE.replace("sup-1", OTHER_SUPPLY)).status_code == 404
    portal.world.failing["GetDirectDebit"] = Unavailable("Down.")
    assert "dentro de unos minutos" in text(portal.member.get(PAGE).text)


def test_where_nothing_is_collected_there_is_no_page(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(portal.app.extensions["coop.profile"].raw, "direct_debit", {})
    assert portal.member.get(PAGE).status_code == 404
    assert PAGE not in portal.member.get("/s/sup-1/").text
