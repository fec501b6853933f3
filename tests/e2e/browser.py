"""Chromium for the browser tests, and what they ask of every page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.needs import require

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
# A new browser of its own, without the services that would look for the network.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE_MS = 60_000
"""How long to wait for what a page shows at once on a machine that has nothing else to do."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = require("chromium", "chromium", also=("/usr/bin/chromium",))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


def accessibility_findings(page: Page) -> list[str]:
    """What axe finds on the page, one line per rule and element; empty when there is nothing."""
    page.evaluate(AXE)
    report: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", _RULES
    )
    return [
        f"{finding['id']}: {node['html'][:120]} ({node.get('failureSummary', '').splitlines()[-1:]})"
        for finding in report["violations"]
        for node in finding["nodes"]
    ]


def sideways(page: Page) -> int:
    """How many pixels the page is wider than the window: more than none means scrolling sideways to read."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def small_print(page: Page) -> list[str]:
    """Texts that are drawn under 12 px on screen, those of charts included."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll('body *')]
                .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
                .filter(e => e.getClientRects().length && parseFloat(getComputedStyle(e).fontSize) < 11.99
                             && !e.closest('.visually-hidden'))
                .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))"""
        )
    )
