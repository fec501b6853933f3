"""The head of a paper about an account: an amount in its card, beside it whose account it is."""

from __future__ import annotations

from services.billing.documents import ink
from services.billing.documents.figures import NBSP
from services.billing.documents.model import Holder, Supply
from services.billing.documents.paper import GAP, INNER, LEFT, PADDING, Paper, Stack, card
from services.billing.documents.typeface import REGULAR, SEMIBOLD

#: Width of what stands in one of the two cards.
HALF = (INNER - GAP) / 2 - 2 * PADDING


def draw(paper: Paper, amount: Stack, holder: Holder, supply: Supply | None, *, identified: bool = True) -> None:
    """Draw both cards from the paper's cursor; `amount` is HALF wide.

    ``identified``: with the holder's document, which a letter that is read through a window does not show.
    """
    whose = Stack(HALF)
    whose.text(holder.name, SEMIBOLD, 10.5)
    if identified:
        whose.text(f"{holder.document_type}{NBSP}{holder.document}", REGULAR, 9)
    for line in holder.address:
        whose.text(line, REGULAR, 9)
    if supply:
        whose.space(5)
        whose.text(", ".join(supply.address), REGULAR, 8.5, ink.MUTED)
        for text in (supply.cups and f"CUPS{NBSP}{supply.cups}", supply.account):
            if text:
                whose.text(text, REGULAR, 8.5, ink.MUTED)
    tall = max(amount.height, whose.height) + 2 * PADDING
    card(paper, amount, LEFT, paper.y, tall)
    card(paper, whose, LEFT + (INNER + GAP) / 2, paper.y, tall, fill=paper.brand.tint)
    paper.y -= tall + GAP + 4
