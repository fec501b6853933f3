"""After the detail: the contract, the readings, how to claim, and what the law obliges the invoice to say."""

from __future__ import annotations

from collections.abc import Sequence

from services.billing.documents import calculation, energy_mix, ink, invoice_front, money_shares, payment_slip
from services.billing.documents.codes import code_item, shown_address
from services.billing.documents.countries import Country
from services.billing.documents.edition import Edition, code_in_fours
from services.billing.documents.figures import NBSP
from services.billing.documents.invoice_summary import shares_on_page_one
from services.billing.documents.model import ZERO, Consumption, InvoiceDocument
from services.billing.documents.paper import GAP, INNER, LEFT, PADDING, Paper, Stack, card, place
from services.billing.documents.table import Cell, head, row
from services.billing.documents.typeface import REGULAR, SEMIBOLD
from services.billing.documents.vocabulary import CONTRACT_KINDS, SERVICES, UNITS

_HALF = (INNER - GAP) / 2 - 2 * PADDING


def draw(paper: Paper, doc: InvoiceDocument, e: Edition, country: Country) -> None:
    """Draw the cards from the paper's cursor, each whole on its page."""
    slip = payment_slip.build(doc, e)
    if slip is not None:
        place(paper, slip)
    if doc.destination and not shares_on_page_one(doc):
        place(paper, money_shares.strip(doc, e))
    if doc.consumptions:
        place(paper, _readings(doc, e, country))
    if doc.origin is not None:
        place(paper, energy_mix.build(doc.origin, e))
    contract, claims = _contract(doc, e), _claims(doc, e, country)
    legal = _legal(doc, e, country, _HALF)
    if contract.height + 8 + legal.height <= claims.height:
        contract.space(8)
        contract.items += legal.items
        _two(paper, contract, claims)
    else:
        _two(paper, contract, claims)
        _legal(doc, e, country, INNER).flow(paper)


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
    powers = ", ".join(
        f"{calculation.period(e, power.period, power.name)}{NBSP}{e.f.number(power.kilowatts)}{NBSP}kW"
        for power in supply.powers
    )
    end = e.f.day(supply.contract_end) if supply.contract_end else ""
    if end and supply.contract_renewed:
        end = e.t("{date}, renewed automatically").format(date=end)
    facts = [
        (e.t("Holder"), holder.name, False),
        (holder.document_type, holder.document, False),
        (e.t("Member number"), holder.member_number, False),
        (e.t("Supply"), ", ".join(supply.address), False),
        ("CUPS", supply.cups, True),
        (e.t("Account"), supply.account, True),
        (e.t("Tariff"), supply.tariff, False),
        (e.t("Kind of contract"), e.word(CONTRACT_KINDS, supply.contract_kind) if supply.contract_kind else "", False),
        (e.t("Powers"), powers, True),
        (e.t("Meters") if len(supply.meters) > 1 else e.t("Meter"), ", ".join(supply.meters), False),
        (e.t("Distributor"), supply.distributor, False),
        (e.t("Contract"), supply.contract_reference, False),
        (e.t("Access contract"), supply.access_contract_reference, False),
        (e.t("End of contract"), end, False),
    ]
    for label, value, strong in facts:
        if value:
            stack.pair(label, value, size=8.2, strong=strong, share=0.34)
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
            stack.pair(label, value, size=8.2, strong=strong, share=0.3)
    stack.space(6)
    for paragraph in country.claims:
        stack.text(e.t(paragraph), REGULAR, 8, ink.MUTED)
    if doc.verification:
        stack.space(8)
        code = code_in_fours(doc.verification.code).replace(" ", NBSP)
        text = e.t("To check this invoice, scan it or write this code: {code}").format(code=code)
        stack.items.append(code_item(doc.verification.url, text, shown_address(doc.verification.url), _HALF, 52))
    return stack


def _readings(doc: InvoiceDocument, e: Edition, country: Country) -> Stack:
    stack = Stack(INNER - 2 * PADDING)
    one = doc.consumptions[0] if len(doc.consumptions) == 1 else None
    stack.heading(
        e.t("Readings") + (", " + e.t("meter {serial}").format(serial=one.meter) if one and one.meter else "")
    )
    facts = []
    headed = False
    for consumption in doc.consumptions:
        prefix = "" if one else ", ".join(filter(None, (e.word(SERVICES, consumption.service), consumption.meter)))
        if consumption.readings:
            _registers(stack, consumption, prefix, e, headed)
            headed = True
        elif consumption.by_period:
            _periods(stack, consumption, prefix, e)
        facts += _facts(consumption, e)
    facts += [*_last_year(doc.consumptions, e), *_daily_means(doc, e)]
    stack.space(3)
    stack.text(" ".join([*facts, e.t(country.hourly_data)]), REGULAR, 8, ink.MUTED)
    return stack


