"""The debt-free certificate as PDF: one statement about one instant, and how anybody checks it.

Spain: «Certificado de estar al corriente de pago». Argentina: «Libre de deuda» (the idea of Ley 24.240 art. 30 bis).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.billing.documents import ink, marks, typeface
from services.billing.documents.codes import LINK, shown_address
from services.billing.documents.countries import COUNTRIES, Country
from services.billing.documents.edition import Edition, code_in_fours, edition, letterhead, sheet
from services.billing.documents.figures import NBSP
from services.billing.documents.model import CertificateDocument, PendingInvoice
from services.billing.documents.paper import GAP, INNER, LEFT, PADDING, Paper, Stack, card
from services.billing.documents.table import Cell, head, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import N_, SERVICES
from services.billing.signing import Seal

_QR = 118.0
_QUIET = 12.0  # white around the code
_STATES = {
    "clean": N_("No debt due"),
    "agreed_plan": N_("No debt due, with an agreed payment plan"),
    "disputed": N_("No debt due, with amounts in dispute"),
}


def render_certificate(doc: CertificateDocument, locale: str, seal: Seal | None = None) -> bytes:
    """The PDF of `doc` in the reader's locale, signed with `seal` if any; the same input always gives the same bytes.

    Raises Invalid for a naive instant, a verification code of wrong length, or an unknown language.
    """
    doc.check()
    e = edition(locale, doc.jurisdiction, doc.currency)
    country = COUNTRIES[doc.jurisdiction]
    title = e.t(country.certificate_title)
    paper = sheet(e, doc.issuer, title=title, reference=doc.number, notice=doc.notice, seal=seal)
    moment = doc.issued_at.astimezone(ZoneInfo(doc.timezone))
    when = e.t("Issued on {date}").format(date=e.f.day(moment.date()))
    letterhead(paper, doc.issuer, [(doc.number, SEMIBOLD, 10.5), (when, REGULAR, 8.5)])
    _statement(doc, e, country, title, moment).flow(paper)
    _subject(paper, doc, e)
    for invoices, heading in (
        (doc.not_due, e.t("Issued and not yet due: they are no debt today")),
        (doc.disputed, e.t("In dispute: left out of this statement")),
    ):
        if invoices:
            _pending(paper, e, heading, invoices)
    _verification(paper, doc, e)
    return paper.finish()


def _statement(doc: CertificateDocument, e: Edition, country: Country, title: str, moment: datetime) -> Stack:
    stack = Stack(INNER)
    stack.space(10)
    stack.heading_one(title)
    stack.space(8)
    stack.tag(e.t(_STATES[doc.variant]), ink.GREEN, ink.GREEN_GROUND, 10.5)
    stack.space(12)
    services = e.f.listing([e.word(SERVICES, service).lower() for service in doc.services])
    if doc.all_supplies:
        message = e.t(
            "**{issuer}**, {tax_id}, certifies that on **{date} at {time}** ({zone}) **{holder}**, with {document}, has "
            "no amount due and unpaid for the services of {services} of any of their contracts, all of which are named "
            "here."
        )
    else:
        message = e.t(
            "**{issuer}**, {tax_id}, certifies that on **{date} at {time}** ({zone}) **{holder}**, with {document}, has "
            "no amount due and unpaid for the services of {services} of the supplies named here."
        )
    values = {
        "issuer": doc.issuer.name,
        "tax_id": f"{country.issuer_tax_id}{NBSP}{doc.issuer.tax_id}",
        "date": e.f.day(moment.date()),
        "time": e.f.clock(doc.issued_at, doc.timezone),
        "zone": e.f.zone_name(doc.issued_at, doc.timezone),
        "holder": doc.holder.name,
        "document": f"{doc.holder.document_type}{NBSP}{doc.holder.document}",
        "services": services,
    }
    stack.message(message, values, 11, leading=16.5)
    if doc.disputed:
        stack.space(4)
        stack.text(
            e.t("The amounts that the holder disputes are named below, and this statement leaves them out."),
            REGULAR,
            10,
            leading=15,
        )
    if doc.agreed_plan:
        stack.space(4)
        stack.text(
            e.t("There is a payment plan agreed with the holder, and its instalments due are paid."),
            REGULAR,
            10,
            leading=15,
        )
    if doc.invoices_until:
        stack.space(4)
        text = e.t("All invoices issued until {date} were considered.").format(date=e.f.day(doc.invoices_until))
        stack.text(text, REGULAR, 10, leading=15)
    stack.space(12)
    return stack


def _subject(paper: Paper, doc: CertificateDocument, e: Edition) -> None:
    half = (INNER - GAP) / 2 - 2 * PADDING
    holder = Stack(half)
    holder.heading(e.t("Holder"))
    holder.text(doc.holder.name, SEMIBOLD, 10.5)
    holder.text(f"{doc.holder.document_type}{NBSP}{doc.holder.document}", REGULAR, 9)
    if doc.holder.member_number:
        holder.text(e.t("Member {number}").format(number=doc.holder.member_number), REGULAR, 9)
    if doc.holder.address:
        holder.text(", ".join(doc.holder.address), REGULAR, 9, ink.MUTED)
    supplies = []
    for supply in doc.supplies:
        stack = Stack(half)
        stack.heading(e.t("Supply"))
        stack.text(", ".join(supply.address), SEMIBOLD, 9.5)
        if supply.cups:
            stack.text(f"CUPS{NBSP}{supply.cups}", REGULAR, 9)
        if supply.account:
            stack.text(e.t("Account {account}").format(account=supply.account), REGULAR, 9)
        services = supply.services or doc.services
        stack.text(", ".join(e.word(SERVICES, service) for service in services), REGULAR, 9, ink.MUTED)
        supplies.append(stack)
    cards = [holder, *supplies]
    for start in range(0, len(cards), 2):
        pair = cards[start : start + 2]
        tall = max(stack.height for stack in pair) + 2 * PADDING
        if not paper.room(tall):
            paper.new_page()
        for index, stack in enumerate(pair):
            card(paper, stack, LEFT + index * (INNER + GAP) / 2, paper.y, tall)
        paper.y -= tall + GAP


def _pending(paper: Paper, e: Edition, heading: str, invoices: Sequence[PendingInvoice]) -> None:
    stack = Stack(INNER - 2 * PADDING)
    stack.heading(heading)
    columns = tuple(stack.width * part for part in (0.4, 0.36, 0.24))
    again = head(columns, (e.t("Invoice"), e.t("Due date"), e.t("Amount")), ("left", "left", "right"))
    stack.items.append(again)
    for invoice in invoices:
        cells = [
            Cell(invoice.number, SEMIBOLD),
            Cell(e.f.day(invoice.due)),
            Cell(e.f.money(invoice.amount), align="right"),
        ]
        stack.items.append(row(columns, cells, size=9))
    if paper.room(stack.height + 2 * PADDING):
        paper.y -= card(paper, stack, LEFT, paper.y) + GAP
    else:
        stack.flow(paper, LEFT + PADDING, again)
        paper.y -= GAP


def _verification(paper: Paper, doc: CertificateDocument, e: Edition) -> None:
    words = Stack(INNER - 2 * PADDING - _QR - 20)
    words.heading(e.t("How to check this certificate"))
    words.text(code_in_fours(doc.verification.code).replace(" ", NBSP * 2), SEMIBOLD, 17, leading=26)
    words.text(e.t("Scan the code, or write the verification code on this page:"), REGULAR, 9)
    words.text(shown_address(doc.verification.url), SEMIBOLD, 9, LINK)
    words.space(5)
    words.message(e.t("Valid until **{date}**."), {"date": e.f.day(doc.valid_until)}, 9.5)
    words.text(
        e.t(
            "It speaks of the instant it names and of no later one. It is never changed: if it is revoked, the page "
            "above says so. The page shows the state, the dates and, masked, the name and the supplies: nothing else."
        ),
        REGULAR,
        8.5,
        ink.MUTED,
    )
    if doc.snapshot_hash:
        words.space(2)
        words.text(e.t("Ledger position: {hash}").format(hash=doc.snapshot_hash), REGULAR, 7, ink.MUTED)
    stack = Stack(INNER - 2 * PADDING)

    def draw(sheet_: Paper, x: float, top: float) -> None:
        sheet_.box(x, top, _QR, _QR, fill=ink.WHITE, radius=6)
        marks.qr(sheet_, doc.verification.url, x + _QUIET, top - _QUIET, _QR - 2 * _QUIET)
        sheet_.link(doc.verification.url, x, top - _QR, _QR, _QR)
        words.draw(sheet_, x + _QR + 20, top)

    stack.add(max(_QR, words.height), draw)
    if not paper.room(stack.height + 2 * PADDING + 40):
        paper.new_page()
    paper.y -= card(paper, stack, LEFT, paper.y, fill=paper.brand.tint) + GAP
    closing = Stack(INNER)
    text = e.t("Issued electronically by {issuer}; it is valid without a handwritten signature.")
    closing.text(typeface.clean(text.format(issuer=doc.issuer.name)), REGULAR, 8.5, ink.MUTED)
    closing.flow(paper)
