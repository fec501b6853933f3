"""An issued invoice as a printable document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from services.billing.documents.model import (
    Change,
    Consumption,
    ContractedPower,
    Coverage,
    InvoiceDocument,
    Line,
    MonthConsumption,
    PaymentOption,
    PeriodQuantity,
    Reading,
    Tax,
)
from services.billing.domain.bill import ZERO, BillLine
from services.billing.domain.closes import Close
from services.billing.domain.difference import comparable
from services.billing.domain.supplies import Member, Supply
from services.billing.papers import argentina, people, spain
from services.billing.papers.charges import charge_document
from services.billing.papers.explain import change, destination
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.papers.payment_code import payment_codes
from services.billing.papers.rectifying import rectifying_document
from services.billing.papers.water import reading_of, water_consumption
from services.billing.repository.invoices import Issued
from services.billing.rules import Rules
from services.billing.snapshots import member_of, supply_of
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

HISTORY_MONTHS = 14
#: What only one country's invoice says.
COUNTRIES = {"es": spain.complete, "ar": argentina.complete}
MISSING_HOURS = {
    "es": "En este periodo faltan las medidas de {missing} de {expected} horas. Se factura solo la energía medida; si más "
    "adelante se reciben esas medidas, se regularizará en otra factura.",
    "en": "In this period {missing} of {expected} hours could not be read. Only measured energy is billed; should those "
    "readings arrive later, they will be settled on another invoice.",
}
INVITATION = {
    "es": "Código de invitación: {code}. Quien se da de alta con él y quien lo da reciben energía en su próxima factura.",
    "en": "Invitation code: {code}. Who becomes a customer with it and who gives it get energy on their next bill.",
}


def invoice_document(papers: InvoicePapers, rules: Rules) -> tuple[InvoiceDocument, str]:
    """The document and the language it is printed in; everything as it was known on issue."""
    invoice, details = papers.invoice, papers.details
    printed = invoice.printed
    language: str = printed["language"]
    supply = supply_of(printed["supply"])
    member = member_of(printed["holder"])
    tariff = next((c.tariff for s in supply.services if s.kind == "electricity" for c in s.contracts), "")
    document = InvoiceDocument(
        jurisdiction=people.jurisdiction(rules),
        currency=invoice.currency,
        number=invoice.number,
        issue_date=invoice.issue_date,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        due_date=invoice.due_date,
        issuer=people.issuer(rules),
        holder=people.holder(member, supply),
        supply=people.supply_part(supply, invoice.period, dict(printed["product"])),
        lines=tuple(_line(line) for line in details.lines),
        taxes=tuple(
            Tax(
                tax.code,
                tax.base,
                tax.rate * 100,
                tax.amount,
                tax.minimum_applied,
                tax.quantity_mwh,
                tax.label,
                tax.taxed_by,
            )
            for tax in details.taxes
        ),
        total=invoice.total,
        consumptions=_consumptions(papers, supply),
        payment=(*_collected(papers.debit), *_payment(rules, papers)),
        change=_change(papers),
        destination=destination(details, tariff, invoice.period_start, rules.country.policy),
        regulation=tuple(printed["references"]),
        legal=(*_missing_hours(invoice, language), *_invitation(member, language)),
        notice=people.notice(rules, language),
        daily_mean=_daily_mean((invoice,)),
        daily_mean_history=_daily_mean((invoice, *papers.earlier)) if papers.earlier else None,
    )
    if "charge" in printed:
        document = charge_document(document, printed)
    document = COUNTRIES[rules.country.code](document, papers, supply, rules)
    return (rectifying_document(document, invoice, language) if "rectification" in printed else document), language


def _daily_mean(invoices: Sequence[Issued]) -> Decimal:
    """What a day cost: totals over the days billed, to the cent."""
    days = sum(each.period.days for each in invoices)
    return round_half_up(sum((each.total for each in invoices), ZERO) / days)


def _line(line: BillLine) -> Line:
    return Line(
        **{**line.__dict__, "quantity": shortest(line.quantity), "unit_price": shortest(line.unit_price, places=2)}
    )


def shortest(value: Decimal | None, places: int = 0) -> Decimal | None:
    """Without the zeros that only the column's scale added; prices keep two decimals."""
    if value is None:
        return None
    short = value.normalize()
    exponent = short.as_tuple().exponent
    assert isinstance(exponent, int)
    return short if exponent <= -places else short.quantize(Decimal(1).scaleb(-places))


def _consumptions(papers: InvoicePapers, supply: Supply) -> tuple[Consumption, ...]:
    """Metered services only: what is not measured has no consumption to show."""
    return (*_electricity(papers, supply), *_water(papers))


def _water(papers: InvoicePapers) -> tuple[Consumption, ...]:
    closes = [close for service, close in papers.details.readings if service == "water"]
    earlier = {
        (each.period_start.year, each.period_start.month): papers.water[each.id]
        for each in papers.earlier
        if each.id in papers.water
    }
    months = _months(papers.invoice.period_start, HISTORY_MONTHS)
    found = water_consumption(papers.invoice, closes, earlier, months)
    return () if found is None else (found,)


