"""Page one of an invoice: how much, until when, how to pay, what was consumed, and the summary."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from . import calculation, chart, ink, typeface
from .countries import Country
from .edition import Edition
from .figures import NBSP
from .model import ZERO, Adjustment, Consumption, InvoiceDocument, PaymentOption, Share
from .paper import CAP, GAP, INNER, LEFT, PADDING, Paper, Stack, card
from .table import Cell, row
from .typeface import REGULAR, SEMIBOLD
from .vocabulary import CONCEPTS, METHODS, REASONS, SECTIONS, SERVICES, SHARES, UNITS

_HERO = 308.0  # width of the card with the amount


def draw(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    """Draw page one from the paper's cursor; an uncommonly long page goes on to the next."""
    hero = _amount(doc, e)
    side = _people(doc, e)
    tall = max(hero.height, side.height) + 2 * PADDING
    card(paper, hero, LEFT, paper.y, tall)
    card(paper, side, LEFT + _HERO + GAP, paper.y, tall, fill=paper.brand.tint)
    paper.y -= tall + GAP
    _consumptions(paper, doc, e)
    _summary(paper, doc, e, country)


# ---------------------------------------------------------------------------------------------- the amount
def _amount(doc: InvoiceDocument, e: Edition) -> Stack:
    stack = Stack(_HERO - 2 * PADDING)
    due = doc.amount_due
    label = e.t("To pay, {period}") if due > 0 else e.t("Nothing to pay, {period}")
    stack.text(label.format(period=e.f.period(doc.period_start, doc.last_day)), SEMIBOLD, 9.5, ink.MUTED)
    stack.space(2)
    stack.display(e.f.money(due), 40)
    stack.space(3)
    if due > 0:
        when = e.t("Due on {date}").format(date=e.f.full_date(doc.due_date))
        stack.tag(when, ink.AMBER, ink.AMBER_GROUND, 10)
        if doc.second_due:
            stack.space(4)
            stack.message(
                e.t("Second due date: {date}, **{amount}**"),
                date=e.f.date(doc.second_due.day),
                amount=e.f.money(doc.second_due.amount),
            )
    elif due < 0:
        stack.tag(e.t("In your favour: we will refund it"), ink.GREEN, ink.GREEN_GROUND, 10)
    else:
        stack.tag(e.t("Settled"), ink.GREEN, ink.GREEN_GROUND, 10)
    if doc.payment and due > 0:
        stack.space(9)
        stack.text(e.t("How to pay"), SEMIBOLD, 9.5)
        stack.space(1)
        pay(stack, doc, doc.payment[0], e)
        others = [e.word(METHODS, option.method, option.label) for option in doc.payment[1:]]
        if others:
            stack.message(e.t("You can also pay by: {methods}."), 8.5, ink.MUTED, methods=", ".join(others))
    if doc.change:
        stack.space(7)
        _change(stack, doc, e)
    return stack


def pay(stack: Stack, doc: InvoiceDocument, option: PaymentOption, e: Edition) -> None:
    """The sentence that tells how one way of paying works."""
    account = NBSP.join(option.account.split())
    bank = f" ({option.bank})" if option.bank else ""
    values = {
        "account": account,
        "bank": bank,
        "reference": option.reference,
        "places": option.label,
        "url": option.url,
    }
    if option.method == "direct_debit":
        message = e.t("Nothing to do: on {date} we charge it to your account **{account}**{bank}.")
        stack.message(message, date=e.f.date(doc.due_date), **values)
        if option.mandate:
            stack.message(e.t("Mandate {mandate}."), 8.5, ink.MUTED, mandate=option.mandate)
    elif option.method == "transfer":
        stack.message(e.t("Transfer to **{account}**{bank}."), **values)
        stack.message(e.t("Write this reference: **{reference}**"), reference=option.reference or doc.number)
    elif option.method == "payment_code":
        stack.message(e.t("Payment code: **{reference}**"), **values)
        if option.label:
            stack.message(e.t("Accepted at {places}."), **values)
    elif option.method == "card":
        stack.message(e.t("By card in your digital office: **{url}**"), **values)
    elif option.method == "wallet":
        stack.message(e.t("With {places}, to **{account}**"), **values)
    else:
        stack.message(e.t("At our office: {places}"), places=option.label or ", ".join(doc.issuer.address))


def _change(stack: Stack, doc: InvoiceDocument, e: Edition) -> None:
    assert doc.change is not None
    difference = doc.change.difference
    month = e.f.month_name(doc.change.previous_start)
    if difference == 0:
        stack.message(e.t("The same amount as in {month}."), month=month)
        return
    reasons = ", ".join(
        f"{e.f.signed_money(reason.amount)} {e.word(REASONS, reason.reason)}"
        for reason in doc.change.reasons
        if reason.amount
    )
    if difference > 0:
        message = (
            e.t("That is **{difference} more** than in {month}: {reasons}.")
            if reasons
            else e.t("That is **{difference} more** than in {month}.")
        )
    else:
        message = (
            e.t("That is **{difference} less** than in {month}: {reasons}.")
            if reasons
            else e.t("That is **{difference} less** than in {month}.")
        )
    stack.message(message, difference=e.f.money(abs(difference)), month=month, reasons=reasons)


