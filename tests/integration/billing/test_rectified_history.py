"""After a rectification, histories, comparisons and what is usual speak of what is right, not of what was billed first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D
from typing import Any

from services.billing.repository import history
from tests.integration.billing.test_rectifying import LESS, MORE, OCTOBER, SUPPLY, approve, billed, proposal, rectify
from tests.support.billing import STAFF, Office, measured

__all__ = ["billed"]
NOVEMBER = "E-2026-000003"


def printed(office: Office, number: str) -> Any:
    """The document of an invoice before it is drawn."""
    drawn: list[Any] = []

    def keep(document: Any, _language: str, _seal: object) -> bytes:
        drawn.append(document)
        return b"%PDF-1.4"

    office.documents.render_invoice(office.invoices.get(STAFF, number).invoice.id, keep)
    return drawn[0]


def bill_november(office: Office) -> None:
    office.energy.usual = measured(expected=720)
    office.bill("2026-11", "2026-12-02")


def test_the_next_invoice_is_drawn_and_compared_with_what_was_right(billed: Office) -> None:
    right = approve(billed, proposal(billed)).correction.after_total
    billed.clock.advance(timedelta(days=15))
    bill_november(billed)
    found = billed.invoices.get(STAFF, NOVEMBER)
    assert found.previous_total == right
    assert sum(effect.amount for effect in found.effects) == found.invoice.total - right
    listed = billed.invoices.list(STAFF, SUPPLY, before=None, limit=1)
    assert listed[0].previous_total == right
    document = printed(billed, NOVEMBER)
    months = {(each.year, each.month): each.quantity for each in document.consumptions[0].history}
    assert (months[2026, 10], months[2026, 9]) == (D(225), D(245))
    assert document.change is not None


def test_what_was_printed_before_the_rectification_keeps_what_was_known(billed: Office) -> None:
    """The comparison on the page is that of the paper, whenever it is looked at."""
    billed.clock.advance(timedelta(days=15))
    bill_november(billed)
    billed.clock.advance(timedelta(days=1))
    billed.energy.usual = LESS
    rectify(billed)
    assert billed.invoices.get(STAFF, NOVEMBER).previous_total == D("55.44")
    assert printed(billed, NOVEMBER).consumptions[0].history[-2].quantity == D(245)


def test_what_is_usual_of_a_supply_is_what_is_right(billed: Office) -> None:
    billed.energy.usual = LESS
    rectify(billed)
    billed.energy.usual = MORE
    right = rectify(billed, method="S").total
    month = date(2026, 10, 1)
    with billed.database.read() as connection:
        (bill,) = history.past_bills(connection, [SUPPLY], [month])[SUPPLY]
        (used,) = history.billed(connection, [SUPPLY], [month])[SUPPLY]["electricity"]
    assert (bill.total, bill.import_wh) == (right, 265_000)
    assert (used.days, used.used) == (31, 265_000)
    assert billed.invoices.get(STAFF, OCTOBER).invoice.import_wh == 245_000
