"""The bar chart of the last months: the billed month solid, estimated months hatched and marked «E», gaps said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from services.billing.documents import ink, marks, typeface
from services.billing.documents.figures import Figures
from services.billing.documents.model import MonthConsumption
from services.billing.documents.paper import CAP, Paper
from services.billing.documents.transcript import Said
from services.billing.documents.typeface import REGULAR, SEMIBOLD

_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_AXIS = 26.0
_WIDE_SLOT = 24.0  # from this width of a month on, months are written out and every bar carries its figure
_LEGEND = 16.0
_LABELS = 22.0
#: In the place of a bar whose month is not known.
NO_DATA = "\u2013"


def grid(maximum: Decimal, lines: int = 4) -> tuple[Decimal, ...]:
    """Round values for about `lines` grid lines, the last one at or above `maximum`."""
    if maximum <= 0:
        return (Decimal(1),)
    rough = maximum / lines
    power = Decimal(10) ** rough.adjusted()
    step = next(factor * power for factor in _STEPS if factor * power >= rough)
    count = int((maximum / step).to_integral_value(ROUND_CEILING))
    return tuple(step * index for index in range(1, count + 1))


def rounded(quantity: Decimal) -> Decimal:
    """A quantity as written over its bar: whole from ten on, one decimal below, half-up."""
    return quantity.quantize(Decimal(1) if abs(quantity) >= 10 else Decimal("0.1"), ROUND_HALF_UP)


def bars(
    paper: Paper,
    history: tuple[MonthConsumption, ...],
    figures: Figures,
    translate: Callable[[str], str],
    box: tuple[float, float, float, float],
) -> None:
    """Draw `history` (oldest first, the last month is the billed one) in box (left, top, width, height)."""
    left, top, wide, tall = box
    known = [month.quantity for month in history if month.quantity is not None]
    levels = grid(max(known, default=Decimal(0)))
    ceiling = levels[-1]
    base = top - tall + _LABELS + _LEGEND
    height = top - 16 - base
    slot = (wide - _AXIS) / len(history)
    roomy = slot >= _WIDE_SLOT
    bar = slot * 0.62

    for level in levels:
        y = base + height * float(level / ceiling)
        paper.line(left + _AXIS, y, left + wide, ink.RULE, 0.5)
        paper.text(
            left + _AXIS - 5, y - 7 * CAP / 2, figures.number(level.normalize() + 0), REGULAR, 7, ink.MUTED, "right"
        )
    paper.line(left + _AXIS, base, left + wide, ink.MUTED, 0.6)

    year = None
    for index, month in enumerate(history):
        x = left + _AXIS + slot * index + (slot - bar) / 2
        middle = x + bar / 2
        billed = index == len(history) - 1
        if month.quantity is None:
            paper.text(middle, base + 4, NO_DATA, REGULAR, 7, ink.MUTED, "centre")
        else:
            tall_bar = max(height * float(max(month.quantity, Decimal(0)) / ceiling), 0.8)
            if month.estimated:
                marks.hatch(paper, x, base, bar, tall_bar)
            else:
                paper.canvas.setFillColorRGB(*(paper.brand.strong if billed else paper.brand.middle))
                paper.canvas.rect(x, base, bar, tall_bar, stroke=0, fill=1)
            _figure(paper, month, billed, roomy, figures, middle, base + tall_bar + 3.5)
        first = date(month.year, month.month, 1)
        font, colour = (SEMIBOLD, ink.INK) if billed else (REGULAR, ink.MUTED)
        paper.text(middle, base - 10, figures.month_label(first, not roomy), font, 7, colour, "centre")
        if month.year != year:
            year = month.year
            paper.text(middle, base - 19, str(year), REGULAR, 6.5, ink.MUTED, "centre")
    indent = _AXIS if roomy else 0
    _legend(paper, history, translate, left + indent, top - tall + 1, wide - indent)


def says(
    history: tuple[MonthConsumption, ...], figures: Figures, translate: Callable[[str], str], unit: str
) -> tuple[Said, ...]:
    """The bars as a table: each month with its figure, which of them is billed, which are estimated or unknown."""
    pieces = [Said("head", (translate("Month"), unit))]
    for index, month in enumerate(history):
        name = figures.month_label(date(month.year, month.month, 1), False)
        told = [translate("no data") if month.quantity is None else figures.number(rounded(month.quantity))]
        told += [translate("E: estimated")] if month.estimated else []
        told += [translate("Billed month")] if index == len(history) - 1 else []
        pieces.append(Said("row", (f"{name} {month.year}", " · ".join(told))))
    return tuple(pieces)


def _figure(
    paper: Paper, month: MonthConsumption, billed: bool, roomy: bool, figures: Figures, middle: float, y: float
) -> None:
    """The quantity over its bar, and the letter E over that of an estimated month."""
    assert month.quantity is not None
    if roomy or billed:
        font, colour = (SEMIBOLD, ink.INK) if billed else (REGULAR, ink.MUTED)
        _over_grid(paper, figures.number(rounded(month.quantity)), font, 7, colour, middle, y)
        y += 8
    if month.estimated:
        _over_grid(paper, "E", SEMIBOLD, 7.5, paper.brand.strong, middle, y)


def _over_grid(paper: Paper, text: str, font: str, size: float, colour: ink.Colour, middle: float, y: float) -> None:
    """Text on a strip of white, so that no grid line strikes it through."""
    wide = typeface.width(text, font, size)
    paper.box(middle - wide / 2 - 1, y + size * CAP + 0.8, wide + 2, size * CAP + 1.6, fill=ink.WHITE, radius=0)
    paper.text(middle, y, text, font, size, colour, "centre")


def _legend(
    paper: Paper,
    history: tuple[MonthConsumption, ...],
    translate: Callable[[str], str],
    x: float,
    y: float,
    width: float,
) -> None:
    entries = [("billed", translate("Billed month")), ("past", translate("Earlier months"))]
    if any(month.estimated for month in history):
        entries.append(("estimated", translate("E: estimated")))
    if any(month.quantity is None for month in history):
        entries.append(("unknown", translate("no data")))
    # Two charts beside each other have narrow legends.
    size = 7.5
    while size > 6 and sum(11 + typeface.width(text, REGULAR, size) + 12 for _, text in entries) - 12 > width:
        size -= 0.5
    gap = min(12.0, (width - sum(11 + typeface.width(text, REGULAR, size) for _, text in entries)) / (len(entries) - 1))
    for kind, text in entries:
        if kind == "estimated":
            marks.hatch(paper, x, y - 0.5, 7, 7)
        elif kind == "unknown":
            paper.text(x + 3.5, y, NO_DATA, REGULAR, size, ink.MUTED, "centre")
        else:
            paper.canvas.setFillColorRGB(*(paper.brand.strong if kind == "billed" else paper.brand.middle))
            paper.canvas.rect(x, y - 0.5, 7, 7, stroke=0, fill=1)
        paper.text(x + 11, y, text, REGULAR, size, ink.MUTED)
        x += 11 + typeface.width(text, REGULAR, size) + gap