def _people(doc: InvoiceDocument, e: Edition) -> Stack:
    """Holder and supply, in the place of the envelope's window."""
    stack = Stack(INNER - _HERO - GAP - 2 * PADDING)
    stack.text(doc.holder.name, SEMIBOLD, 10.5)
    for line in doc.holder.address or doc.supply.address:
        stack.text(line, REGULAR, 9)
    stack.space(3)
    stack.text(f"{doc.holder.document_type} {doc.holder.document}", REGULAR, 8.5, ink.MUTED)
    if doc.holder.iva_condition:
        stack.text(f"IVA: {doc.holder.iva_condition}", REGULAR, 8.5, ink.MUTED)
    stack.space(9)
    stack.text(e.t("Supply"), SEMIBOLD, 9.5, ink.MUTED)
    stack.space(1)
    stack.text(", ".join(doc.supply.address), REGULAR, 9)
    if doc.supply.cups:
        stack.text(f"CUPS{NBSP}{doc.supply.cups}", REGULAR, 8.5, ink.MUTED)
    if doc.supply.account:
        stack.text(e.t("Account {account}").format(account=doc.supply.account), SEMIBOLD, 9.5)
    facts = [doc.supply.tariff] if doc.supply.tariff else []
    facts += sorted({f"{e.f.number(power.kilowatts)}{NBSP}kW" for power in doc.supply.powers})
    if facts:
        stack.text(", ".join(facts), REGULAR, 8.5, ink.MUTED)
    return stack


# ---------------------------------------------------------------------------------------------- consumption
def sentence(doc: InvoiceDocument, consumption: Consumption, e: Edition) -> list[typeface.Run]:
    """«En octubre se consumieron 245 kWh, un 12 % menos que hace un año.»"""
    amount = f"{e.f.number(consumption.quantity)}{NBSP}{e.word(UNITS, consumption.unit)}"
    whole_month = doc.period_start.day == 1 and doc.period_end == _next_month(doc.period_start)
    when = e.t("In {month}").format(month=e.f.month_name(doc.period_start)) if whole_month else e.t("In this period")
    before = consumption.same_month_last_year
    values = {"when": when, "quantity": amount}
    if not before:
        return typeface.runs(e.t("{when} you consumed **{quantity}**."), **values)
    change = e.f.share(abs(consumption.quantity - before), before)
    if consumption.quantity < before:
        message = e.t("{when} you consumed **{quantity}**, {share} less than a year ago.")
    elif consumption.quantity > before:
        message = e.t("{when} you consumed **{quantity}**, {share} more than a year ago.")
    else:
        message = e.t("{when} you consumed **{quantity}**, the same as a year ago.")
    return typeface.runs(message, share=change, **values)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def coverage(consumption: Consumption, e: Edition) -> str:
    """How much of the consumption was measured; "" when the supply has no hourly meter."""
    found = consumption.coverage
    if found is None:
        return ""
    if found.estimated == 0:
        return e.t("All {hours} hours measured.").format(hours=found.hours)
    return e.n(
        "{measured} of {hours} hours measured, {estimated} estimated.",
        "{measured} of {hours} hours measured, {estimated} estimated.",
        found.estimated,
    ).format(measured=found.measured, hours=found.hours, estimated=found.estimated)


def _consumptions(paper: Paper, doc: InvoiceDocument, e: Edition) -> None:
    shown = [consumption for consumption in doc.consumptions if consumption.history]
    for start in range(0, len(shown), 2):
        pair = shown[start : start + 2]
        outer = (INNER - GAP * (len(pair) - 1)) / len(pair)
        stacks = [_consumption(doc, consumption, e, outer - 2 * PADDING, len(shown) > 1) for consumption in pair]
        tall = max(stack.height for stack in stacks) + 2 * PADDING
        if not paper.room(tall):
            paper.new_page()
        for index, stack in enumerate(stacks):
            card(paper, stack, LEFT + index * (outer + GAP), paper.y, tall)
        paper.y -= tall + GAP


def _consumption(doc: InvoiceDocument, consumption: Consumption, e: Edition, width: float, named: bool) -> Stack:
    stack = Stack(width)
    service = e.word(SERVICES, consumption.service)
    heading = e.t("Your consumption: {service}").format(service=service.lower()) if named else e.t("Your consumption")
    stack.heading(heading)
    stack.runs(sentence(doc, consumption, e), 10)
    measured = coverage(consumption, e)
    if measured:
        stack.text(measured, REGULAR, 8.5, ink.MUTED)
    stack.space(4)
    tall = 152.0
    stack.add(tall, lambda paper, x, top: chart.bars(paper, consumption.history, e.f, e.t, (x, top, width, tall)))
    return stack


