"""Bar charts as SVG, drawn on the server.

There is no viewBox: horizontal positions are percentages and vertical ones pixels, so bars stretch with the page
while text keeps its size on every screen (never under 12 px). What a phone shows is another drawing, with fewer
bars or labels, not this one made smaller. Estimated bars are hatched and carry an "E"; absent hours are an empty
outline, never a bar of height zero: colour alone says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from babel import Locale
from markupsafe import Markup, escape

from services.gateway.formatting import kwh

TOP, PLOT, AXIS, BANDS = 20, 168, 24, 26
"""Heights in pixels: room for the "E", the bars, the axis labels, and the strip of tariff periods."""
_TICKS = (1, 2, 5)


@dataclass(frozen=True)
class Part:
    """A piece of a stacked bar: Wh and the class that gives its colour ("p1", "previous" or "")."""

    wh: int
    kind: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar: its parts from the bottom up, and what the pointer reads. No parts means: nothing was measured."""

    parts: tuple[Part, ...]
    title: str
    estimated: bool = False

    @property
    def wh(self) -> int:
        return sum(part.wh for part in self.parts)


@dataclass(frozen=True)
class Group:
    """The bars over one label of the axis; an empty label leaves the axis quiet there."""

    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Band:
    """A run of groups in one tariff period, drawn under the axis with its name: from group `start` to `end` (excluded)."""

    start: int
    end: int
    kind: str
    label: str


@dataclass(frozen=True)
class Chart:
    """What to draw. `chart_id` is unique in the page (pattern ids come from it); `label` is the sentence for readers."""

    chart_id: str
    label: str
    groups: Sequence[Group]
    bands: Sequence[Band] = field(default=())
    height: int = PLOT


def draw(chart: Chart, locale: Locale) -> Markup:
    """The chart as an `<svg role="img">` in a `.chart` box that leaves room for the scale at its left."""
    top_wh, step = _scale(max((bar.wh for group in chart.groups for bar in group.bars), default=0))
    height = TOP + chart.height + AXIS + (BANDS if chart.bands else 0)
    pieces = [
        Markup('<div class="chart"><svg role="img" aria-label="{}" width="100%" height="{}">').format(
            chart.label, height
        ),
        Markup(
            '<defs><pattern id="{}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            '<rect class="hatch-ground" width="6" height="6"/><line class="hatch-line" x1="1.5" y1="0" x2="1.5" y2="6"/>'
            "</pattern></defs>"
        ).format(_pattern_id(chart)),
        *_grid(top_wh, step, chart.height, locale),
    ]
    slot = 100 / max(len(chart.groups), 1)
    for index, group in enumerate(chart.groups):
        pieces.extend(_group(chart, group, index * slot, slot, top_wh))
    pieces.append(_line("zero", TOP + chart.height))
    pieces.extend(_bands(chart, slot))
    pieces.append(Markup("</svg></div>"))
    return Markup("").join(pieces)


