"""An A4 document on reportlab's canvas: pages with running header and «page x of y», text, cards and tags.

The canvas is drawn directly, without platypus, because a bill run prints tens of thousands of documents. `invariant=1`
leaves out clock and random identifiers: the same document always gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from reportlab import rl_config
from reportlab.lib.rl_accel import fp_str
from reportlab.pdfgen.canvas import Canvas

from services.billing.documents import ink, typeface
from services.billing.documents.ink import Colour
from services.billing.documents.seal import prepare
from services.billing.documents.transcript import Kind, Said, said
from services.billing.documents.typeface import DISPLAY, REGULAR, SEMIBOLD, Run
from services.billing.signing import Seal

WIDTH, HEIGHT = 595.28, 841.89
LEFT, RIGHT = 42.0, WIDTH - 42.0
INNER = RIGHT - LEFT
BOTTOM = 50.0  # content ends above the footer
FOOTER = INNER - 80.0  # width of its lines; beside them stands the number of the page
CONTINUED_TOP = HEIGHT - 64.0  # content of the second page and on starts under the running header
CAP = 0.727  # cap height of the typeface, in ems


# Streams as plain bytes: a fifth smaller and quicker than text, and no mail or store needs seven-bit PDFs any more.
rl_config.useA85 = 0


@lru_cache(maxsize=256)
def _fill(red: float, green: float, blue: float) -> str:
    return f"{fp_str(red, green, blue)} rg"


class _CountedCanvas(Canvas):
    """Keeps the pages until the end, when their number is known, and lets `stamp` write it on each."""

    def __init__(self, target: io.BytesIO, lang: str, stamp: Callable[[int, int], None]) -> None:
        super().__init__(target, pagesize=(WIDTH, HEIGHT), invariant=1, pageCompression=1, lang=lang)
        self._kept: list[dict[str, object]] = []
        self._stamp = stamp

    def setFillColorRGB(self, r: float, g: float, b: float, alpha: float | None = None) -> None:
        """The same operator as reportlab's, written once for each colour: it stands before every word."""
        self._code.append(_fill(r, g, b))

    def showPage(self) -> None:
        self._kept.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for index, state in enumerate(self._kept, start=1):
            self.__dict__.update(state)
            self._stamp(index, len(self._kept))
            super().showPage()
        super().save()


@dataclass(frozen=True)
class Running:
    """What repeats on every page. `footer` and `page_of` are ready texts; `page_of` has {page} and {pages}."""

    header: str  # continued pages, left: the cooperative
    reference: str  # continued pages, right: "Factura E-2026-000123"
    footer: str
    page_of: str
    sign: Callable[[Paper, float, float, float], None]  # draws the mark: paper, centre, radius
    notice: str = ""
    signed: str = ""  # under the footer: by whom, and where that is checked