# ---------------------------------------------------------------------------------------------- summary
def summary_rows(doc: InvoiceDocument, e: Edition, country: Country) -> list[tuple[str, str, Decimal]]:
    """Name, gist and amount of each section and tax: sums of the printed lines, so they always add up to the total."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in doc.lines:
        key = (line.section, "") if line.section != "regulated" else (line.section, calculation.name(e, line))
        sums[key] = sums.get(key, ZERO) + line.amount
    electric = any(consumption.service == "electricity" for consumption in doc.consumptions)
    for section in country.always_summarise if electric else ():
        if (section, "") not in sums:
            sums = _insert_after_energy(sums, section)
    inner = [tax for tax in doc.taxes if tax.taxed_by]
    outer = [tax for tax in doc.taxes if not tax.taxed_by]
    rows = []
    for (section, name), amount in sums.items():
        if section == "regulated" and inner:
            rows += [(calculation.tax_name(e, tax), calculation.tax_written(e, tax), tax.amount) for tax in inner]
            inner = []
        rows.append((name or e.word(SECTIONS, section), _gist(doc, e, section), amount))
    rows += [(calculation.tax_name(e, tax), calculation.tax_written(e, tax), tax.amount) for tax in inner + outer]
    return rows


def _insert_after_energy(sums: dict[tuple[str, str], Decimal], section: str) -> dict[tuple[str, str], Decimal]:
    ordered: dict[tuple[str, str], Decimal] = {}
    for key, amount in sums.items():
        ordered[key] = amount
        if key[0] == "energy":
            ordered[(section, "")] = ZERO
    ordered.setdefault((section, ""), ZERO)
    return ordered


def _gist(doc: InvoiceDocument, e: Edition, section: str) -> str:
    """What a section is about in few words: «4,6 kW × 31 días», «245 kWh»."""
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


def _summary(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    wide = _HERO + 6 if doc.destination else INNER
    stack = Stack(wide - 2 * PADDING)
    stack.heading(e.t("Summary"))
    columns = (stack.width * 0.44, stack.width * 0.36, stack.width * 0.20)
    for name, gist, amount in summary_rows(doc, e, country):
        cells = [Cell(name), Cell(gist, colour=ink.MUTED, align="right"), Cell(e.f.money(amount), align="right")]
        stack.items.append(row(columns, cells, size=8.5))
    total = [Cell(e.t("Total"), SEMIBOLD), Cell(""), Cell(e.f.money(doc.total), SEMIBOLD, align="right")]
    stack.items.append(row(columns, total, size=9.5, rule=bool(doc.adjustments)))
    for item in doc.adjustments:
        stack.items.append(row(columns, _adjustment(e, item), size=8.5))
    if doc.adjustments:
        due = [Cell(e.t("To pay"), SEMIBOLD), Cell(""), Cell(e.f.money(doc.amount_due), SEMIBOLD, align="right")]
        stack.items.append(row(columns, due, size=9.5, rule=False))
    side = _destination(doc, e, INNER - wide - GAP - 2 * PADDING) if doc.destination else None
    tall = max(stack.height, side.height if side else 0) + 2 * PADDING
    if not paper.room(tall):
        paper.new_page()
    card(paper, stack, LEFT, paper.y, tall)
    if side:
        card(paper, side, LEFT + wide + GAP, paper.y, tall)
    paper.y -= tall + GAP


def _adjustment(e: Edition, item: Adjustment) -> list[Cell]:
    return [Cell(e.word(CONCEPTS, item.concept, item.label)), Cell(""), Cell(e.f.money(item.amount), align="right")]


def _destination(doc: InvoiceDocument, e: Edition, width: float) -> Stack:
    """Where the money goes: one stacked bar, and under it every share with its words and percentage."""
    stack = Stack(width)
    stack.heading(e.t("Where your money goes"))
    whole = sum((share.amount for share in doc.destination), ZERO)
    count = len(doc.destination)

    def shade(paper: Paper, index: int) -> ink.Colour:
        shades = (paper.brand.strong, paper.brand.middle, paper.brand.pale, ink.MUTED, ink.RULE, ink.AMBER)
        return shades[index % len(shades)]

    def bar(paper: Paper, x: float, top: float) -> None:
        for index, share in enumerate(doc.destination):
            part = width * float(share.amount / whole) if whole else width / count
            paper.canvas.setFillColorRGB(*shade(paper, index))
            paper.canvas.rect(x, top - 14, max(part - 1, 0.5), 12, stroke=0, fill=1)
            x += part

    stack.add(20, bar)
    for index, share in enumerate(doc.destination):

        def entry(paper: Paper, x: float, top: float, index: int = index, share: Share = share) -> None:
            paper.canvas.setFillColorRGB(*shade(paper, index))
            paper.canvas.rect(x, top - 10.5, 7, 7, stroke=0, fill=1)
            baseline = top - (14 + 8.5 * CAP) / 2
            paper.text(x + 12, baseline, e.word(SHARES, share.code), REGULAR, 8.5)
            text = f"{e.f.money(share.amount)}  {e.f.share(share.amount, whole)}" if whole else e.f.money(share.amount)
            paper.text(x + width, baseline, text, REGULAR, 8.5, ink.INK, "right")

        stack.add(15, entry)
    return stack
