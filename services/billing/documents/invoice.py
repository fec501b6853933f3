"""An invoice as PDF: page one for the member, then the detail for whoever checks it."""

from __future__ import annotations

from services.billing.documents import fiscal_marks, ink, invoice_back, invoice_front, invoice_lines, typeface
from services.billing.documents.countries import COUNTRIES, Country
from services.billing.documents.edition import Edition, edition, letterhead, sheet
from services.billing.documents.model import InvoiceDocument, Issuer
from services.billing.documents.paper import HEIGHT, WIDTH, Paper
from services.billing.documents.transcript import Said, said
from services.billing.documents.typeface import DISPLAY, REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import N_
from services.billing.signing import Seal

_CLASS_WIDTH = 74.0  # of the words under the class letter, between the two columns of the head
APART = N_("Concepts alien to the service")
CREDIT_NOTE, DEBIT_NOTE = N_("Credit note"), N_("Debit note")


def render_invoice(doc: InvoiceDocument, locale: str, seal: Seal | None = None) -> bytes:
    """The PDF of `doc` in the reader's locale («es», «en», «es-AR»), signed with `seal` if any; the same input always
    gives the same bytes.

    Raises Invalid when the figures do not add up, a code has no words, or the language is unknown.
    """
    return _drawn(doc, locale, seal).finish()


def read_invoice(doc: InvoiceDocument, locale: str) -> tuple[Said, ...]:
    """Everything that the PDF says, in the order in which it is read. Raises what `render_invoice` raises."""
    return tuple(_drawn(doc, locale, None).transcript)


def _drawn(doc: InvoiceDocument, locale: str, seal: Seal | None) -> Paper:
    doc.check()
    e = edition(locale, doc.jurisdiction, doc.currency)
    country = COUNTRIES[doc.jurisdiction]
    title = e.t(_title(doc, country))
    paper = sheet(e, doc.issuer, title=title, reference=doc.number, notice=doc.notice, seal=seal)
    _head(paper, doc, e, title)
    invoice_front.draw(paper, doc, e, country)
    if paper.page == 1:
        paper.new_page()
    invoice_lines.draw(paper, doc, e)
    invoice_back.draw(paper, doc, e, country)
    return paper


def _title(doc: InvoiceDocument, country: Country) -> str:
    """An Argentine sale that is no public service is an invoice as anywhere."""
    if doc.argentina is not None and doc.argentina.letter == "X":
        return APART
    if doc.argentina is not None and doc.argentina.is_credit_note:
        return CREDIT_NOTE
    if doc.argentina is not None and doc.argentina.is_debit_note:
        return DEBIT_NOTE
    if doc.argentina is not None and doc.argentina.authority != "CESP":
        country = COUNTRIES["es"]
    return country.rectifying_title if doc.rectifies else country.invoice_title


def _head(paper: Paper, doc: InvoiceDocument, e: Edition, title: str) -> None:
    right = [
        (title, SEMIBOLD, 10.5),
        (doc.number, SEMIBOLD, 10.5),
        (e.t("Issued on {date}").format(date=e.f.day(doc.issue_date)), REGULAR, 8.5),
    ]
    if doc.rectifies:
        if len(doc.rectifies) > 1:
            text = e.t("Rectifies invoices {numbers}").format(numbers=e.f.listing(list(doc.rectifies)))
        else:
            text = e.t("Rectifies invoice {number}").format(number=doc.rectifies[0])
        right.append((f"{text}: {doc.rectification_reason}" if doc.rectification_reason else text, REGULAR, 8))
    if doc.tax_code is not None:
        fiscal_marks.tax_code(paper, doc.tax_code)
        letterhead(paper, doc.issuer, right, middle=fiscal_marks.MIDDLE, tall=fiscal_marks.TALL)
        return
    if doc.argentina is None:
        letterhead(paper, doc.issuer, right)
        return
    right.append((e.t("Point of sale {number}").format(number=f"{doc.argentina.point_of_sale:05d}"), REGULAR, 8))
    kind = doc.argentina.authority
    if doc.argentina.cesp:
        right.append((e.t("{kind} No. {code}").format(kind=kind, code=doc.argentina.cesp), REGULAR, 8))
    if doc.argentina.cesp_expiry:
        text = e.t("{kind} expires on {date}").format(kind=kind, date=e.f.day(doc.argentina.cesp_expiry))
        right.append((text, REGULAR, 8))
    code = doc.argentina.code
    _class_box(paper, doc.argentina.letter, e.t("Code {code}").format(code=code) if code else e.t("Not an invoice"))
    letterhead(paper, doc.issuer, right, facts=_fiscal(doc.issuer, e), middle=62)


def _fiscal(issuer: Issuer, e: Edition) -> tuple[str, ...]:
    """What an Argentine issuer says of itself in the heading (RG 1415): IVA condition, IIBB, start of activities."""
    facts = [f"IVA: {typeface.clean(issuer.iva_condition)}"] if issuer.iva_condition else []
    if issuer.gross_income_number:
        facts.append(e.t("Gross income (IIBB) {number}").format(number=issuer.gross_income_number))
    since = issuer.activities_since
    return (
        " · ".join(facts),
        *((e.t("In business since {date}").format(date=e.f.day(since)),) if since else ()),
    )


def _class_box(paper: Paper, letter: str, code: str) -> None:
    """The class letter at the centre of the head, with its code under it."""
    paper.say(*said(f"{letter} · {code}"))
    side, middle = 36.0, WIDTH / 2
    top = min(paper.y, HEIGHT - 30)
    paper.box(middle - side / 2, top, side, side, stroke=ink.INK, radius=4)
    paper.text(middle, top - 27, letter, DISPLAY, 24, ink.INK, "centre")
    for index, line in enumerate(typeface.wrap(code, SEMIBOLD, 7, _CLASS_WIDTH)):
        paper.text(middle, top - side - 9 - 9 * index, line, SEMIBOLD, 7, ink.INK, "centre")
