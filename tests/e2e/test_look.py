"""Every page, narrow and light, wide and dark: axe finds nothing, nothing scrolls sideways there and at widths between,
no text is too small.

The colours of a scheme are the same at every width; test_journey.py looks at its pages in all four.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser import accessibility_findings, sideways, small_print
from tests.unit.gateway.test_pages import MEMBER_PAGES, PUBLIC_PAGES

pytestmark = pytest.mark.browser

VERIFIED = "/verify?code=7Q4M-2K9D-XW3R-5TBN"
ERRORS = ["/nowhere", "/verify?code=7Q4M", "/activate", "/s/none/"]
WHOLE = ["/s/sup-1/statement", "/s/sup-1/invoices/inv-123"]
"""Pages whose tables are read across: none of their columns is outside the card, on the narrowest phone either."""
BETWEEN = (360, 768)
PAGES = [*PUBLIC_PAGES, *MEMBER_PAGES, VERIFIED, *ERRORS, "/mail-sent/activation", "/s/sup-2/", "/signed-out"]


@pytest.fixture(params=[(320, "light"), (1280, "dark")], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request: pytest.FixtureRequest, browser: Browser, portal_url: str) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="es-ES", base_url=portal_url
    )
    context.add_cookies([{"name": "coop-session", "value": "good-token", "url": portal_url}])
    yield context.new_page()
    context.close()


def too_wide(page: Page) -> Iterator[tuple[int, int]]:
    """Widths at which the page scrolls sideways, and by how much; the narrow window is drawn wider for it and back again."""
    own = page.viewport_size
    assert own is not None
    for width in (own["width"], *(BETWEEN if own["width"] < BETWEEN[0] else ())):
        page.set_viewport_size({"width": width, "height": own["height"]})
        if too_much := sideways(page):
            yield width, too_much
    page.set_viewport_size(own)


def cut_tables(page: Page) -> list[int]:
    """By how many pixels tables are wider than what shows of them."""
    hidden = (
        "[...document.querySelectorAll('.table-wrap')].map(e => e.scrollWidth - e.clientWidth).filter(px => px > 0)"
    )
    return list(page.evaluate(hidden))


def test_every_page(page: Page) -> None:
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(f"console: {message.text}") if message.type == "error" else None
    )
    for path in PAGES:
        if path in ("/sign-in",):
            page.context.clear_cookies()
        page.goto(path)
        complaints += [f"{path}: {finding}" for finding in accessibility_findings(page)]
        complaints += [f"{path}: under 12 px: {text}" for text in small_print(page)]
        complaints += [f"{path}: {too_much} px too wide at {width}" for width, too_much in too_wide(page)]
        if path in WHOLE:
            complaints += [f"{path}: a column is cut by {cut} px" for cut in cut_tables(page)]
        if path == "/sign-in":
            page.context.add_cookies([{"name": "coop-session", "value": "good-token", "url": page.url}])
    # Answers with an error status are reported by the browser as such; that is what was asked for.
    assert [one for one in complaints if "Failed to load resource" not in one] == []


def test_open_menus_and_forms_with_errors(page: Page) -> None:
    page.goto("/s/sup-1/")
    page.locator(".supply-bar summary").click()
    if page.viewport_size and page.viewport_size["width"] < 700:
        page.locator(".site-menu summary").click()
    assert accessibility_findings(page) == []
    assert sideways(page) == 0
    page.goto("/s/sup-1/invoices/inv-123")
    for summary in page.locator(".invoice-lines summary").all():
        summary.click()
    assert page.locator(".invoice-lines details:not([open])").count() == 0
    assert accessibility_findings(page) == []
    assert sideways(page) == 0
    page.goto("/supplies/add")
    page.get_by_role("button", name="Buscar mis suministros").click()
    assert page.title().startswith("Error:")
    assert page.evaluate("document.activeElement.className") == "error-summary"
    assert accessibility_findings(page) == []
    assert sideways(page) == 0


def test_text_twice_as_large_still_fits(page: Page) -> None:
    for path in ("/s/sup-1/", "/s/sup-1/invoices/inv-123", "/s/sup-1/consumption/day/2026-10-14", "/supplies/add"):
        page.goto(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert sideways(page) == 0, path


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/s/sup-1/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Saltar al contenido"
    page.keyboard.press("Enter")
    page.wait_for_url("**/#main")
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim()"))
        if seen[-1] == "Ver la factura":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/invoices/inv-123")
