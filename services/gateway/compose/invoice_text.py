"""Everything that an invoice's PDF says, ordered into sections, facts and tables for the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from coop.billing.v1 import documents_service_pb2 as documents


@dataclass(frozen=True)
class Cell:
    """A cell of a table; `span` is how many columns it takes."""

    text: str
    span: int = 1


@dataclass(frozen=True)
class Text:
    """A paragraph; `url` is where it leads, if anywhere, and `strong` what the paper sets large."""

    text: str
    url: str
    strong: bool


@dataclass
class Block:
    """Texts under each other, facts (label and value), or a table."""

    kind: Literal["texts", "facts", "table"]
    head: tuple[str, ...] = ()
    texts: list[Text] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows over all columns: one with fewer cells has a wider first one."""
        columns = max(len(self.head), *(len(row) for row in self.rows), 1)
        return [[Cell(row[0], columns - len(row) + 1), *map(Cell, row[1:])] for row in self.rows]


@dataclass
class Section:
    """A heading ("" only at the beginning) with what stands under it."""

    heading: str
    blocks: list[Block] = field(default_factory=list)

    def block(self, kind: Literal["texts", "facts", "table"]) -> Block:
        """The block that another piece of a kind goes to: the last one, or a new one."""
        if not self.blocks or self.blocks[-1].kind != kind:
            self.blocks.append(Block(kind))
        return self.blocks[-1]


def _breakable(calculation: str) -> str:
    """«27,704413 €/kW·year ÷ 365» may break before the sign: the paper has room for it in one line, a phone has not."""
    return calculation.replace("\N{NO-BREAK SPACE}÷", " ÷").replace("\N{NO-BREAK SPACE}×", " ×")


def sections(pieces: Iterable[documents.TextPiece]) -> list[Section]:
    """The pieces in their order. A table ends where something else begins; a new head begins a new table."""
    found = [Section("")]
    for piece in pieces:
        here = found[-1]
        if piece.kind == "heading":
            found.append(Section(piece.texts[0]))
        elif piece.kind == "head":
            here.blocks.append(Block("table", tuple(piece.texts)))
        elif piece.kind == "row":
            here.block("table").rows.append(tuple(_breakable(text) for text in piece.texts))
        elif piece.kind == "pair":
            here.block("facts").rows.append(tuple(piece.texts))
        else:
            here.block("texts").texts.append(Text(piece.texts[0], piece.url, piece.kind == "strong"))
    return [section for section in found if section.blocks]
