"""The receipt of a payment as PDF: how much, when, how, by whom, and what it paid."""

from __future__ import annotations

from services.billing.documents import account_head, ink
from services.billing.documents.edition import Edition, edition, letterhead, sheet
from services.billing.documents.model import ReceiptDocument
from services.billing.documents.paper import INNER, Paper, Stack
from services.billing.documents.table import Cell, head, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import CAME_BY
from services.billing.signing import Seal

COLUMNS = (INNER * 0.74, INNER * 0.26)


def render_receipt(doc: ReceiptDocument, locale: str, seal: Seal | None = None) -> bytes:
    """The PDF of `doc` in the reader's locale, signed with `seal` if any; the same input always gives the same bytes.

    Raises Invalid when what it paid does not come to the amount, for a way of paying or a language that is unknown.
    """
    doc.check()
    e = edition(locale, doc.jurisdiction, doc.currency)
    title = e.t("Receipt of payment")
    paper = sheet(e, doc.issuer, title=title, reference=doc.number, notice=doc.notice, seal=seal)
    paid = e.t("Paid on {date}").format(date=e.f.day(doc.paid_on))
    letterhead(paper, doc.issuer, [(title, SEMIBOLD, 10.5), (doc.number, REGULAR, 8.5), (paid, REGULAR, 8.5)])
    _amount(paper, doc, e)
    _parts(doc, e).flow(paper)
    return paper.finish()


def _amount(paper: Paper, doc: ReceiptDocument, e: Edition) -> None:
    left = Stack(account_head.HALF)
    left.text(e.t("We received"), SEMIBOLD, 9.5, ink.MUTED)
    left.space(2)
    left.display(e.f.money(doc.amount), 34)
    left.space(3)
    left.tag(e.t("Paid {method}").format(method=e.word(CAME_BY, doc.method)), ink.GREEN, ink.GREEN_GROUND, 10)
    if doc.reference:
        left.space(4)
        left.text(e.t("Reference: {reference}").format(reference=doc.reference), REGULAR, 9)
    account_head.draw(paper, left, doc.holder, doc.supply)


def _parts(doc: ReceiptDocument, e: Edition) -> Stack:
    stack = Stack(INNER)
    stack.text(e.t("What it paid"), SEMIBOLD, 13, keep=True)
    stack.add(6, lambda paper, x, top: None, keep=True)
    stack.items.append(head(COLUMNS, (e.t("Invoice"), e.t("Amount")), ("left", "right")))
    parts = [(number, amount) for number, amount in doc.settled]
    if doc.credited:
        parts.append((e.t("In the member's favour, for the next invoices"), doc.credited))
    for name, amount in parts:
        stack.items.append(row(COLUMNS, [Cell(name), Cell(e.f.amount(amount), align="right")]))
    total = [Cell(e.t("Total"), SEMIBOLD), Cell(e.f.money(doc.amount), SEMIBOLD, align="right")]
    stack.items.append(row(COLUMNS, total, size=9.5, pad=4))
    stack.space(6)
    note = e.t("This receipt says what the payment paid on the day it was recorded. Its number is {number}.")
    stack.text(note.format(number=doc.number), REGULAR, 8, ink.MUTED)
    return stack
