"""What bills no supply on the member's pages: said by what it is for, no month, no shares; and never the last bill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from coop.billing.v1 import billing_pb2
from coop.common.v1.types_pb2 import DatePeriod, Money

from tests.unit.gateway.conftest import Portal
from tests.unit.gateway.test_pages import text

WHAT = "Reconexión tras el pago"


def charge(portal: Portal) -> billing_pb2.Invoice:
    """The newest of the member's invoices."""
    made = billing_pb2.Invoice(
        id="inv-v1", number="V-2026-000001", supply_id="sup-1", kind="charge", charged_for=WHAT,
        period=DatePeriod(start="2026-11-20", end="2026-11-21"), issue_date="2026-11-21", due_date="2026-12-11",
        total=Money(amount="21.89", currency_code="EUR"), outstanding=Money(amount="21.89", currency_code="EUR"),
        state=billing_pb2.INVOICE_STATE_OPEN,
        lines=[
            billing_pb2.InvoiceLine(
                concept="reconnection", description=WHAT, service="charges", taxed_by=["iva"],
                amount=Money(amount="18.09", currency_code="EUR"),
            )
        ],
        taxes=[
            billing_pb2.InvoiceTax(
                tax="iva", description="IVA", code="iva", rate="0.21", base=Money(amount="18.09", currency_code="EUR"),
                amount=Money(amount="3.80", currency_code="EUR"),
            )
        ],
    )  # fmt: skip
    portal.world.invoices.insert(0, made)
    return made


def test_the_list_says_what_it_is_for(portal: Portal) -> None:
    charge(portal)
    said = text(portal.member.get("/s/sup-1/invoices").text)
    assert f"{WHAT} V-2026-000001 · 20 de noviembre" in said


def test_its_page_has_a_day_and_no_shares(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = charge(portal)
    said = text(portal.member.get("/s/sup-1/invoices/inv-v1").text)
    for part in (
        "Factura V-2026-000001: 21,89 €",
        f"No factura consumo. Es por: {WHAT}.",
        "Realizado el",
        "Qué se cobra",
    ):
        assert part in said.replace("\xa0", " "), part
    for part in ("Periodo", "En qué se va", "noviembre de 2026:"):
        assert part not in said, part
    # And what takes it back, in both countries.
    made.kind, made.rectifies, made.total.amount = "rectifying", "V-2026-000009", "-21.89"
    assert "Factura rectificativa V-2026-000001" in text(portal.member.get("/s/sup-1/invoices/inv-v1").text)
    profile = portal.app.extensions["coop.profile"]
    monkeypatch.setitem(portal.app.extensions, "coop.profile", replace(profile, jurisdiction="ar"))
    assert "Nota de crédito V-2026-000001" in text(portal.member.get("/s/sup-1/invoices/inv-v1").text)


def test_the_first_page_asks_for_the_last_bill_alone(portal: Portal) -> None:
    asked: list[Any] = []
    enter = portal.world.enter
    portal.world.enter = lambda name, request: (asked.append((name, request)), enter(name, request))[1]  # type: ignore[method-assign]
    portal.member.get("/s/sup-1/")
    assert [request.kind for name, request in asked if name == "ListInvoices"] == ["service"]
