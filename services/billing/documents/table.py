"""Rows of a table as stack items: cells wrap, numbers stand at the right, a thin rule closes each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.billing.documents import ink, typeface
from services.billing.documents.ink import Colour
from services.billing.documents.paper import CAP, Item, Paper
from services.billing.documents.transcript import Said
from services.billing.documents.typeface import REGULAR, SEMIBOLD


@dataclass(frozen=True)
class Cell:
    text: str
    font: str = REGULAR
    colour: Colour = ink.INK
    align: Literal["left", "right"] = "left"


def row(
    columns: Sequence[float],
    cells: Sequence[Cell],
    *,
    size: float = 8.5,
    rule: bool = True,
    keep: bool = False,
    pad: float = 2.6,
    kind: Literal["row", "head"] = "row",
) -> Item:
    """One row over `columns` (widths in points); the tallest cell decides its height."""
    gutter = 8.0
    wrapped = [
        typeface.wrap(cell.text, cell.font, size, wide - (gutter if index < len(columns) - 1 else 0))
        for index, (cell, wide) in enumerate(zip(cells, columns, strict=True))
    ]
    step = size * 1.36
    height = step * max(len(lines) for lines in wrapped) + 2 * pad
    total = sum(columns)

    def draw(paper: Paper, x: float, top: float) -> None:
        left = x
        for index, (cell, lines, wide) in enumerate(zip(cells, wrapped, columns, strict=True)):
            edge = left + wide - (gutter if index < len(columns) - 1 else 0)
            for number, line in enumerate(lines):
                if line:
                    baseline = top - pad - step * number - (step + size * CAP) / 2
                    paper.text(
                        left if cell.align == "left" else edge, baseline, line, cell.font, size, cell.colour, cell.align
                    )
            left += wide
        if rule:
            paper.line(x, top - height, x + total, thickness=0.5)

    return Item(height, draw, keep, says=(Said(kind, tuple(cell.text for cell in cells)),))


def head(
    columns: Sequence[float], names: Sequence[str], aligns: Sequence[Literal["left", "right"]], size: float = 8
) -> Item:
    """The head of a table, kept with its first row."""
    cells = [Cell(name, SEMIBOLD, ink.MUTED, align) for name, align in zip(names, aligns, strict=True)]
    return row(columns, cells, size=size, keep=True, kind="head")
