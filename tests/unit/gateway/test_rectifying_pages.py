"""A rectifying invoice on the member's pages: what it corrects, why, and in which parts it is paid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from coop.billing.v1 import billing_pb2
from coop.common.v1.types_pb2 import Money

from services.gateway.compose.invoices import StatementView
from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.test_pages import text


def rectify(portal: Portal) -> None:
    """The second invoice corrects the first one, and is paid in two parts."""
    original, rectifying = portal.world.invoices[0], portal.world.invoices[1]
    original.rectified_by.append(rectifying.number)
    rectifying.kind = "rectifying"
    rectifying.rectifies = original.number
    rectifying.rectification_reason = "The meter has three phases"
    rectifying.state = billing_pb2.INVOICE_STATE_OPEN
    for due in ("2026-12-11", "2027-01-11"):
        part = billing_pb2.Instalment(due_date=due, amount=Money(amount="2.49", currency_code="EUR"))
        rectifying.instalments.append(part)


def test_the_list_names_both_ways(portal: Portal) -> None:
    rectify(portal)
    original, rectifying = portal.world.invoices[0], portal.world.invoices[1]
    said = text(portal.member.get("/s/sup-1/invoices").text)
    assert f"Rectifica {original.number}" in said
    assert f"Rectificada por {rectifying.number}" in said
    for each in (original, rectifying):
        assert f'href="/s/sup-1/invoices/{each.number}"' in portal.member.get("/s/sup-1/invoices").text


def test_each_page_says_what_it_is(portal: Portal) -> None:
    rectify(portal)
    original, rectifying = portal.world.invoices[0], portal.world.invoices[1]
    said = text(portal.member.get(f"/s/sup-1/invoices/{rectifying.id}").text)
    assert "Factura rectificativa de" in said
    assert f"Corrige la factura {original.number} , que queda como se emitió." in said
    assert f'href="/s/sup-1/invoices/{original.number}"' in portal.member.get(f"/s/sup-1/invoices/{rectifying.id}").text
    assert "Motivo: The meter has three phases." in said
    assert "Se paga a plazos" in said
    assert "11 de diciembre" in said
    assert f"La corrige {rectifying.number} ." in text(portal.member.get(f"/s/sup-1/invoices/{original.id}").text)


@pytest.mark.parametrize(("total", "said"), [("-9.08", "Nota de crédito de"), ("9.08", "Nota de débito de")])
def test_argentine_pages_speak_of_notes(portal: Portal, monkeypatch: pytest.MonkeyPatch, total: str, said: str) -> None:
    rectify(portal)
    profile = portal.app.extensions["coop.profile"]
    monkeypatch.setitem(portal.app.extensions, "coop.profile", replace(profile, jurisdiction="ar"))
    note = portal.world.invoices[1]
    note.total.amount = total
    assert said in text(portal.member.get(f"/s/sup-1/invoices/{note.id}").text)


def test_the_statement_names_a_rectification(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    view = StatementView.of

    def rectified(statement: billing_pb2.Statement) -> StatementView:
        statement.entries[1].kind = "rectification"
        return view(statement)

    monkeypatch.setattr(StatementView, "of", rectified)
    assert "Factura rectificativa" in text(portal.member.get("/s/sup-1/statement").text)
