"""Page one of an invoice: how much, until when, how to pay, what was consumed, and the summary."""

from __future__ import annotations

from datetime import date, timedelta

from services.billing.documents import chart, fiscal_marks, ink, invoice_summary, typeface
from services.billing.documents.countries import Country
from services.billing.documents.edition import Edition
from services.billing.documents.figures import NBSP
from services.billing.documents.model import Consumption, InvoiceDocument, PaymentOption
from services.billing.documents.paper import BOTTOM, GAP, INNER, LEFT, PADDING, Draw, Paper, Stack, card, place
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import METHODS, REASONS, SERVICES, UNITS

_HERO = 308.0  # width of the card with the amount
_NAMED = 3  # later instalments that page one names
_CHART = (84.0, 130.0, 150.0)  # height of a chart with labels and legend: least, usual, most


def draw(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    """Draw page one from the paper's cursor, at its foot what authorises it; an uncommonly long page goes on to the next."""
    hero = _amount(doc, e)
    side = _people(doc, e)
    tall = max(hero.height, side.height) + 2 * PADDING
    card(paper, hero, LEFT, paper.y, tall)
    card(paper, side, LEFT + _HERO + GAP, paper.y, tall, fill=paper.brand.tint)
    paper.y -= tall + GAP
    summary = invoice_summary.build(doc, e, country)
    authorised = fiscal_marks.authorisation(doc.argentina, e) if doc.argentina else None
    foot = GAP + authorised.height + 2 * PADDING if authorised else 0
    _consumptions(paper, doc, e, summary.height + foot)
    summary.draw(paper)
    if authorised is not None:
        place(paper, authorised)


# ---------------------------------------------------------------------------------------------- the amount
def _amount(doc: InvoiceDocument, e: Edition) -> Stack:
    stack = Stack(_HERO - 2 * PADDING)
    due = doc.amount_due
    asked = _asked(doc, e)
    stack.text(asked, SEMIBOLD, 9.5, ink.MUTED, kind="heading")
    stack.space(2)
    stack.display(e.f.money(abs(due)), 40)
    stack.space(3)
    if due > 0:
        stack.tag(_until(doc, e), ink.AMBER, ink.AMBER_GROUND, 10)
        if doc.instalments:
            stack.space(4)
            stack.message(*_later_instalments(doc, e))
        if doc.second_due:
            stack.space(4)
            second = {"date": e.f.day(doc.second_due.day), "amount": e.f.money(doc.second_due.amount)}
            stack.message(e.t("Second due date: {date}, **{amount}**"), second)
    elif due < 0:
        stack.tag(e.t("In your favour: it pays what is due and your next bills"), ink.GREEN, ink.GREEN_GROUND, 10)
    else:
        stack.tag(e.t("Settled"), ink.GREEN, ink.GREEN_GROUND, 10)
    if doc.corrects is not None:
        stack.space(6)
        before, after = doc.corrects
        values = {"before": e.f.money(before), "after": e.f.money(after)}
        stack.message(e.t("Billed until now: **{before}**. What is right: **{after}**."), values)
    if doc.argentina is not None and doc.argentina.letter == "X":
        stack.space(6)
        stack.message(
            e.t("It is paid apart: whoever pays the bill of the service keeps the service without paying this."), {}
        )
    if doc.payment and due > 0:
        stack.space(9)
        stack.text(e.t("How to pay"), SEMIBOLD, 9.5, kind="heading")
        stack.space(1)
        pay(stack, doc, doc.payment[0], e)
        others = [e.word(METHODS, option.method, option.label) for option in doc.payment[1:]]
        if others:
            stack.message(e.t("You can also pay by: {methods}."), {"methods": e.f.listing(others)}, 8.5, ink.MUTED)
    if doc.change:
        stack.space(7)
        _change(stack, doc, e)
    return stack


def _until(doc: InvoiceDocument, e: Edition) -> str:
    """When it is due; in instalments, what of it first."""
    if not doc.instalments:
        return e.t("Due on {date}").format(date=e.f.full_date(doc.due_date))
    first = doc.instalments[0]
    return e.t("First instalment: {amount}, due on {date}").format(
        amount=e.f.money(first.amount), date=e.f.full_date(first.day)
    )


def _later_instalments(doc: InvoiceDocument, e: Edition) -> tuple[str, dict[str, str]]:
    """A message and its values: the other instalments, or of many how many there are and the last one's day."""
    later = doc.instalments[1:]
    if len(later) > _NAMED:
        last = {"count": str(len(later)), "date": e.f.day(later[-1].day)}
        return e.t("Then **{count}** more instalments, the last on {date}; the detail names them all."), last
    parts = e.f.listing([f"{e.f.money(each.amount)}, {e.f.day(each.day)}" for each in later])
    return e.t("Then **{parts}**"), {"parts": parts}


def _asked(doc: InvoiceDocument, e: Edition) -> str:
    """What the amount is, and of which days; what bills no supply has none."""
    due = doc.amount_due
    if doc.done_on is not None:
        return e.t("To pay") if due > 0 else e.t("Nothing to pay: in your favour") if due else e.t("Nothing to pay")
    if due < 0:
        label = e.t("Nothing to pay: in your favour, {period}")
    else:
        label = e.t("To pay, {period}") if due > 0 else e.t("Nothing to pay, {period}")
    return label.format(period=e.f.period(doc.period_start, doc.last_day))


def pay(stack: Stack, doc: InvoiceDocument, option: PaymentOption, e: Edition) -> None:
    """The sentences that tell how one way of paying works."""
    values = {
        "account": NBSP.join(option.account.split()),
        "bank": f" ({option.bank})" if option.bank else "",
        "date": e.f.day(doc.due_date),
        "mandate": option.mandate,
        "places": option.label or ", ".join(doc.issuer.address),
        "reference": option.reference or doc.number,
        "url": option.url,
    }
    if option.method == "direct_debit":
        stack.message(e.t("Nothing to do: on {date} we charge it to your account **{account}**{bank}."), values)
        if option.mandate:
            stack.message(e.t("Mandate {mandate}."), values, 8.5, ink.MUTED)
    elif option.method == "transfer":
        stack.message(e.t("Transfer to **{account}**{bank}."), values)
        stack.message(e.t("Write this reference: **{reference}**"), values)
    elif option.method == "payment_code":
        stack.message(e.t("Payment code: **{reference}**"), values)
        if option.label:
            stack.message(e.t("Accepted at {places}."), values)
    elif option.method == "card":
        stack.message(e.t("By card in your digital office: **{url}**"), values)
    elif option.method == "wallet":
        stack.message(e.t("With {places}, to **{account}**"), values)
    else:
        stack.message(e.t("At our office: {places}"), values)


def _change(stack: Stack, doc: InvoiceDocument, e: Edition) -> None:
    assert doc.change is not None
    reasons = ", ".join(
        f"{e.f.signed_money(reason.amount)} {e.word(REASONS, reason.reason)}"
        for reason in doc.change.reasons
        if reason.amount
    )
    if doc.change.difference == 0:
        message = e.t("The same amount as in {month}.")
    elif doc.change.difference > 0:
        message = e.t("That is **{difference} more** than in {month}.")
        if reasons:
            message = e.t("That is **{difference} more** than in {month}: {reasons}.")
    else:
        message = e.t("That is **{difference} less** than in {month}.")
        if reasons:
            message = e.t("That is **{difference} less** than in {month}: {reasons}.")
    values = {
        "difference": e.f.money(abs(doc.change.difference)),
        "month": e.f.month_name(doc.change.previous_start),
        "reasons": reasons,
    }
    stack.message(message, values)


def _people(doc: InvoiceDocument, e: Edition) -> Stack:
    """Holder and supply, in the place of the envelope's window."""
    stack = Stack(INNER - _HERO - GAP - 2 * PADDING)
    stack.text(doc.holder.name, SEMIBOLD, 10.5, kind="heading")
    for line in doc.holder.address or doc.supply.address:
        stack.text(line, REGULAR, 9)
    stack.space(3)
    stack.text(f"{doc.holder.document_type} {doc.holder.document}", REGULAR, 8.5, ink.MUTED)
    if doc.holder.iva_condition:
        stack.text(f"IVA: {doc.holder.iva_condition}", REGULAR, 8.5, ink.MUTED)
    stack.space(9)
    stack.text(e.t("Supply"), SEMIBOLD, 9.5, ink.MUTED, kind="heading")
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
        return typeface.runs(e.t("{when} you consumed **{quantity}**."), values)
    values["share"] = e.f.share(abs(consumption.quantity - before), before)
    if consumption.quantity < before:
        message = e.t("{when} you consumed **{quantity}**, {share} less than a year ago.")
    elif consumption.quantity > before:
        message = e.t("{when} you consumed **{quantity}**, {share} more than a year ago.")
    else:
        message = e.t("{when} you consumed **{quantity}**, the same as a year ago.")
    return typeface.runs(message, values)


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


def _consumptions(paper: Paper, doc: InvoiceDocument, e: Edition, below: float) -> None:
    """A card for each service, two beside each other, with their charts at the same height.

    The charts give or take some height so that `below` points of summary still fit on page one.
    """
    shown = [consumption for consumption in doc.consumptions if consumption.history]
    for start in range(0, len(shown), 2):
        pair = shown[start : start + 2]
        outer = (INNER - GAP * (len(pair) - 1)) / len(pair)
        stacks = [_consumption_words(doc, consumption, e, outer - 2 * PADDING, len(shown) > 1) for consumption in pair]
        words = max(stack.height for stack in stacks)
        least, usual, most = _CHART
        spare = paper.y - BOTTOM - below - GAP - words - 4 - 2 * PADDING
        height = min(spare, most) if len(shown) <= 2 and spare >= least else usual
        for consumption, stack in zip(pair, stacks, strict=True):
            stack.space(words - stack.height + 4)
            says = chart.says(consumption.history, e.f, e.t, e.word(UNITS, consumption.unit))
            stack.add(height, _chart(consumption, e, stack.width, height), says=says)
        tall = words + 4 + height + 2 * PADDING
        if not paper.room(tall):
            paper.new_page()
        for index, stack in enumerate(stacks):
            card(paper, stack, LEFT + index * (outer + GAP), paper.y, tall)
        paper.y -= tall + GAP


def _consumption_words(doc: InvoiceDocument, consumption: Consumption, e: Edition, width: float, named: bool) -> Stack:
    stack = Stack(width)
    service = e.word(SERVICES, consumption.service)
    heading = e.t("Your consumption: {service}").format(service=service.lower()) if named else e.t("Your consumption")
    stack.heading(heading)
    stack.runs(sentence(doc, consumption, e), 10)
    measured = coverage(consumption, e)
    if measured:
        stack.text(measured, REGULAR, 8.5, ink.MUTED)
    return stack


def _chart(consumption: Consumption, e: Edition, width: float, height: float) -> Draw:
    return lambda paper, x, top: chart.bars(paper, consumption.history, e.f, e.t, (x, top, width, height))
