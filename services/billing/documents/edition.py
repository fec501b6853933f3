"""What every printed document needs to be written: words, figures, and the sheet with its running header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.billing.documents import ink, marks, typeface
from services.billing.documents.codes import shown_address
from services.billing.documents.figures import Figures, figures
from services.billing.documents.model import Issuer
from services.billing.documents.paper import FOOTER, INNER, LEFT, RIGHT, Paper, Running
from services.billing.documents.transcript import said
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import word
from services.billing.documents.words import catalogue, document_locale
from services.billing.signing import Seal


@dataclass(frozen=True)
class Edition:
    """The language and the formats of one document. `t` translates, `n` picks the plural, `f` writes figures."""

    locale: str
    t: Callable[[str], str]
    n: Callable[[str, str, int], str]
    f: Figures

    def word(self, table: dict[str, str], code: str, label: str = "") -> str:
        """The translated name of a code; a label of the data's own is printed as it is."""
        message = word(table, code, label)
        return message if label else self.t(message)


def edition(locale: str, jurisdiction: str, currency: str) -> Edition:
    """The edition of a document for a reader's locale («es», «en», «es-AR»)."""
    exact = document_locale(locale, jurisdiction)
    words = catalogue(exact)
    return Edition(locale=exact, t=words.gettext, n=words.ngettext, f=figures(exact, currency))


def sheet(e: Edition, issuer: Issuer, *, title: str, reference: str, notice: str, seal: Seal | None) -> Paper:
    """A new document with its metadata and running header; nothing drawn yet but the notice."""
    typeface.register()
    name = typeface.clean(issuer.name)
    signed = ""
    if seal:
        text = e.t("Signed electronically by {name} · Check it at {page}")
        page = shown_address(seal.page)
        # A long name gives way, so that it stays one line.
        room = FOOTER - typeface.width(text.format(name="", page=page), REGULAR, 7)
        signed = text.format(name=typeface.shorten(typeface.clean(seal.name), REGULAR, 7, room), page=page)
    return Paper(
        title=f"{title} {reference}".strip() + f" · {name}",
        author=name,
        subject=title,
        lang=e.locale.replace("_", "-"),
        brand=ink.brand(issuer.brand_colour),
        running=Running(
            header=name,
            reference=f"{title} {reference}".strip(),
            footer=" · ".join(part for part in (name, issuer.tax_id, issuer.registry) if part),
            page_of=e.t("Page {page} of {pages}"),
            sign=lambda paper, x, y, radius: marks.sign(paper, issuer.mark, x, y, radius),
            notice=typeface.clean(notice),
            signed=signed,
        ),
        seal=seal,
    )


def letterhead(
    paper: Paper,
    issuer: Issuer,
    right: list[tuple[str, str, float]],
    *,
    facts: tuple[str, ...] = (),
    middle: float = 0,
    tall: float = 32.0,
) -> None:
    """The cooperative and its `facts` at the left of page one, the document's lines (text, font, size) at the right.

    `middle` keeps that many points free at the centre, for the class letter of an Argentine document or the Spanish tax
    office's code; `tall` is the least height.
    """
    own = " · ".join((issuer.tax_id, *issuer.address))
    paper.say(*said(typeface.clean(issuer.name), own, *facts, *(text for text, _, _ in right)))
    top = paper.y
    half = (INNER - middle) / 2 if middle else INNER * 0.66
    marks.sign(paper, issuer.mark, LEFT + 15, top - 15, 15)
    y = top - 13.5
    for line in typeface.wrap(issuer.name, SEMIBOLD, 13, half - 48):
        paper.text(LEFT + 39, y, line, SEMIBOLD, 13)
        y -= 15.5
    for text in (own, *facts):
        for line in typeface.wrap(text, REGULAR, 7.5, half - 48):
            paper.text(LEFT + 39, y + 1.5, line, REGULAR, 7.5, ink.MUTED)
            y -= 10
    right_width = (INNER - middle) / 2 - 8 if middle else INNER * 0.34 - 8
    low = top - 12
    for text, font, size in right:
        for line in typeface.wrap(text, font, size, right_width):
            paper.text(RIGHT, low, line, font, size, ink.INK if font == SEMIBOLD else ink.MUTED, "right")
            low -= size * 1.35
    paper.y = min(y, low, top - tall) - 3
    paper.line(LEFT, paper.y, RIGHT)
    paper.y -= 12


def code_in_fours(code: str) -> str:
    """«7K3M 9QXA …»: blanks every four characters, as people read it out."""
    return " ".join(code[index : index + 4] for index in range(0, len(code), 4))
