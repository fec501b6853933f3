"""What a document says, in the order in which it is read: its accessible form is made from this, not from a second layout.

Whatever is drawn says itself while it is drawn, so that the page in the browser cannot leave out what the paper has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "strong", "text", "pair", "head", "row", "picture"]


@dataclass(frozen=True)
class Said:
    """One piece. `texts` are the cells of a row or a table's head, label and value of a pair, otherwise one text.

    A picture's text says what it shows; `url` is where a text or a picture leads.
    """

    kind: Kind
    texts: tuple[str, ...]
    url: str = ""


def said(*texts: str) -> tuple[Said, ...]:
    """Plain texts, each a piece of its own; empty ones are nothing."""
    return tuple(Said("text", (text,)) for text in texts if text)