def split(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """One bar divided in proportion: (class, size) of each piece, sizes of any one unit."""
    total = sum(size for _, size in parts) or 1
    pieces, x = [Markup('<svg class="split" role="img" aria-label="{}">').format(label)], 0.0
    for kind, size in parts:
        width = 100 * size / total
        pieces.append(
            Markup('<rect class="slice {}" x="{}" y="0" width="{}" height="100%"/>').format(kind, _pc(x), _pc(width))
        )
        x += width
    return Markup("").join([*pieces, Markup("</svg>")])


def swatch(kind: str, swatch_id: str = "") -> Markup:
    """The little square of a legend; with an id it is the hatched one, which needs a pattern of its own."""
    if not swatch_id:
        return Markup(
            '<svg class="swatch" aria-hidden="true"><rect class="bar {}" x=".5" y=".5" width="13" height="13" rx="2"/></svg>'
        ).format(kind)
    return Markup(
        '<svg class="swatch" aria-hidden="true"><defs><pattern id="{0}" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-ground" width="6" height="6"/>'
        '<line class="hatch-line" x1="1.5" y1="0" x2="1.5" y2="6"/></pattern></defs>'
        '<rect class="estimated" fill="url(#{0})" x=".5" y=".5" width="13" height="13" rx="2"/></svg>'
    ).format(swatch_id)


def _group(chart: Chart, group: Group, left: float, slot: float, top_wh: int) -> list[Markup]:
    inner = slot * (0.78 if len(chart.groups) > 8 else 0.7)
    width = inner / max(len(group.bars), 1)
    start = left + (slot - inner) / 2
    pieces: list[Markup] = []
    for index, bar in enumerate(group.bars):
        pieces.extend(_bar(chart, bar, start + index * width, width * (0.92 if len(group.bars) > 1 else 1), top_wh))
    if group.label:
        pieces.append(_text(group.label, left + slot / 2, TOP + chart.height + 17))
    return pieces


def _bar(chart: Chart, bar: Bar, x: float, width: float, top_wh: int) -> list[Markup]:
    title = Markup("<title>{}</title>").format(bar.title)
    floor = TOP + chart.height
    if not bar.parts:
        return [_rect("absent", x, floor - 12, width, 12, title)]
    pieces: list[Markup] = []
    if bar.estimated:
        height = _pixels(bar.wh, chart.height, top_wh)
        pieces.append(_rect("estimated", x, floor - height, width, height, title, fill=f"url(#{_pattern_id(chart)})"))
        pieces.append(_text("E", x + width / 2, floor - height - 6, "mark-e"))
        return pieces
    reached = 0
    for part in bar.parts:
        below = _pixels(reached, chart.height, top_wh)
        reached += part.wh
        height = _pixels(reached, chart.height, top_wh) - below
        if height > 0:
            pieces.append(_rect(f"bar {part.kind}".rstrip(), x, floor - below - height, width, height, title))
    return pieces


def _grid(top_wh: int, step: int, height: int, locale: Locale) -> list[Markup]:
    places = 0 if step % 1000 == 0 else 1 if step % 100 == 0 else 2 if step % 10 == 0 else 3
    pieces: list[Markup] = []
    for wh in range(step, top_wh + 1, step):
        y = TOP + height - _pixels(wh, height, top_wh)
        pieces.append(_line("grid", y))
        pieces.append(Markup('<text x="-8" y="{}" text-anchor="end">{}</text>').format(y + 4, kwh(wh, locale, places)))
    return pieces


def _bands(chart: Chart, slot: float) -> list[Markup]:
    pieces: list[Markup] = []
    y = TOP + chart.height + AXIS + 4
    for band in chart.bands:
        left, right = band.start * slot, band.end * slot
        gap = min(0.3, (right - left) / 8)
        pieces.append(
            Markup('<line class="band {}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                escape(band.kind), _pc(left + gap), _pc(right - gap), y, y
            )
        )
        pieces.append(_text(band.label, (left + right) / 2, y + 17))
    return pieces


def _scale(largest_wh: int) -> tuple[int, int]:
    """The top of the scale and its step in Wh: two to five round steps that hold the largest bar."""
    largest, magnitude = max(largest_wh, 10), 1
    while True:
        for tick in _TICKS:
            step = tick * magnitude
            if step * 5 >= largest:
                return -(-largest // step) * step, step
        magnitude *= 10


def _pixels(wh: int, height: int, top_wh: int) -> int:
    return (2 * wh * height + top_wh) // (2 * top_wh)


def _rect(kind: str, x: float, y: int, width: float, height: int, inside: Markup, fill: str = "") -> Markup:
    paint = Markup(' fill="{}"').format(fill) if fill else Markup("")
    return Markup('<rect class="{}"{} x="{}" y="{}" width="{}" height="{}" rx="2">{}</rect>').format(
        kind, paint, _pc(x), y, _pc(width), max(height, 1), inside
    )


def _line(kind: str, y: int) -> Markup:
    return Markup('<line class="{}" x1="0" x2="100%" y1="{}.5" y2="{}.5"/>').format(kind, y, y)


def _text(text: str, x: float, y: int, kind: str = "") -> Markup:
    name = Markup(' class="{}"').format(kind) if kind else Markup("")
    return Markup('<text{} x="{}" y="{}" text-anchor="middle">{}</text>').format(name, _pc(x), y, text)


def _pc(value: float) -> str:
    return f"{value:.2f}%"


def _pattern_id(chart: Chart) -> str:
    return f"hatch-{chart.chart_id}"
