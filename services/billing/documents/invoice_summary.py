"""The summary on page one: sections and taxes to the total, where the money goes, the comparator's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from services.billing.documents import calculation, ink, money_shares, typeface
from services.billing.documents.codes import code_item
from services.billing.documents.countries import Country
from services.billing.documents.edition import Edition
from services.billing.documents.figures import NBSP
from services.billing.documents.model import ZERO, Adjustment, InvoiceDocument
from services.billing.documents.paper import GAP, INNER, LEFT, PADDING, Paper, Stack, card
from services.billing.documents.table import Cell, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import CONCEPTS, SECTIONS, UNITS

_WIDE = 322.0  # width of the summary when another card stands beside it
_SIZE = 8.2
_LISTED = frozenset({"service", "foreign", "other"})  # whose items have nothing in common: each by its name
_MOST_LISTED = 6
_COMPARATOR = 87.0  # side of the comparator's code: at least 3 cm (BOE-A-2021-11035)


def rows(doc: InvoiceDocument, e: Edition, country: Country) -> list[tuple[str, str, Decimal]]:
    """Name, gist and amount of each section and tax: sums of the printed lines, so they always add up to the total."""
    sums: dict[tuple[str, str], Decimal] = {}
    listed = {line.concept for line in doc.lines if line.section in _LISTED}
    for line in doc.lines:
        named = line.section == "regulated" or doc.done_on is not None
        named = named or (line.section in _LISTED and len(listed) <= _MOST_LISTED)
        key = (line.section, calculation.name(e, line) if named else "")
        sums[key] = sums.get(key, ZERO) + line.amount
    # A difference of another service alone has nothing to say of it.
    electric = not doc.difference and any(line.service == "electricity" for line in doc.lines)
    for section in country.always_summarise if electric else ():
        if (section, "") not in sums:
            sums = _insert_after_energy(sums, section)
    inner = [tax for tax in doc.taxes if tax.taxed_by]
    outer = [tax for tax in doc.taxes if not tax.taxed_by]
    found = []
    for (section, name), amount in sums.items():
        if section == "regulated" and inner:
            found += [(calculation.tax_name(e, tax), calculation.tax_gist(e, tax), tax.amount) for tax in inner]
            inner = []
        found.append((name or e.word(SECTIONS, section), _gist(doc, e, section), amount))
    found += [(calculation.tax_name(e, tax), calculation.tax_gist(e, tax), tax.amount) for tax in inner + outer]
    return found


def _insert_after_energy(sums: dict[tuple[str, str], Decimal], section: str) -> dict[tuple[str, str], Decimal]:
    ordered: dict[tuple[str, str], Decimal] = {}
    for key, amount in sums.items():
        ordered[key] = amount
        if key[0] == "energy":
            ordered[(section, "")] = ZERO
    ordered.setdefault((section, ""), ZERO)
    return ordered


def _gist(doc: InvoiceDocument, e: Edition, section: str) -> str:
    """What a section is about in few words: «4,6 kW × 31 días», «245 kWh». Of a difference, whose quantities go both ways,
    nothing.
    """
    if doc.difference:
        return ""
    lines = [line for line in doc.lines if line.section == section and line.quantity is not None]
    if section == "power" and lines:
        powers = [key for key, _ in groupby(calculation.quantity(e, line) for line in lines)]
        counted = {line.days for line in lines if line.days is not None}
        text = " / ".join(powers)
        return f"{text} × {calculation.days(e, counted.pop())}" if len(counted) == 1 else text
    if section in {"energy", "water"} and lines:
        unit = lines[0].unit
        metered = [
            line.quantity
            for line in lines
            if line.unit == unit and line.quantity is not None and line.concept == section
        ]
        if metered:
            return f"{e.f.number(sum(metered, ZERO))}{NBSP}{e.word(UNITS, unit)}"
    return ""


def shares_on_page_one(doc: InvoiceDocument) -> bool:
    """With two codes on it, page one leaves the shares of the money to the detail."""
    return doc.tax_code is None or not doc.comparator_url


@dataclass(frozen=True)
class Summary:
    """The cards of the summary, measured before they are drawn."""

    main: Stack
    beside: Stack | None

    @property
    def height(self) -> float:
        return max(self.main.height, self.beside.height if self.beside else 0) + 2 * PADDING

    def draw(self, paper: Paper) -> None:
        """Draw at the paper's cursor, on a new page when this one has no room."""
        if not paper.room(self.height):
            paper.new_page()
        tall = self.height
        card(paper, self.main, LEFT, paper.y, tall)
        if self.beside:
            card(paper, self.beside, LEFT + _WIDE + GAP, paper.y, tall)
        paper.y -= tall + GAP


