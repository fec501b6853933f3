"""The bars that a bank's or a collector's counter reads, with their digits and what they are worth until when.

A narrow bar of GS1-128 is a third of a millimetre, of interleaved 2 of 5 a quarter: what hand-held readers take from an
office printer, with the white around that they need.
"""

from __future__ import annotations

from services.billing.documents import ink, marks, typeface
from services.billing.documents.edition import Edition
from services.billing.documents.model import InvoiceDocument, PaymentOption
from services.billing.documents.paper import INNER, PADDING, Item, Paper, Stack
from services.billing.documents.transcript import said
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.domain.fiscal import interleaved
from services.billing.domain.payments import code128
from services.billing.domain.payments.csb57 import barcode_text

_WIDE, _HEIGHT = 300.0, 40.0
_QUIET = 14.0
_SIZE = 8.0
_BETWEEN = 10.0


def build(doc: InvoiceDocument, e: Edition) -> Stack | None:
    """The card, None for an invoice without a code or with nothing to pay."""
    option = next((each for each in doc.payment if each.method == "payment_code" and each.symbology), None)
    if option is None or doc.amount_due <= 0:
        return None
    words = Stack(INNER - 2 * PADDING - _WIDE - 2 * _QUIET - _BETWEEN)
    words.text(e.t("Pay over the counter"), SEMIBOLD, 9.5)
    words.space(1)
    values = {"amount": e.f.money(doc.amount_due), "date": e.f.day(doc.due_date), "places": option.label}
    if option.label:
        words.message(e.t("Show these bars at {places}: **{amount}**, due on {date}."), values, 8.5)
    else:
        text = e.t("Show these bars at the counter or the machine of a bank until {date}: **{amount}**.")
        words.message(text, values, 8.5)
    stack = Stack(INNER - 2 * PADDING)
    stack.items.append(_bars_beside(option, words))
    return stack


def _bars_beside(option: PaymentOption, words: Stack) -> Item:
    """The bars with their digits under them at the left, `words` at the right."""
    digits = option.reference
    slip = option.symbology == "gs1_128"
    found, modules = code128.bars(digits) if slip else interleaved.bars(digits)
    readable = barcode_text(digits) if slip else " ".join(digits[at : at + 10] for at in range(0, len(digits), 10))

    def draw(paper: Paper, x: float, top: float) -> None:
        words.draw(paper, x + _WIDE + 2 * _QUIET + _BETWEEN, top)
        paper.say(*said(readable))
        paper.box(x, top, _WIDE + 2 * _QUIET, _HEIGHT, fill=ink.WHITE, radius=0)
        marks.draw_bars(paper, found, modules, x + _QUIET, top, _WIDE, _HEIGHT)
        left = x + _QUIET + (_WIDE - typeface.width(readable, REGULAR, _SIZE)) / 2
        paper.text(left, top - _HEIGHT - 10, readable, REGULAR, _SIZE)

    return Item(max(_HEIGHT + 14, words.height), draw)
