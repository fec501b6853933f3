"""The origin of the electricity: the retailer's mix beside the country's, and the label of its harm from A to G."""

from __future__ import annotations

from dataclasses import replace

from services.billing.documents import ink
from services.billing.documents.edition import Edition
from services.billing.documents.model import EnergyMix
from services.billing.documents.paper import CAP, INNER, PADDING, Item, Paper, Stack
from services.billing.documents.parts import Impact
from services.billing.documents.table import Cell, head, row
from services.billing.documents.transcript import said
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import ORIGINS

LETTERS = "ABCDEFG"
_GUTTER = 26.0


def build(mix: EnergyMix, e: Edition) -> Stack:
    """The card: the table at the left, the two scales at the right."""
    stack = Stack(INNER - 2 * PADDING)
    stack.heading(e.t("Origin of the electricity of {year}").format(year=mix.year))
    wide = (stack.width - _GUTTER) * 0.56
    left, right = _table(mix, e, wide), _scales(mix, e, stack.width - _GUTTER - wide)

    def draw(paper: Paper, x: float, top: float) -> None:
        left.draw(paper, x, top)
        right.draw(paper, x + wide + _GUTTER, top)

    stack.items.append(Item(max(left.height, right.height), draw))
    return stack


def _table(mix: EnergyMix, e: Edition, width: float) -> Stack:
    stack = Stack(width)
    columns = (width * 0.51, width * 0.27, width * 0.22)
    names = (e.t("Source"), e.t("Our energy"), e.t("Whole country"))
    stack.items.append(head(columns, names, ("left", "right", "right")))
    for share in mix.shares:
        figures = [e.f.percent(each) if each is not None else "" for each in (share.own, share.country)]
        cells = [
            Cell(e.word(ORIGINS, share.source)),
            Cell(figures[0], SEMIBOLD, align="right"),
            Cell(figures[1], colour=ink.MUTED, align="right"),
        ]
        stack.items.append(row(columns, cells, size=8, pad=1.4))
    return stack


def _scales(mix: EnergyMix, e: Edition, width: float) -> Stack:
    stack = Stack(width)
    kinds = (
        (e.t("Carbon dioxide"), e.t("{own} kg/kWh; the country's mean is {country}"), mix.co2),
        (e.t("Radioactive waste"), e.t("{own} mg/kWh; the country's mean is {country}"), mix.waste),
    )
    for name, text, impact in kinds:
        stack.text(name, SEMIBOLD, 8.5)
        stack.items.append(replace(_letters(impact, width), says=said(impact.letter)))
        values = {"own": e.f.number(impact.own), "country": e.f.number(impact.country)}
        stack.text(text.format_map(values), REGULAR, 8, ink.MUTED)
        stack.space(5)
    stack.text(e.t("A harms least, G most. Published by: {source}").format(source=mix.source), REGULAR, 7.5, ink.MUTED)
    return stack


def _letters(impact: Impact, width: float) -> Item:
    """The seven letters; the retailer's own is larger and in a box, so that it is told without colour too."""
    side = min(width / len(LETTERS), 24.0)

    def draw(paper: Paper, x: float, top: float) -> None:
        for index, letter in enumerate(LETTERS):
            own, left = letter == impact.letter, x + index * side
            if own:
                paper.box(left + 1, top - 2, side - 2, 18, fill=paper.brand.strong, radius=3)
            size = 10.0 if own else 7.5
            font, colour = (SEMIBOLD, ink.WHITE) if own else (REGULAR, ink.MUTED)
            paper.text(left + side / 2, top - 11 - size * CAP / 2, letter, font, size, colour, "centre")

    return Item(22, draw)