def build(doc: InvoiceDocument, e: Edition, country: Country) -> Summary:
    """Sections, taxes, total and what is asked; beside them the destination and the comparator, when known."""
    beside = bool((doc.destination and shares_on_page_one(doc)) or doc.comparator_url)
    wide = _WIDE if beside else INNER
    stack = Stack(wide - 2 * PADDING)
    stack.heading(e.t("Summary"))
    shown = rows(doc, e, country)
    named = [name for name, gist, _ in shown if gist]
    columns = _columns(named, [amount for _, _, amount in shown], doc, e, stack.width)
    whole = (columns[0] + columns[1], columns[2])
    for name, gist, amount in shown:
        value = Cell(e.f.money(amount), align="right")
        if gist:
            cells = [Cell(name), Cell(gist, colour=ink.MUTED, align="right"), value]
            stack.items.append(row(columns, cells, size=_SIZE, pad=2.2))
        else:
            stack.items.append(row(whole, [Cell(name), value], size=_SIZE, pad=2.2))
    total = [Cell(e.t("Total"), SEMIBOLD), Cell(e.f.money(doc.total), SEMIBOLD, align="right")]
    stack.items.append(row(whole, total, size=9.5, rule=bool(doc.adjustments)))
    for item in doc.adjustments:
        stack.items.append(row(whole, _adjustment(e, item), size=8.5))
    if doc.adjustments:
        name, asked = calculation.asked(e, doc.amount_due)
        due = [Cell(name, SEMIBOLD), Cell(asked, SEMIBOLD, align="right")]
        stack.items.append(row(whole, due, size=9.5, rule=False))
    return Summary(stack, _beside(doc, e, INNER - wide - GAP - 2 * PADDING) if beside else None)


def _columns(
    named: Sequence[str], shown: Sequence[Decimal], doc: InvoiceDocument, e: Edition, width: float
) -> tuple[float, float, float]:
    """Name, gist and amount; the amounts have what the widest of them takes, so that none is broken, and the gists what is
    left beside the names that have one, so that a base of thousands stays on its line.
    """
    amounts = (*shown, doc.total, doc.amount_due, *(item.amount for item in doc.adjustments))
    widest = max(typeface.width(e.f.money(amount), SEMIBOLD, 9.5) for amount in amounts)
    right = max(width * 0.195, widest + 1)
    widest_name = max((typeface.width(name, REGULAR, _SIZE) for name in named), default=0.0)
    left = min(width * 0.42, widest_name + 10)
    return left, width - left - right, right


def _adjustment(e: Edition, item: Adjustment) -> list[Cell]:
    return [Cell(e.word(CONCEPTS, item.concept, item.label)), Cell(e.f.money(item.amount), align="right")]


def _beside(doc: InvoiceDocument, e: Edition, width: float) -> Stack:
    """Beside the summary: where the money goes, and the comparator's code."""
    stack = Stack(width)
    if doc.destination and shares_on_page_one(doc):
        money_shares.add(stack, doc, e)
        stack.space(5 if doc.comparator_url else 0)
    if doc.comparator_url:
        stack.heading(e.t("Compare this invoice"))
        text = e.t("Offers for your own consumption, on the public comparator:")
        shown = e.t("CNMC comparator")
        if not shares_on_page_one(doc):
            stack.text(text, REGULAR, 8)
            stack.space(7)
            text = ""
        stack.items.append(code_item(doc.comparator_url, text, shown, width, _COMPARATOR))
    return stack
