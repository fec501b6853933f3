"""Vector marks: the cooperative's sign in its disc, QR codes, bar codes, hatched bars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

import segno

from services.billing.documents import ink
from services.billing.documents.paper import Paper
from services.billing.domain.fiscal import interleaved

# A long address gets the lower correction level, so that its modules stay large enough for a telephone. The mask is fixed:
# weighing all eight takes longer than the rest of an invoice, and every reader takes any of them.
_LONG = 150
_MASK = 3
_QUIET_ZONE = 4  # modules around a QR code (ISO/IEC 18004)
# Outlines in a square of 24, y downwards, as in the portal's icon.
_BOLT = ((13.4, 4.2), (6.6, 13.6), (11.2, 13.6), (10.2, 19.8), (17.4, 10.2), (12.6, 10.2))


def sign(paper: Paper, mark: str, x: float, y: float, radius: float) -> None:
    """The brand's disc centred on (x, y) with a bolt, a drop or both in white."""
    paper.disc(x, y, radius)
    if mark == "bolt-drop":
        _bolt(paper, x - radius * 0.34, y, radius * 0.72)
        _drop(paper, x + radius * 0.42, y, radius * 0.66)
    elif mark == "drop":
        _drop(paper, x, y, radius)
    else:
        _bolt(paper, x, y, radius)


def _bolt(paper: Paper, x: float, y: float, radius: float) -> None:
    scale = radius / 12
    path = paper.canvas.beginPath()
    for index, (px, py) in enumerate(_BOLT):
        point = (x + (px - 12) * scale, y - (py - 12) * scale)
        path.moveTo(*point) if index == 0 else path.lineTo(*point)
    path.close()
    paper.canvas.setFillColorRGB(*ink.WHITE)
    paper.canvas.drawPath(path, stroke=0, fill=1)


def _drop(paper: Paper, x: float, y: float, radius: float) -> None:
    scale = radius / 12

    def at(px: float, py: float) -> tuple[float, float]:
        return x + px * scale, y + py * scale

    path = paper.canvas.beginPath()
    path.moveTo(*at(0, 8))
    path.curveTo(*at(2, 4.4), *at(5.2, 1.4), *at(5.2, -2.4))
    path.curveTo(*at(5.2, -5.6), *at(2.8, -7.6), *at(0, -7.6))
    path.curveTo(*at(-2.8, -7.6), *at(-5.2, -5.6), *at(-5.2, -2.4))
    path.curveTo(*at(-5.2, 1.4), *at(-2, 4.4), *at(0, 8))
    path.close()
    paper.canvas.setFillColorRGB(*ink.WHITE)
    paper.canvas.drawPath(path, stroke=0, fill=1)


@lru_cache(maxsize=256)
def _modules(text: str) -> tuple[str, int]:
    """Path operators of the dark runs of the QR code of `text`, one unit a module, and its side in modules."""
    code = segno.make(text, micro=False, error="l" if len(text) > _LONG else "m", boost_error=False, mask=_MASK)
    size = len(code.matrix)
    found = []
    for row, cells in enumerate(code.matrix):
        column = 0
        for dark, run in groupby(cells, key=bool):
            length = len(list(run))
            if dark:
                found.append(f"{column} {size - row - 1} {length} 1 re")
            column += length
    return " ".join(found), size


def qr(paper: Paper, text: str, x: float, top: float, side: float) -> None:
    """A QR code of `side` points as vector rectangles, black on white; its quiet zone of four modules lies around it."""
    operators, size = _modules(text)
    module = side / size
    quiet = _QUIET_ZONE * module
    paper.box(x - quiet, top + quiet, side + 2 * quiet, side + 2 * quiet, fill=ink.WHITE, radius=0)
    canvas = paper.canvas
    canvas.saveState()
    canvas.translate(x, top - side)
    canvas.scale(module, module)
    canvas.setFillColorRGB(*ink.BLACK)
    path = canvas.beginPath()
    # Whole numbers in a scaled space, written once for each code: a thousand path.rect calls take as long as a page.
    path._code.append(operators)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def bar_code(paper: Paper, digits: str, x: float, top: float, width: float, height: float) -> None:
    """Digits as interleaved 2 of 5 in vector bars, `width` points from the first bar to the last."""
    bars, modules = interleaved.bars(digits)
    draw_bars(paper, bars, modules, x, top, width, height)


def draw_bars(
    paper: Paper, bars: Sequence[tuple[int, int]], modules: int, x: float, top: float, width: float, height: float
) -> None:
    """Vector bars given as (start, width) of `modules`, `width` points from the first bar to the last."""
    canvas = paper.canvas
    canvas.saveState()
    canvas.translate(x, top - height)
    canvas.scale(width / modules, height)
    canvas.setFillColorRGB(*ink.BLACK)
    path = canvas.beginPath()
    path._code.append(" ".join(f"{start} 0 {wide} 1 re" for start, wide in bars))
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def hatch(paper: Paper, x: float, y: float, width: float, height: float) -> None:
    """A bar with diagonal stripes in the brand colour: an estimated value, readable without colour."""
    canvas = paper.canvas
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(x, y, width, height)
    canvas.clipPath(clip, stroke=0, fill=0)
    canvas.setStrokeColorRGB(*paper.brand.strong)
    canvas.setLineWidth(1.5)
    stripes = canvas.beginPath()
    offset = -width
    while offset < height:
        stripes.moveTo(x - 1, y + offset - 1)
        stripes.lineTo(x + width + 1, y + offset + width + 1)
        offset += 3.6
    canvas.drawPath(stripes, stroke=1, fill=0)
    canvas.restoreState()
    canvas.setStrokeColorRGB(*paper.brand.strong)
    canvas.setLineWidth(0.6)
    canvas.rect(x, y, width, height, stroke=1, fill=0)
