"""An issued invoice as a printable document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, cast
from urllib.parse import urlencode

from services.billing.documents.model import (
    ArgentineFiscal,
    Change,
    Consumption,
    Coverage,
    InvoiceDocument,
    Line,
    MonthConsumption,
    PaymentOption,
    PeriodQuantity,
    PriorDebt,
    Tax,
)
from services.billing.domain.bill import ZERO
from services.billing.domain.supplies import Supply
from services.billing.papers import people
from services.billing.papers.explain import change, destination
from services.billing.repository.invoices import Details, Issued
from services.billing.rules import Rules
from services.billing.snapshots import member_of, supply_of

HISTORY_MONTHS = 14
COMPARATOR = "https://comparador.cnmc.gob.es/comparador/QRE"
MISSING_HOURS = {
    "es": "En este periodo faltan las medidas de {missing} de {expected} horas. Se factura solo la energía medida; si más "
    "adelante se reciben esas medidas, se regularizará en otra factura.",
    "en": "In this period {missing} of {expected} hours could not be read. Only measured energy is billed; should those "
    "readings arrive later, they will be settled on another invoice.",
}


@dataclass(frozen=True)
class InvoicePapers:
    """An invoice with the ones before it, newest first (those of the same supply)."""

    invoice: Issued
    details: Details
    earlier: tuple[Issued, ...]
    previous_details: Details | None


def invoice_document(papers: InvoicePapers, rules: Rules) -> tuple[InvoiceDocument, str]:
    """The document and the language it is printed in; everything as it was known on issue."""
    invoice, details = papers.invoice, papers.details
    printed = invoice.printed
    language: str = printed["language"]
    supply = supply_of(printed["supply"])
    member = member_of(printed["holder"])
    is_ar = rules.country.code == "ar"
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
        holder=people.holder(member, supply, rules),
        supply=people.supply_part(supply, invoice.period, dict(printed["product"])),
        lines=tuple(Line(**line.__dict__) for line in details.lines),
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
        payment=_payment(rules, invoice),
        prior_debts=_prior_debts(invoice) if is_ar else None,
        change=_change(papers),
        destination=destination(details, tariff, invoice.period_start, rules.country.policy),
        argentina=_argentina(rules, invoice, details) if is_ar else None,
        comparator_url="" if is_ar else comparator_url(invoice, details, supply),
        regulation=tuple(printed["references"]),
        legal=_missing_hours(invoice, language),
        notice=people.notice(rules, language),
    )
    return document, language


def _consumptions(papers: InvoicePapers, supply: Supply) -> tuple[Consumption, ...]:
    """Metered services only: what is not measured has no consumption to show."""
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
    meters = [serial for service in supply.services for serial in service.meters_in(invoice.period)]
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
            meter=meters[-1] if meters else "",
        ),
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


def _payment(rules: Rules, invoice: Issued) -> tuple[PaymentOption, ...]:
    terms = rules.profile.section("payment")
    account = _account(str(terms.get("iban") or terms.get("alias") or ""))
    options = [PaymentOption("transfer", account=account, reference=invoice.number)] if account else []
    return (*options, PaymentOption("office"))


def _account(text: str) -> str:
    """An IBAN in groups of four, as banks print it; an alias as it is."""
    if text[:2].isalpha() and text[2:4].isdigit():
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))
    return text


def _prior_debts(invoice: Issued) -> tuple[PriorDebt, ...]:
    """What was overdue on issue (Ley 24.240 art. 30 bis: the bill says it, or that there is none)."""
    return tuple(
        PriorDebt(number, date.fromisoformat(due), Decimal(amount))
        for number, due, amount in invoice.printed["prior_debts"]
    )


def _change(papers: InvoicePapers) -> Change | None:
    before = papers.earlier[0] if papers.earlier else None
    if before is None or papers.previous_details is None or before.period_end != papers.invoice.period_start:
        return None
    return change(papers.invoice, papers.details, before, papers.previous_details)


def _argentina(rules: Rules, invoice: Issued, details: Details) -> ArgentineFiscal:
    letter = cast(Literal["A", "B"], invoice.series.partition("-")[0])
    iva = sum((tax.amount for tax in details.taxes if tax.kind == "iva"), ZERO)
    return ArgentineFiscal(
        letter=letter,
        point_of_sale=int(rules.profile.section("series").get("point_of_sale", 1)),
        contained_iva=iva if letter == "B" else ZERO,
    )


def _missing_hours(invoice: Issued, language: str) -> tuple[str, ...]:
    if not invoice.hours_missing:
        return ()
    text = MISSING_HOURS.get(language, MISSING_HOURS["en"])
    return (text.format(missing=invoice.hours_missing, expected=invoice.hours_expected),)


def comparator_url(invoice: Issued, details: Details, supply: Supply) -> str:
    """The CNMC comparator's address with the invoice's data (BOE-A-2021-11035); it carries personal data, never log it."""

    def sum_of(*concepts: str) -> Decimal:
        return sum((line.amount for line in details.lines if line.concept in concepts), ZERO)

    powers = {line.period: line for line in details.lines if line.concept == "power"}
    energies = {line.period: line for line in details.lines if line.concept == "energy"}
    surplus = sum_of("surplus")
    values: dict[str, object] = {"cp": supply.address.postcode, "cups": supply.cups}
    values |= {f"p{period}": line.quantity for period, line in powers.items()}
    values |= {
        "tc": "E0",
        "iniF": invoice.period_start - timedelta(days=1),
        "finF": invoice.period_end - timedelta(days=1),
        "fFact": invoice.issue_date,
    }
    values |= {f"cf{period}": f"{line.quantity:.0f}" for period, line in energies.items()}
    values |= {
        "imp": invoice.total,
        "impPot": sum_of("power"),
        "impEner": sum_of("energy"),
        "impOtrosSinIE": sum_of("meter_rental"),
        "finBS": sum_of("social_bonus_financing"),
        "dto": 0,
    }
    if surplus:
        values["exc"] = surplus
    values |= {f"pr{period}": line.unit_price for period, line in powers.items()}
    values |= {f"prE{period[1:]}": line.unit_price for period, line in energies.items()}
    return f"{COMPARATOR}?{urlencode({name: _text(value) for name, value in values.items()})}"


def _text(value: object) -> str:
    """Decimals without trailing zeros, except money, which keeps its cents."""
    if isinstance(value, Decimal) and value.as_tuple().exponent not in (0, -2):
        return f"{value.normalize():f}"
    return str(value)
