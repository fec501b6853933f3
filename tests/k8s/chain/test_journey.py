"""The office's month and the member's way, on PostgreSQL and Kafka, with certificates and policies between all parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import PATIENCE_MS, chromium
from tests.k8s.chain.books import assert_billed_once
from tests.k8s.chain.conftest import BILLED, PASSWORD, SUPPLIES, Cooperative


def test_the_office_billed_its_month(cooperative: Cooperative) -> None:
    """Every supply once, by `coopctl` in the office's pod."""
    installation = cooperative.installation
    assert_billed_once(installation, BILLED, SUPPLIES)
    last = cooperative.rows[-1]
    shown = json.loads(installation.coopctl("supplies", "show", last["cups"], "--json"))
    assert last["cups"] in json.dumps(shown)
    assert cooperative.mails(last["email"]), "the last member's bill was not told to her"


def test_the_operator_sees_it_at_a_glance(cooperative: Cooperative) -> None:
    status = json.loads(cooperative.installation.coopctl_status())
    assert {service["name"] for service in status["services"]} >= {"identity", "supplies", "metering", "billing"}
    assert all(service["reachable"] for service in status["services"]), status


@pytest.mark.browser
def test_the_member_reads_her_bill(cooperative: Cooperative, tmp_path: Path) -> None:
    """On a phone, through the gateway's Service: signs in, sees her supply's bill, downloads it."""
    with chromium() as browser:
        phone = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="es-ES", base_url=cooperative.gateway
        )
        page = phone.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto("/sign-in")
        page.get_by_label("Correo electrónico").fill(cooperative.rows[0]["email"])
        page.get_by_label("Contraseña").fill(PASSWORD)
        page.get_by_role("button", name="Iniciar sesión").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto(f"/s/{cooperative.supply_id}/invoices")
        page.screenshot(path=tmp_path / "invoices.png", full_page=True)
        address = page.get_by_role("link", name="PDF").first.get_attribute("href")
        assert address
        # Fetched with the page's session: the browser would open its own reader for it.
        document = phone.request.get(address)
        assert document.ok
        assert document.body().startswith(b"%PDF-")
        phone.close()