class Paper:
    """One document being drawn; `y` is the lowest edge of what is already on the page, in points from the bottom."""

    def __init__(
        self, *, title: str, author: str, subject: str, lang: str, brand: ink.Brand, running: Running, seal: Seal | None
    ) -> None:
        typeface.register()
        self.brand = brand
        self.running = running
        self._target = io.BytesIO()
        self.canvas = _CountedCanvas(self._target, lang, self._stamp)
        self.canvas.setTitle(title)
        self.canvas.setAuthor(author)
        self.canvas.setSubject(subject)
        self.canvas.setCreator("Acometida")
        self.canvas.setViewerPreference("DisplayDocTitle", "true")
        self._seal = seal
        if seal:
            prepare(self.canvas, seal)
        self.page = 1
        self.y = HEIGHT - 34.0
        #: What is on the pages, running headers and footers left out.
        self.transcript: list[Said] = []
        if running.notice:
            self._notice()

    # ------------------------------------------------------------------ pages
    def finish(self) -> bytes:
        """Close the last page and give the document, signed when it has a seal."""
        self.canvas.showPage()
        with typeface.subsetting():
            self.canvas.save()
        document = self._target.getvalue()
        return self._seal.close(document) if self._seal else document

    def new_page(self) -> None:
        self.canvas.showPage()
        self.page += 1
        top = HEIGHT - 36.0
        self.running.sign(self, LEFT + 9, top + 2, 9)
        right = typeface.width(self.running.reference, SEMIBOLD, 9)
        name = typeface.shorten(self.running.header, SEMIBOLD, 9, INNER - right - 50)
        self.text(LEFT + 24, top - 1, name, SEMIBOLD, 9)
        self.text(RIGHT, top - 1, self.running.reference, SEMIBOLD, 9, ink.MUTED, "right")
        self.line(LEFT, top - 14, RIGHT)
        self.y = CONTINUED_TOP
        if self.running.notice:
            notice = typeface.shorten(self.running.notice, SEMIBOLD, 7, INNER)
            self.text(WIDTH / 2, HEIGHT - 17, notice, SEMIBOLD, 7, ink.AMBER, "centre")

    def room(self, height: float) -> bool:
        """Whether `height` points fit under what is drawn; a new page is the caller's decision."""
        return self.y - height >= BOTTOM

    def say(self, *pieces: Said) -> None:
        """Note what is drawn outside of stacks."""
        self.transcript += pieces

    def _notice(self) -> None:
        self.say(*said(self.running.notice))
        lines = typeface.wrap(self.running.notice, SEMIBOLD, 8, INNER - 20)
        height = 11 * len(lines) + 7
        self.box(LEFT, self.y, INNER, height, fill=ink.AMBER_GROUND, radius=5)
        for index, line in enumerate(lines):
            self.text(LEFT + INNER / 2, self.y - 11.5 - 11 * index, line, SEMIBOLD, 8, ink.AMBER, "centre")
        self.y -= height + 8

    def _stamp(self, page: int, pages: int) -> None:
        count = self.running.page_of.format(page=page, pages=pages)
        lines = list(typeface.wrap(self.running.footer, REGULAR, 7, FOOTER))[:2]
        if self.running.signed:
            lines.append(self.running.signed)
        foot = 28.0 if len(lines) < 3 else 33.0
        self.line(LEFT, foot + 12, RIGHT)
        self.text(RIGHT, foot, count, REGULAR, 7, ink.MUTED, "right")
        for index, line in enumerate(lines):
            self.text(LEFT, foot - 9 * index, line, REGULAR, 7, ink.MUTED)

    # ------------------------------------------------------------------ marks
    def text(
        self,
        x: float,
        y: float,
        text: str,
        font: str = REGULAR,
        size: float = 9,
        colour: Colour = ink.INK,
        align: str = "left",
        tracking: float = 0.0,
    ) -> None:
        """One line with its baseline at `y`; `tracking` in points between characters, for large sizes."""
        canvas = self.canvas
        canvas.setFillColorRGB(*colour)
        canvas.setFont(font, size)
        if align == "right":
            x -= typeface.width(text, font, size)
        elif align == "centre":
            x -= typeface.width(text, font, size) / 2
        canvas.drawString(x, y, text, charSpace=tracking)

    def line_of_runs(self, x: float, y: float, line: Iterable[Run], size: float, colour: Colour) -> None:
        """One line in several fonts, as one text object, so that it is found and copied without blanks added."""
        self.canvas.setFillColorRGB(*colour)
        text = self.canvas.beginText(x, y)
        for font, part in line:
            text.setFont(font, size)
            text.textOut(part)
        self.canvas.drawText(text)

    def line(self, x: float, y: float, to: float, colour: Colour = ink.RULE, thickness: float = 0.7) -> None:
        self.canvas.setStrokeColorRGB(*colour)
        self.canvas.setLineWidth(thickness)
        self.canvas.line(x, y, to, y)

    def box(
        self,
        x: float,
        top: float,
        width: float,
        height: float,
        *,
        fill: Colour | None = None,
        stroke: Colour | None = None,
        radius: float = 9,
    ) -> None:
        """A rounded rectangle hanging from `top`."""
        if fill:
            self.canvas.setFillColorRGB(*fill)
        if stroke:
            self.canvas.setStrokeColorRGB(*stroke)
            self.canvas.setLineWidth(0.8)
        if radius == 0:
            self.canvas.rect(x, top - height, width, height, stroke=int(bool(stroke)), fill=int(bool(fill)))
            return
        radius = min(radius, height / 2, width / 2)
        self.canvas.roundRect(x, top - height, width, height, radius, stroke=int(bool(stroke)), fill=int(bool(fill)))

    def disc(self, x: float, y: float, radius: float) -> None:
        """A dot in the brand colour, ground of the cooperative's mark."""
        self.canvas.setFillColorRGB(*self.brand.strong)
        self.canvas.circle(x, y, radius, stroke=0, fill=1)

    def link(self, url: str, x: float, y: float, width: float, height: float) -> None:
        """Make a rectangle (lower left corner) open `url`."""
        self.canvas.linkURL(url, (x, y, x + width, y + height), relative=0, thickness=0)


