"""A QR code with the words that say what it is for and a visible, clickable link."""

from __future__ import annotations

from services.billing.documents import ink, marks, typeface
from services.billing.documents.paper import Item, Paper, Stack
from services.billing.documents.typeface import REGULAR, SEMIBOLD

LINK: ink.Colour = (0.04, 0.28, 0.62)


_GAP = 12.0  # from the code to its words: more than the quiet zone of a small code


def code_item(url: str, text: str, shown: str, width: float, side: float) -> Item:
    """The code of `url` with `side` points at the left, `text` (if any) and the link `shown` beside it."""
    words = Stack(width - side - _GAP)
    if text:
        words.text(text, REGULAR, 8)
        words.space(2)
    words.text(shown, SEMIBOLD, 8, LINK, url=url)
    lines = typeface.wrap(shown, SEMIBOLD, 8, words.width)

    def draw(paper: Paper, x: float, top: float) -> None:
        marks.qr(paper, url, x, top, side)
        left = x + side + _GAP
        words.draw(paper, left, top + 1)
        for index, line in enumerate(lines):
            low = top + 1 - words.height + 11.36 * (len(lines) - 1 - index) + 1.6
            paper.line(left, low, left + typeface.width(line, SEMIBOLD, 8), LINK, 0.5)
        paper.link(url, x, top - side, width, side)

    return Item(max(side, words.height), draw)


def shown_address(url: str) -> str:
    """The address people can type: without scheme and query."""
    return url.partition("://")[2].partition("?")[0] or url