def _electricity(papers: InvoicePapers, supply: Supply) -> tuple[Consumption, ...]:
    invoice = papers.invoice
    periods = {key: energy for key, energy in papers.details.consumption.items() if key[0] == "electricity"}
    if not periods:
        return ()
    export = sum(energy.export_wh for energy in periods.values())
    by_month = {(each.period_start.year, each.period_start.month): each for each in (invoice, *papers.earlier)}
    months = list(_months(invoice.period_start, HISTORY_MONTHS))
    history = tuple(_month(year, month, by_month.get((year, month))) for year, month in months)
    twelve = [each.quantity for each in history[-12:]]
    last_year = by_month.get((invoice.period_start.year - 1, invoice.period_start.month))
    meters = [
        serial
        for service in supply.services
        if service.kind == "electricity"
        for serial in service.meters_in(invoice.period)
    ]
    complete = invoice.hours_missing == 0
    coverage = Coverage(invoice.hours_expected, invoice.hours_measured, invoice.hours_estimated) if complete else None
    quantities = tuple(
        PeriodQuantity(period, _kwh(energy.import_wh)) for (_, period), energy in sorted(periods.items())
    )
    return (
        Consumption(
            service="electricity",
            unit="kwh",
            quantity=_kwh(invoice.import_wh),
            by_period=quantities if len(quantities) > 1 else (),
            history=history,
            same_month_last_year=_kwh(last_year.import_wh) if last_year else None,
            last_year=sum((each for each in twelve if each is not None), ZERO) if None not in twelve else None,
            surplus=_kwh(export) if export else None,
            coverage=coverage,
            maximum_power=tuple(
                ContractedPower(period, kilowatts) for period, kilowatts in papers.highest_powers().items()
            ),
            readings=_displayed(papers),
            meter=meters[-1] if meters else "",
        ),
    )


def _displayed(papers: InvoicePapers) -> tuple[Reading, ...]:
    """What the electricity's meters showed at the first and the last midnight, register by register; a register that was
    read on the way too, where prices changed, from its first reading to its last.
    """
    joined: dict[tuple[str, str], Close] = {}
    for close in (each for service, each in papers.details.readings if service == "electricity"):
        key = (close.meter, close.register)
        before = joined.get(key)
        if before is not None:
            days = DatePeriod(before.period.start, close.period.end)
            close = replace(close, period=days, initial=before.initial, used=before.used + close.used)
        joined[key] = close
    several = len({meter for meter, _ in joined}) > 1
    return tuple(
        reading_of(close, " ".join(filter(None, (close.register, close.meter if several else ""))))
        for close in joined.values()
    )


def _month(year: int, month: int, issued: Issued | None) -> MonthConsumption:
    if issued is None:
        return MonthConsumption(year, month, None)
    return MonthConsumption(year, month, _kwh(issued.import_wh), estimated=issued.hours_estimated > 0)


def _months(last: date, count: int) -> Sequence[tuple[int, int]]:
    """The `count` months up to that of `last`, oldest first."""
    newest = last.year * 12 + last.month - 1
    return [(index // 12, index % 12 + 1) for index in range(newest - count + 1, newest + 1)]


def _kwh(wh: int) -> Decimal:
    return Decimal(wh) / 1000


def _collected(debit: tuple[str, str] | None) -> tuple[PaymentOption, ...]:
    return (PaymentOption("direct_debit", account=debit[0], mandate=debit[1]),) if debit else ()


def _payment(rules: Rules, papers: InvoicePapers) -> tuple[PaymentOption, ...]:
    """What is collected carries no bars for a counter: who paid there would pay twice."""
    invoice = papers.invoice
    terms = rules.profile.section("payment")
    account = _account(str(terms.get("iban") or terms.get("alias") or terms.get("cbu") or ""))
    options = [PaymentOption("transfer", account=account, reference=invoice.number)] if account else []
    codes = () if papers.debit else payment_codes(rules, invoice)
    return (*options, *codes, PaymentOption("office"))


def _account(text: str) -> str:
    """An IBAN in groups of four, as banks print it; an alias as it is."""
    if text[:2].isalpha() and text[2:4].isdigit():
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
    return text


def _change(papers: InvoicePapers) -> Change | None:
    now, before = papers.invoice, papers.earlier[0] if papers.earlier else None
    if (
        before is None
        or papers.previous_details is None
        or not comparable(now.kind, now.period, before.kind, before.period)
    ):
        return None
    return change(now, papers.details, before, papers.previous_details)


def _invitation(holder: Member, language: str) -> tuple[str, ...]:
    """The holder's code as it was when the invoice was issued."""
    return (INVITATION.get(language, INVITATION["en"]).format(code=holder.invitation),) if holder.invitation else ()


def _missing_hours(invoice: Issued, language: str) -> tuple[str, ...]:
    if not invoice.hours_missing:
        return ()
    text = MISSING_HOURS.get(language, MISSING_HOURS["en"])
    return (text.format(missing=invoice.hours_missing, expected=invoice.hours_expected),)