def _registers(stack: Stack, consumption: Consumption, prefix: str, e: Edition, headed: bool) -> None:
    """Each register read: both readings with their dates and whether they are real or estimated; one head for all."""
    columns = tuple(stack.width * part for part in (0.28, 0.27, 0.27, 0.18))
    names = (e.t("Register"), e.t("From"), e.t("To"), e.t("Difference"))
    if not headed:
        stack.items.append(head(columns, names, ("left", "right", "right", "right")))
    for reading in consumption.readings:
        named = calculation.period(e, reading.period, reading.name)
        register = " ".join(filter(None, (prefix, named))) or e.word(SERVICES, consumption.service)
        cells = [Cell(register, SEMIBOLD)]
        for day, guess, value in (
            (reading.start_date, reading.start_estimated, reading.start),
            (reading.end_date, reading.end_estimated, reading.end),
        ):
            kind = e.t("estimated") if guess else e.t("real")
            cells.append(Cell(f"{e.f.short_date(day)}, {kind}: {e.f.number(value)}", align="right"))
        counted = reading.end - reading.start if reading.used is None else reading.used
        used = f"{e.f.number(counted)}{NBSP}{e.word(UNITS, consumption.unit)}"
        stack.items.append(row(columns, [*cells, Cell(used, align="right")], size=8, pad=2))


def _periods(stack: Stack, consumption: Consumption, prefix: str, e: Edition) -> None:
    """Without register readings, what the hourly load curve gives for each tariff period."""
    columns = tuple(stack.width * part for part in (0.5, 0.25, 0.25))
    unit = e.word(UNITS, consumption.unit)
    names = (e.t("Tariff period, by the hourly load curve"), e.t("Share"), unit)
    stack.items.append(head(columns, names, ("left", "right", "right")))
    for part in consumption.by_period:
        share = e.f.share(part.quantity, consumption.quantity) if consumption.quantity else ""
        cells = [
            Cell(" ".join(filter(None, (prefix, calculation.period(e, part.period, part.name)))), SEMIBOLD),
            Cell(share, colour=ink.MUTED, align="right"),
            Cell(e.f.number(part.quantity), align="right"),
        ]
        stack.items.append(row(columns, cells, size=8, pad=2))


def _facts(consumption: Consumption, e: Edition) -> list[str]:
    """What else the law wants known about the consumption, one sentence each."""
    unit = NBSP + e.word(UNITS, consumption.unit)
    facts = [invoice_front.coverage(consumption, e)]
    counted = sum((each.end - each.start if each.used is None else each.used for each in consumption.readings), ZERO)
    if consumption.readings and consumption.coverage is not None and counted != consumption.quantity:
        facts.append(e.t("What is billed is the energy of the hours; the display of the meter shows whole units."))
    if consumption.surplus is not None:
        facts.append(e.t("Fed into the grid: {quantity}.").format(quantity=e.f.number(consumption.surplus) + unit))
    if consumption.maximum_power:
        powers = ", ".join(
            f"{calculation.period(e, power.period, power.name)}{NBSP}{e.f.number(power.kilowatts)}{NBSP}kW"
            for power in consumption.maximum_power
        )
        facts.append(e.t("Highest power of the last year: {powers}.").format(powers=powers))
    return [fact for fact in facts if fact]


def _last_year(consumptions: Sequence[Consumption], e: Edition) -> list[str]:
    """One sentence for all the services."""
    known = [
        e.f.number(each.last_year) + NBSP + e.word(UNITS, each.unit)
        for each in consumptions
        if each.last_year is not None
    ]
    return [e.t("In the last year: {quantity}.").format(quantity="; ".join(known))] if known else []


def _daily_means(doc: InvoiceDocument, e: Edition) -> list[str]:
    """What a day cost in this period and in the last 14 months (Res. 28 April 2021, block 4)."""
    facts = []
    if doc.daily_mean is not None:
        facts.append(e.t("A day of this period cost {amount} on average.").format(amount=e.f.money(doc.daily_mean)))
    if doc.daily_mean_history is not None:
        text = e.t("A day of the last 14 months: {amount}.")
        facts.append(text.format(amount=e.f.money(doc.daily_mean_history)))
    return facts


def _legal(doc: InvoiceDocument, e: Edition, country: Country, width: float) -> Stack:
    """Debts, transparency of taxes, the law's own words and the bulletins of the prices."""
    stack = Stack(width)
    if doc.prior_debts is not None:
        if doc.prior_debts:
            stack.text(e.t("Outstanding debts on the issue date:"), SEMIBOLD, 8.5, ink.RED)
            for debt in doc.prior_debts:
                text = e.t("{number}, due on {date}: {amount}")
                stack.text(
                    text.format(number=debt.number, date=e.f.day(debt.due), amount=e.f.money(debt.amount)),
                    REGULAR,
                    8.5,
                )
        else:
            stack.text(e.t("There are no outstanding debts."), SEMIBOLD, 8.5)
        stack.space(3)
    if doc.argentina and doc.argentina.letter in "BC":  # RG 5614/2024: documents to consumers, a line for each
        stack.text(e.t("Consumer fiscal transparency (Ley 27.743)"), SEMIBOLD, 8)
        share = 0.7 if width < INNER / 2 else 0.3
        stack.pair(e.t("IVA contained"), e.f.money(doc.argentina.contained_iva), size=8, share=share)
        others = e.f.money(doc.argentina.other_national_taxes)
        stack.pair(e.t("Other national indirect taxes"), others, size=8, share=share)
        stack.space(3)
    for paragraph in (*country.quoted, *doc.regulation, *doc.legal):
        stack.text(paragraph, REGULAR, 8, ink.MUTED)
        stack.space(2)
    return stack
