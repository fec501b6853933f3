"""After the detail: the contract, the readings, how to claim, and what the law obliges the invoice to say."""

from __future__ import annotations

from . import ink, invoice_front, marks
from .countries import Country
from .edition import LINK, Edition, code_in_fours
from .figures import NBSP
from .model import Consumption, InvoiceDocument
from .paper import GAP, INNER, LEFT, PADDING, Paper, Stack, card
from .table import Cell, head, row
from .typeface import REGULAR, SEMIBOLD
from .vocabulary import CONTRACT_KINDS, SERVICES, UNITS

_HALF = (INNER - GAP) / 2 - 2 * PADDING


def draw(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    """Draw the cards from the paper's cursor, each whole on its page."""
    _two(paper, _contract(doc, e), _claims(doc, e, country))
    for consumption in doc.consumptions:
        _readings(paper, doc, consumption, e, country)
    checks = _checks(doc, e)
    if checks:
        _place(paper, checks)
    _legal(paper, doc, e, country)


def _place(paper: Paper, stack: Stack) -> None:
    if not paper.room(stack.height + 2 * PADDING):
        paper.new_page()
    paper.y -= card(paper, stack, LEFT, paper.y) + GAP


def _two(paper: Paper, left: Stack, right: Stack) -> None:
    tall = max(left.height, right.height) + 2 * PADDING
    if not paper.room(tall):
        paper.new_page()
    card(paper, left, LEFT, paper.y, tall)
    card(paper, right, LEFT + (INNER + GAP) / 2, paper.y, tall)
    paper.y -= tall + GAP


def _contract(doc: InvoiceDocument, e: Edition) -> Stack:
    stack = Stack(_HALF)
    stack.heading(e.t("Your contract"))
    holder, supply = doc.holder, doc.supply
    powers = ", ".join(f"{power.period}{NBSP}{e.f.number(power.kilowatts)}{NBSP}kW" for power in supply.powers)
    end = e.t("{date}, renewed automatically").format(date=e.f.date(supply.contract_end)) if supply.contract_end else ""
    facts = [
        (e.t("Holder"), holder.name, False),
        (holder.document_type, holder.document, False),
        (e.t("Member number"), holder.member_number, False),
        (e.t("Supply address"), ", ".join(supply.address), False),
        ("CUPS", supply.cups, True),
        (e.t("Account"), supply.account, True),
        (e.t("Tariff"), supply.tariff, False),
        (e.t("Kind of contract"), e.word(CONTRACT_KINDS, supply.contract_kind) if supply.contract_kind else "", False),
        (e.t("Contracted powers"), powers, True),
        (e.t("Meters") if len(supply.meters) > 1 else e.t("Meter"), ", ".join(supply.meters), False),
        (e.t("Distributor"), supply.distributor, False),
        (e.t("Contract"), supply.contract_reference, False),
        (e.t("Access contract"), supply.access_contract_reference, False),
        (e.t("End of contract"), end, False),
    ]
    for label, value, strong in facts:
        if value:
            stack.pair(label, value, strong=strong, share=0.38)
    return stack


def _claims(doc: InvoiceDocument, e: Edition, country: Country) -> Stack:
    stack = Stack(_HALF)
    stack.heading(e.t("Questions, claims and breakdowns"))
    issuer = doc.issuer
    facts = [
        (e.t("Breakdowns"), issuer.breakdowns_telephone, True),
        (e.t("Telephone"), issuer.telephone, True),
        (e.t("E-mail"), issuer.email, False),
        (e.t("Web"), issuer.web, False),
        (e.t("Office"), issuer.claims_office or ", ".join(issuer.address), False),
        (e.t("Dispute body"), issuer.dispute_body, False),
    ]
    for label, value, strong in facts:
        if value:
            stack.pair(label, value, strong=strong, share=0.3)
    stack.space(6)
    for paragraph in country.claims:
        stack.text(e.t(paragraph), REGULAR, 8, ink.MUTED)
    return stack


def _readings(paper: Paper, doc: InvoiceDocument, consumption: Consumption, e: Edition, country: Country) -> None:
    stack = Stack(INNER - 2 * PADDING)
    service = e.word(SERVICES, consumption.service)
    heading = e.t("Readings: {service}").format(service=service.lower())
    if consumption.meter:
        heading += " · " + e.t("meter {serial}").format(serial=consumption.meter)
    stack.heading(heading)
    unit = e.word(UNITS, consumption.unit)
    if consumption.readings:
        columns = tuple(stack.width * part for part in (0.12, 0.33, 0.33, 0.22))
        names = (e.t("Period"), e.t("From"), e.t("To"), e.t("Difference"))
        stack.items.append(head(columns, names, ("left", "right", "right", "right")))
        for reading in consumption.readings:
            kinds = [
                e.t("estimated") if guess else e.t("real") for guess in (reading.start_estimated, reading.end_estimated)
            ]
            cells = [
                Cell(reading.period or "\u2013", SEMIBOLD),
                Cell(f"{e.f.short_date(reading.start_date)}, {kinds[0]}: {e.f.number(reading.start)}", align="right"),
                Cell(f"{e.f.short_date(reading.end_date)}, {kinds[1]}: {e.f.number(reading.end)}", align="right"),
                Cell(f"{e.f.number(reading.end - reading.start)}{NBSP}{unit}", align="right"),
            ]
            stack.items.append(row(columns, cells, size=8))
    elif consumption.by_period:
        columns = tuple(stack.width * part for part in (0.5, 0.25, 0.25))
        names = (e.t("Period"), unit, e.t("Share"))
        stack.items.append(head(columns, names, ("left", "right", "right")))
        for part in consumption.by_period:
            share = e.f.share(part.quantity, consumption.quantity) if consumption.quantity else ""
            cells = [Cell(part.period), Cell(e.f.number(part.quantity), align="right"), Cell(share, align="right")]
            stack.items.append(row(columns, cells, size=8))
    stack.space(4)
    facts = [invoice_front.coverage(consumption, e)]
    if consumption.last_year is not None:
        facts.append(
            e.t("In the last year: {quantity}.").format(quantity=f"{e.f.number(consumption.last_year)}{NBSP}{unit}")
        )
    if consumption.surplus is not None:
        facts.append(
            e.t("Fed into the grid: {quantity}.").format(quantity=f"{e.f.number(consumption.surplus)}{NBSP}{unit}")
        )
    if consumption.maximum_power:
        powers = ", ".join(
            f"{power.period}{NBSP}{e.f.number(power.kilowatts)}{NBSP}kW" for power in consumption.maximum_power
        )
        facts.append(e.t("Highest power of the last year: {powers}.").format(powers=powers))
    facts.append(e.t(country.hourly_data))
    stack.text(" ".join(fact for fact in facts if fact), REGULAR, 8, ink.MUTED)
    _place(paper, stack)


def _checks(doc: InvoiceDocument, e: Edition) -> Stack | None:
    """The comparator's code (at least 3 × 3 cm, with a visible link) and the cooperative's own verification code."""
    side = 90.0
    entries: list[tuple[str, str, str, str]] = []
    if doc.comparator_url:
        entries.append(
            (
                doc.comparator_url,
                e.t("Compare this invoice"),
                e.t(
                    "Scan the code or follow the link to compare offers with your own consumption on the comparator of the CNMC."
                ),
                "comparador.cnmc.gob.es",
            )
        )
    if doc.verification:
        entries.append(
            (
                doc.verification.url,
                e.t("Check this invoice"),
                e.t("Verification code: {code}").format(code=code_in_fours(doc.verification.code).replace(" ", NBSP)),
                doc.verification.url.partition("?")[0],
            )
        )
    if not entries:
        return None
    stack = Stack(INNER - 2 * PADDING)
    column = stack.width / len(entries)
    texts = []
    for _, title, text, shown in entries:
        words = Stack(column - side - 22)
        words.heading(title)
        words.text(text, REGULAR, 8.5)
        words.space(2)
        words.text(shown, SEMIBOLD, 8.5, LINK)
        texts.append(words)

    def draw_entries(paper: Paper, x: float, top: float) -> None:
        for (url, *_), words in zip(entries, texts, strict=True):
            marks.qr(paper, url, x - 6, top + 6, side + 12)
            words.draw(paper, x + side + 12, top - 2)
            paper.link(url, x, top - side, column - 10, side)
            x += column

    stack.add(max(side, *(words.height + 2 for words in texts)), draw_entries)
    return stack


def _legal(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    stack = Stack(INNER)
    if doc.prior_debts is not None:
        if doc.prior_debts:
            stack.text(e.t("Outstanding debts on the issue date:"), SEMIBOLD, 8.5, ink.RED)
            for debt in doc.prior_debts:
                text = e.t("{number}, due on {date}: {amount}")
                stack.text(
                    text.format(number=debt.number, date=e.f.date(debt.due), amount=e.f.money(debt.amount)),
                    REGULAR,
                    8.5,
                )
        else:
            stack.text(e.t("There are no outstanding debts."), SEMIBOLD, 8.5)
        stack.space(3)
    if doc.argentina:
        text = e.t(
            "Consumer fiscal transparency (Ley 27.743): IVA contained {iva}; other national indirect taxes {others}."
        )
        stack.text(
            text.format(
                iva=e.f.money(doc.argentina.contained_iva), others=e.f.money(doc.argentina.other_national_taxes)
            ),
            REGULAR,
            8,
        )
    for paragraph in (*country.quoted, *doc.regulation, *doc.legal):
        stack.text(paragraph, REGULAR, 8, ink.MUTED)
        stack.space(2)
    stack.flow(paper)
