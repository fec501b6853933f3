"""The full detail of an invoice: every line with its calculation, the taxes with their bases, the total."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby

from services.billing.documents import calculation, ink
from services.billing.documents.edition import Edition
from services.billing.documents.model import ZERO, InvoiceDocument, Line, Tax
from services.billing.documents.paper import INNER, Item, Paper, Stack
from services.billing.documents.table import Cell, head, row
from services.billing.documents.transcript import Said, said
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import CONCEPTS, SECTIONS, SERVICES

COLUMNS = (INNER * 0.36, INNER * 0.48, INNER * 0.16)


def draw(paper: Paper, doc: InvoiceDocument, e: Edition) -> None:
    """Flow the table of lines from the paper's cursor over as many pages as it needs."""
    stack = Stack(INNER)
    if doc.done_on is not None:
        period = e.t("Done on {date}").format(date=e.f.day(doc.done_on))
    else:
        period = e.t("{period}, {days}").format(
            period=e.f.period(doc.period_start, doc.last_day), days=calculation.days(e, doc.days)
        )

    def title(paper: Paper, x: float, top: float) -> None:
        paper.text(x, top - 13, e.t("Detail"), SEMIBOLD, 12.5)
        paper.text(x + INNER, top - 13, period, REGULAR, 8.5, ink.MUTED, "right")

    stack.add(20, title, keep=True, says=(Said("heading", (e.t("Detail"),)), *said(period)))
    again = head(COLUMNS, (e.t("Concept"), e.t("Calculation"), e.t("Amount")), ("left", "right", "right"))
    stack.items.append(again)

    inner = [tax for tax in doc.taxes if tax.taxed_by]
    outer = [tax for tax in doc.taxes if not tax.taxed_by]
    codes = {tax.code for tax in inner}
    first = [line for line in doc.lines if codes & set(line.taxed_by)]
    rest = [line for line in doc.lines if not codes & set(line.taxed_by)]
    several = len({line.service for line in doc.lines}) > 1
    _lines(stack, e, first, several)
    for tax in inner:
        _tax(stack, e, tax)
    _lines(stack, e, rest, several)
    for tax in outer:
        _tax(stack, e, tax)
    _total(stack, e, doc)
    stack.space(6)
    stack.flow(paper, again=again)


def _lines(stack: Stack, e: Edition, lines: list[Line], several: bool) -> None:
    """Lines grouped under their service (when there are several) and section, each section with its sum."""
    for (service, section), found in groupby(lines, key=lambda line: (line.service, line.section)):
        group = list(found)
        bases = [line for line in group if line.concept != "sewage"]
        title = e.word(SECTIONS, section)
        if several and section not in {service, "other"}:
            title = f"{e.word(SERVICES, service)} · {title.lower()}"
        elif several and section == "other":
            title = e.word(SERVICES, service)
        total = sum((line.amount for line in group), ZERO)
        stack.items.append(_section(e, title, total))
        for line in group:
            name, amount = Cell(calculation.name(e, line)), Cell(e.f.amount(line.amount), align="right")
            written = calculation.written(e, line) or calculation.share_written(e, line, bases)
            if written:
                stack.items.append(row(COLUMNS, [name, Cell(written, colour=ink.MUTED, align="right"), amount], pad=2))
            else:
                stack.items.append(row((COLUMNS[0] + COLUMNS[1], COLUMNS[2]), [name, amount], pad=2))


def _section(e: Edition, title: str, total: Decimal) -> Item:
    cells = [Cell(title, SEMIBOLD), Cell(e.f.amount(total), SEMIBOLD, align="right")]
    inner = row((COLUMNS[0] + COLUMNS[1], COLUMNS[2]), cells, size=9, rule=False, pad=3.2)

    def draw(paper: Paper, x: float, top: float) -> None:
        paper.box(x - 6, top - 4, INNER + 12, inner.height, fill=ink.SAND, radius=4)
        inner.draw(paper, x, top - 4)

    return Item(inner.height + 4, draw, keep=True, says=inner.says)


def _tax(stack: Stack, e: Edition, tax: Tax) -> None:
    cells = [
        Cell(calculation.tax_name(e, tax), SEMIBOLD),
        Cell(calculation.tax_written(e, tax), colour=ink.MUTED, align="right"),
        Cell(e.f.amount(tax.amount), SEMIBOLD, align="right"),
    ]
    stack.items.append(row(COLUMNS, cells, size=9, pad=3))


def _total(stack: Stack, e: Edition, doc: InvoiceDocument) -> None:
    total = [Cell(e.t("Total"), SEMIBOLD), Cell(""), Cell(e.f.money(doc.total), SEMIBOLD, align="right")]
    stack.items.append(row(COLUMNS, total, size=12, rule=bool(doc.adjustments), pad=5))
    for item in doc.adjustments:
        cells = [
            Cell(e.word(CONCEPTS, item.concept, item.label)),
            Cell(e.t("not part of the invoice's total"), colour=ink.MUTED, align="right"),
            Cell(e.f.amount(item.amount), align="right"),
        ]
        stack.items.append(row(COLUMNS, cells))
    if doc.adjustments:
        name, amount = calculation.asked(e, doc.amount_due)
        due = [Cell(name, SEMIBOLD), Cell(""), Cell(amount, SEMIBOLD, align="right")]
        stack.items.append(row(COLUMNS, due, size=12, rule=False, pad=5))
