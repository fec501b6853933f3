"""Paying by card on a phone without scripts: refused, left, waited for, paid and told twice; then nothing is owed any more."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser import PATIENCE_MS, accessibility_findings, sideways, small_print
from tests.e2e.test_journey import address_of, in_menu, mail, newest_mail, sign_in
from tests.support.stack import Stack

pytestmark = pytest.mark.browser


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    opened = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="es-ES", base_url=stack.base_url, java_script_enabled=False
    )
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


def to_the_bank(page: Page) -> str:
    """From the choice to the bank's page; gives the order."""
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("con tarjeta")
    order = urllib.parse.urlsplit(page.url).path.split("/")[-2]
    page.get_by_role("button", name="Ir al banco").click()
    expect(page.get_by_text("no cobra a nadie")).to_be_visible()
    expect(page.get_by_text(order)).to_be_visible()
    return order


def decide(page: Page, button: str, heading: str) -> str:
    """A button of the bank, and what the portal says afterwards."""
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    return " ".join(page.locator("main").inner_text().replace("\xa0", " ").split())


def payments(page: Page) -> int:
    """How many payments the statement has."""
    page.goto(re.sub(r"/s/([^/]+)/.*", r"/s/\1/statement", page.url))
    return page.locator("tbody th", has_text="Pago").count()


def looks(browser: Browser, stack: Stack, context: BrowserContext, page: Page, scheme: str) -> list[str]:
    """What is wrong with the look of the way to the bank and of the bank's page, on a narrow phone."""
    seen = browser.new_context(
        viewport={"width": 320, "height": 800},
        color_scheme=scheme,
        locale="es-ES",
        base_url=stack.base_url,  # type: ignore[arg-type]
    )
    seen.add_cookies(context.cookies())  # type: ignore[arg-type]
    other, found = seen.new_page(), []
    other.goto(page.url)
    for _ in range(2):
        found += [f"{scheme} {other.url}: {one}" for one in accessibility_findings(other) + small_print(other)]
        found += [f"{scheme} {other.url}: {sideways(other)} px too wide"] if sideways(other) else []
        if other.url == page.url:
            other.get_by_role("button", name="Ir al banco").click()
            expect(other.get_by_text("no cobra a nadie")).to_be_visible()
    seen.close()
    return found


def test_refused_left_waited_for_paid_and_told_twice(stack: Stack, browser: Browser, context: BrowserContext) -> None:
    page = context.new_page()
    luis = address_of(stack, "overdue")
    sign_in(page, luis)
    before = payments(page)
    page.go_back()
    page.get_by_role("link", name="Pagar lo vencido").click()
    expect(page.get_by_role("radio")).not_to_have_count(0)
    page.get_by_role("radio").last.check()
    owed = page.locator(".choice").last.locator(".amount").inner_text()

    to_the_bank(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(owed.replace("\xa0", " "))
    said = decide(page, "Rechazar el pago", "El pago no se ha hecho")
    assert "El banco de la tarjeta no lo ha permitido. No se ha cobrado nada." in said

    page.get_by_role("link", name="Intentarlo otra vez").click()
    page.get_by_role("radio").last.check()
    to_the_bank(page)
    assert "Saliste de la página del banco" in decide(page, "Abandonar", "El pago no se ha hecho")

    # Whoever just closes the bank's page is told that nobody knows yet, and may go back there with the same order.
    page.get_by_role("link", name="Intentarlo otra vez").click()
    page.get_by_role("radio").last.check()
    order = to_the_bank(page)
    page.goto(re.sub(r"/s/([^/]+)/.*", rf"/s/\1/pay/{order}", page_of(context, stack)))
    expect(page.get_by_role("heading", level=1)).to_have_text("Esperamos al banco")
    page.get_by_role("link", name="Volver al banco").click()
    assert looks(browser, stack, context, page, "light") + looks(browser, stack, context, page, "dark") == []
    newest = newest_mail(stack, luis)
    page.get_by_role("button", name="Ir al banco").click()
    said = decide(page, "Pagar y avisar dos veces", "Hemos recibido tu pago")
    assert order in said and owed.replace("\xa0", " ") in said
    assert mail(stack, luis, r"Importe: (.+)", newest).replace("\xa0", " ") == owed.replace("\xa0", " ")
    page.goto(f"{urllib.parse.urlsplit(page.url).path}/bank")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hemos recibido tu pago")
    assert payments(page) == before + 1

    in_menu(page, "Certificados")
    page.get_by_role("button", name="Pedir el certificado").click()
    page.get_by_role("link", name=re.compile("con tarjeta")).click()
    to_the_bank(page)
    decide(page, "Pagar", "Hemos recibido tu pago")
    in_menu(page, "Certificados")
    page.get_by_role("button", name="Pedir el certificado").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Certificado concedido")


def page_of(context: BrowserContext, stack: Stack) -> str:
    """Where the member's own pages are."""
    home = context.request.get(f"{stack.base_url}/")
    return home.url + "home"