# ---------------------------------------------------------------------------------------------- stacks
Draw = Callable[[Paper, float, float], None]  # paper, left, top


@dataclass(frozen=True)
class Item:
    height: float
    draw: Draw
    keep: bool = False  # stays on the page of the next item
    blank: bool = False  # only room: dropped at the foot of a page
    says: tuple[Said, ...] = ()  # what is not said by stacks that `draw` draws

    def put(self, paper: Paper, x: float, top: float) -> None:
        """Draw it and say it."""
        paper.say(*self.says)
        self.draw(paper, x, top)


class Stack:
    """Things under each other in a column of known width; measured first, drawn in a card or flowed over pages."""

    def __init__(self, width: float) -> None:
        self.width = width
        self.items: list[Item] = []

    @property
    def height(self) -> float:
        return sum(item.height for item in self.items)

    def add(self, height: float, draw: Draw, keep: bool = False, says: tuple[Said, ...] = ()) -> None:
        self.items.append(Item(height, draw, keep, says=says))

    def space(self, height: float) -> None:
        self.items.append(Item(height, lambda paper, x, top: None, blank=True))

    def runs(
        self,
        parts: list[Run],
        size: float = 9,
        leading: float = 0,
        colour: Colour = ink.INK,
        keep: bool = False,
        kind: Kind = "text",
        url: str = "",
    ) -> None:
        """A paragraph; its lines stay together when flowed."""
        lines = typeface.wrap_runs(parts, size, self.width)
        step = leading or size * 1.42

        def draw(paper: Paper, x: float, top: float) -> None:
            for index, line in enumerate(lines):
                baseline = top - step * index - (step + size * CAP) / 2
                paper.line_of_runs(x, baseline, line, size, colour)

        self.add(step * len(lines), draw, keep, (Said(kind, ("".join(part for _, part in parts),), url),))

    def message(
        self,
        template: str,
        values: Mapping[str, str],
        size: float = 9,
        colour: Colour = ink.INK,
        leading: float = 0,
    ) -> None:
        """A translated message with **strong** parts and {values}."""
        self.runs(typeface.runs(template, values), size, leading, colour)

    def text(
        self,
        text: str,
        font: str = REGULAR,
        size: float = 9,
        colour: Colour = ink.INK,
        leading: float = 0,
        keep: bool = False,
        kind: Kind = "text",
        url: str = "",
    ) -> None:
        self.runs([(font, typeface.clean(text))], size, leading, colour, keep, kind, url)

    def heading(self, text: str, size: float = 9.5) -> None:
        """The muted label at the head of a card; never left alone at the foot of a page."""
        self.text(text, SEMIBOLD, size, ink.MUTED, keep=True, kind="heading")
        self.add(4, lambda paper, x, top: None, keep=True)

    def heading_one(self, text: str, size: float = 21) -> None:
        """The title of a certificate; wraps."""
        lines = typeface.wrap(text, DISPLAY, size, self.width)
        step = size * 1.2

        def draw(paper: Paper, x: float, top: float) -> None:
            for index, line in enumerate(lines):
                paper.text(x, top - size * 0.92 - step * index, line, DISPLAY, size, tracking=-0.008 * size)

        self.add(step * len(lines), draw, says=(Said("heading", (text,)),))

    def display(self, text: str, size: float) -> None:
        """The big figure. A figure too wide for its column is set smaller, never broken."""
        while typeface.width(text, DISPLAY, size) > self.width and size > 12:
            size -= 1
        tracking = -0.012 * size

        def draw(paper: Paper, x: float, top: float) -> None:
            paper.text(x, top - size * 0.92, text, DISPLAY, size, ink.INK, tracking=tracking)

        self.add(size * 1.14, draw, says=(Said("strong", (text,)),))

    def tag(self, text: str, colour: Colour, ground: Colour, size: float = 9) -> None:
        """A state in words on its colour; wraps inside the tag when the column is narrow."""
        lines = typeface.wrap(text, SEMIBOLD, size, self.width - 18)
        wide = max(typeface.width(line, SEMIBOLD, size) for line in lines) + 18
        step = size * 1.35
        height = step * len(lines) + size * 0.65

        def draw(paper: Paper, x: float, top: float) -> None:
            paper.box(x, top, wide, height, fill=ground, radius=height / 2 if len(lines) == 1 else 8)
            for index, line in enumerate(lines):
                baseline = top - size * 0.325 - step * index - (step + size * CAP) / 2
                paper.text(x + 9, baseline, line, SEMIBOLD, size, colour)

        self.add(height, draw, says=(Said("strong", (text,)),))

    def pair(self, label: str, value: str, size: float = 8.5, share: float = 0.42, strong: bool = False) -> None:
        """«label  value» on one row with a rule under it; both sides wrap."""
        left = typeface.wrap(label, REGULAR, size, self.width * share - 8)
        font = SEMIBOLD if strong else REGULAR
        right = typeface.wrap(value, font, size, self.width * (1 - share))
        step = size * 1.38
        rows = max(len(left), len(right))
        width = self.width

        def draw(paper: Paper, x: float, top: float) -> None:
            first = top - 2.2 - (step + size * CAP) / 2
            for index, line in enumerate(left):
                paper.text(x, first - step * index, line, REGULAR, size, ink.MUTED)
            for index, line in enumerate(right):
                paper.text(x + width * share, first - step * index, line, font, size)
            paper.line(x, top - step * rows - 4.4, x + width)

        self.add(step * rows + 4.4, draw, says=(Said("pair", (label, value)),))

    def draw(self, paper: Paper, x: float, top: float) -> None:
        for item in self.items:
            item.put(paper, x, top)
            top -= item.height

    def flow(self, paper: Paper, x: float = LEFT, again: Item | None = None) -> None:
        """Draw from the paper's cursor down, going on to new pages; `again` is drawn first on each of them."""
        index = 0
        while index < len(self.items):
            group = [self.items[index]]
            while group[-1].keep and index + len(group) < len(self.items):
                group.append(self.items[index + len(group)])
            if not paper.room(sum(item.height for item in group)):
                if group[0].blank:
                    index += 1
                    continue
                paper.new_page()
                if again:
                    again.draw(paper, x, paper.y)
                    paper.y -= again.height
            for item in group:
                item.put(paper, x, paper.y)
                paper.y -= item.height
            index += len(group)


def card(paper: Paper, stack: Stack, x: float, top: float, height: float = 0, *, fill: Colour | None = None) -> float:
    """Draw a stack in a card with padding; gives the card's height, at least `height`."""
    tall = max(stack.height + 2 * PADDING, height)
    paper.box(x, top, stack.width + 2 * PADDING, tall, fill=fill, stroke=None if fill else ink.RULE)
    stack.draw(paper, x + PADDING, top - PADDING)
    return tall


def place(paper: Paper, stack: Stack) -> None:
    """Draw a stack of the whole width in a card at the paper's cursor, on a new page when this one has no room."""
    if not paper.room(stack.height + 2 * PADDING):
        paper.new_page()
    paper.y -= card(paper, stack, LEFT, paper.y) + GAP


PADDING = 13.0
GAP = 10.0  # between cards
