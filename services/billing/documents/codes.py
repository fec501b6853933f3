"""A QR code with the words that say what it is for and a visible, clickable link."""

from __future__ import annotations

from services.billing.documents import ink, marks, typeface
from services.billing.documents.paper import Item, Paper, Stack
from services.billing.documents.typeface import REGULAR, SEMIBOLD

LINK: ink.Colour = (0.04, 0.28, 0.62)
_QUIET = 4.0  # the card's white continues the code's own quiet zone, so it may reach into the padding


def code_item(url: str, text: str, shown: str, width: float, side: float) -> Item:
    """The code of `url` with `side` points at the left, `text` and the link `shown` beside it."""
    words = Stack(width - side - 8)
    words.text(text, REGULAR, 8)
    words.space(2)
    words.text(shown, SEMIBOLD, 8, LINK)
    lines = typeface.wrap(shown, SEMIBOLD, 8, words.width)

    def draw(paper: Paper, x: float, top: float) -> None:
        marks.qr(paper, url, x - _QUIET, top + _QUIET, side + 2 * _QUIET)
        words.draw(paper, x + side + 8, top + 1)
        for index, line in enumerate(lines):
            low = top + 1 - words.height + 11.36 * (len(lines) - 1 - index) + 1.6
            paper.line(x + side + 8, low, x + side + 8 + typeface.width(line, SEMIBOLD, 8), LINK, 0.5)
        paper.link(url, x, top - side, width, side)

    return Item(max(side, words.height), draw)


def shown_address(url: str) -> str:
    """The address people can type: without scheme and query."""
    return url.partition("://")[2].partition("?")[0] or url
