"""A debt-free certificate on a phone: asked for, checked by a stranger with its code and with its PDF, and revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from coop.billing.v1 import billing_service_pb2 as billing
from playwright.sync_api import Browser, Page, expect

from services.chassis.ids import new_id
from services.chassis.profile import load_profile
from services.local.demo.logins import STAFF_PASSWORD
from tests.e2e.browser import PATIENCE_MS, accessibility_findings, sideways
from tests.e2e.test_journey import address_of, in_menu, sign_in
from tests.support.office import Office
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def member(browser: Browser, stack: Stack) -> Iterator[Page]:
    """A phone that keeps no script running: asking needs none."""
    opened = browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        locale="es-ES",
        base_url=stack.base_url,
        java_script_enabled=False,
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened.new_page()
    opened.close()


class Look:
    """Screenshots of a page's states, with what axe finds and how much too wide each is."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.complaints: list[str] = []

    def at(self, name: str) -> None:
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=True)
        self.complaints += [f"{name}: {finding}" for finding in accessibility_findings(self.page)]
        if sideways(self.page):
            self.complaints.append(f"{name}: {sideways(self.page)} px too wide")


def test_a_certificate_that_anybody_can_check(stack: Stack, member: Page, browser: Browser, tmp_path: Path) -> None:
    """Asked for, downloaded, checked by code and by its PDF, one byte changed, and revoked by the office."""
    sign_in(member, address_of(stack, "everything paid"))
    in_menu(member, "Certificados")
    member.get_by_role("button", name="Pedir el certificado").click()
    expect(member.get_by_role("heading", level=1)).to_have_text("Certificado concedido")
    code = member.locator(".reference .code").inner_text()
    path = member.get_by_role("link", name="Descargar PDF").get_attribute("href")
    content = member.request.get(f"{stack.base_url}{path}").body()
    assert content.startswith(b"%PDF-")

    stranger = browser.new_context(
        locale="es-ES",
        base_url=stack.base_url,
        viewport=PHONE,  # type: ignore[arg-type]
    )
    public = stranger.new_page()
    public.goto("/verify")
    looked = Look(public, tmp_path)
    looked.at("verify")
    public.get_by_label("Código de verificación").fill(
        code.lower().replace("-", " ").replace("0", "o").replace("1", "i")
    )
    public.get_by_role("button", name="Comprobar").click()
    expect(public.get_by_role("heading", level=1)).to_have_text("El certificado es válido")
    holder = public.locator("dl div", has_text="Titular").locator("dd").inner_text()
    assert re.fullmatch(r"(\w\*\*\* ?)+", holder), holder
    looked.at("valid")

    def check(name: str, file: bytes, says: str) -> None:
        public.goto("/verify")
        sent = {"name": "certificado.pdf", "mimeType": "application/pdf", "buffer": file}
        public.get_by_label("Archivo PDF").set_input_files([sent])
        public.get_by_role("button", name="Examinar el PDF").click()
        expect(public.get_by_role("heading", level=1)).to_have_text(says)
        looked.at(name)

    check("genuine", content, "El documento es auténtico")
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    check("altered", bytes(changed), "El archivo ha sido modificado")
    office = Office(stack, load_profile(ROOT / "profiles" / "demo-es").email, STAFF_PASSWORD)
    order = billing.RevokeCertificateRequest(certificate_id=code, why="Titular equivocado", request_id=new_id())
    office.billing.RevokeCertificate(order)
    public.goto(f"/verify?code={code}")
    expect(public.get_by_role("heading", level=1)).to_have_text("El certificado fue revocado")
    looked.at("revoked")
    check("genuine-revoked", content, "El certificado es auténtico, pero fue revocado")
    stranger.close()
    assert looked.complaints == []
