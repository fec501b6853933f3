"""Where the money of an invoice goes: one stacked bar, and every share with its words and percentage."""

from __future__ import annotations

from decimal import Decimal

from services.billing.documents import ink
from services.billing.documents.edition import Edition
from services.billing.documents.model import ZERO, InvoiceDocument, Share
from services.billing.documents.paper import CAP, INNER, PADDING, Paper, Stack
from services.billing.documents.transcript import Said
from services.billing.documents.typeface import REGULAR
from services.billing.documents.vocabulary import SHARES

_ROW = 13.5


def add(stack: Stack, doc: InvoiceDocument, e: Edition, columns: int = 1) -> None:
    """Add the heading, the bar and the shares in `columns` under it."""
    width = stack.width
    stack.heading(e.t("Where your money goes"))
    whole = sum((share.amount for share in doc.destination), ZERO)
    count = len(doc.destination)

    def bar(paper: Paper, x: float, top: float) -> None:
        for index, share in enumerate(doc.destination):
            part = width * float(share.amount / whole) if whole else width / count
            paper.canvas.setFillColorRGB(*_shade(paper, index))
            paper.canvas.rect(x, top - 14, max(part - 1, 0.5), 12, stroke=0, fill=1)
            x += part

    stack.add(18, bar)
    gutter = 22.0
    column = (width - gutter * (columns - 1)) / columns
    for start in range(0, count, columns):
        entries = list(enumerate(doc.destination))[start : start + columns]

        def row(paper: Paper, x: float, top: float, entries: list[tuple[int, Share]] = entries) -> None:
            for place, (index, share) in enumerate(entries):
                left = x + place * (column + gutter)
                paper.canvas.setFillColorRGB(*_shade(paper, index))
                paper.canvas.rect(left, top - 10.2, 7, 7, stroke=0, fill=1)
                baseline = top - (_ROW + 8.5 * CAP) / 2
                paper.text(left + 12, baseline, e.word(SHARES, share.code), REGULAR, 8.5)
                paper.text(left + column, baseline, _figure(e, share, whole), REGULAR, 8.5, ink.INK, "right")

        says = tuple(Said("row", (e.word(SHARES, each.code), _figure(e, each, whole))) for _, each in entries)
        stack.add(_ROW, row, says=says)


def _figure(e: Edition, share: Share, whole: Decimal) -> str:
    return f"{e.f.money(share.amount)}  {e.f.share(share.amount, whole)}" if whole else e.f.money(share.amount)


def strip(doc: InvoiceDocument, e: Edition) -> Stack:
    """The shares over the whole width, for a page of detail."""
    stack = Stack(INNER - 2 * PADDING)
    add(stack, doc, e, columns=2)
    return stack


def _shade(paper: Paper, index: int) -> ink.Colour:
    shades = (paper.brand.strong, paper.brand.middle, paper.brand.pale, ink.MUTED, ink.RULE, ink.AMBER)
    return shades[index % len(shades)]
