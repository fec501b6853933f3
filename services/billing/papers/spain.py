"""What only a Spanish invoice says: the tax office's code, the comparator's, the origin of the electricity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from services.billing.documents.model import EnergyMix, InvoiceDocument, Tax, TaxOfficeCode
from services.billing.documents.parts import Impact, OriginShare
from services.billing.domain.bill import ZERO, BillLine
from services.billing.domain.fiscal import cnmc_qr
from services.billing.domain.fiscal.cnmc_qr import ComparatorInvoice
from services.billing.domain.fiscal.energy_origin import SOURCES, EnergyOrigin, origin_on
from services.billing.domain.fiscal.verifactu import validation_url
from services.billing.domain.planning import add_months
from services.billing.domain.supplies import Supply
from services.billing.papers.invoice_papers import InvoicePapers
from services.billing.repository.invoices import SERVICE, Details
from services.billing.rules import Rules

#: How the bill of a home calls the periods of its tariff (Res. 28 April 2021), those of the energy and those of the power.
PERIOD_NAMES = {
    "energy": {"P1": "peak", "P2": "middle", "P3": "off_peak"},
    "power": {"P1": "peak", "P2": "off_peak"},
}
YEAR = 12  # months of the comparator's annual window


def complete(document: InvoiceDocument, papers: InvoicePapers, supply: Supply, rules: Rules) -> InvoiceDocument:
    invoice, details = papers.invoice, papers.details
    electricity = any(line.service == "electricity" for line in details.lines)
    origin = origin_on(rules.energy_origins, invoice.issue_date) if electricity else None
    url = validation_url(
        rules.fiscal.tax_office, rules.profile.tax_id, invoice.number, invoice.issue_date, invoice.total
    )
    document = _with_period_names(document, supply)
    document = replace(
        document,
        supply=replace(
            document.supply,
            distributor=str(rules.profile.raw.get("distributor", "")),
            **_end_of_contract(supply, rules, invoice.issue_date),
        ),
    )
    return replace(
        document,
        taxes=_taxes(document, papers, supply, rules),
        tax_code=TaxOfficeCode(url) if papers.registered else None,
        comparator_url=comparator_url(papers, supply, rules.fiscal.retailer_code, document.supply.contract_end)
        if invoice.kind == SERVICE
        else "",
        origin=_mix(origin) if origin else None,
    )


def _end_of_contract(supply: Supply, rules: Rules, issued: date) -> dict[str, Any]:
    """The last day of the contract billed last: the one agreed, or that of the term that runs, after which it goes on by
    itself; nothing where contracts have no term.
    """
    contracts = [each for service in supply.services if service.kind == "electricity" for each in service.contracts]
    if not contracts:
        return {}
    start, end, months = contracts[-1].start, contracts[-1].end, rules.contract_months
    if end is not None:
        return {"contract_end": end - timedelta(days=1), "contract_renewed": False}
    if not months:
        return {}
    terms = max((issued.year - start.year) * 12 + issued.month - start.month, 0) // months
    while add_months(start, terms * months) <= issued:
        terms += 1
    return {"contract_end": add_months(start, terms * months) - timedelta(days=1)}


def _with_period_names(document: InvoiceDocument, supply: Supply) -> InvoiceDocument:
    """Periods with their names, where the whole bill is of the tariff that has them."""
    contracts = [each for service in supply.services if service.kind == "electricity" for each in service.contracts]
    if not contracts or any(contract.tariff != "2.0TD" for contract in contracts):
        return document
    energy, power = PERIOD_NAMES["energy"], PERIOD_NAMES["power"]
    return replace(
        document,
        lines=tuple(
            replace(line, period_name=PERIOD_NAMES.get(line.concept, {}).get(line.period, ""))
            for line in document.lines
        ),
        consumptions=tuple(
            replace(
                each,
                by_period=tuple(replace(part, name=energy.get(part.period, "")) for part in each.by_period),
                readings=tuple(replace(part, name=energy.get(part.period, "")) for part in each.readings),
                maximum_power=tuple(replace(part, name=power.get(part.period, "")) for part in each.maximum_power),
            )
            for each in document.consumptions
        ),
        supply=replace(
            document.supply,
            powers=tuple(replace(part, name=power.get(part.period, "")) for part in document.supply.powers),
        ),
    )


def _taxes(document: InvoiceDocument, papers: InvoicePapers, supply: Supply, rules: Rules) -> tuple[Tax, ...]:
    """Each with the share of its lines that it is on, by the use of the last contract billed."""
    contracts = [each for service in supply.services if service.kind == "electricity" for each in service.contracts]
    if not contracts or not contracts[-1].electricity_tax:
        return document.taxes
    corrects = papers.invoice.printed.get("rectification")
    accrual = date.fromisoformat(corrects["issue_date"]) if corrects else papers.invoice.issue_date
    share = rules.country.policy.taxed_share
    return tuple(replace(tax, share=share(tax.code, contracts[-1], accrual)) for tax in document.taxes)


def comparator_url(papers: InvoicePapers, supply: Supply, retailer: str = "", contract_end: date | None = None) -> str:
    """The comparator's address with the invoice's data; "" for a tariff that carries none. Never log it."""
    invoice, details = papers.invoice, papers.details
    tariffs = {contract.tariff for service in supply.services for contract in service.contracts}
    if not tariffs & cnmc_qr.TARIFFS:
        return ""
    powers = [line for line in details.lines if line.concept == "power"]
    energies = [line for line in details.lines if line.concept == "energy"]
    kind = str(invoice.printed["product"].get("electricity", ("fixed",))[0])
    window = _year(papers)
    return cnmc_qr.comparator_url(
        ComparatorInvoice(
            postcode=supply.address.postcode,
            cups=supply.cups,
            period=invoice.period,
            issue_date=invoice.issue_date,
            contract_type=cnmc_qr.contract_type(
                kind, len(set(_prices(energies).values())), bool(_sum(details, "management_fee"))
            ),
            total=invoice.total,
            power_amount=_sum(details, "power"),
            energy_amount=_sum(details, "energy"),
            inside_tax_amount=_others(details, inside=True),
            outside_tax_amount=_others(details, inside=False),
            financing_amount=_sum(details, "social_bonus_financing"),
            powers={line.period: line.quantity for line in powers if line.quantity is not None},
            energies=_quantities(energies),
            power_prices=_prices(powers),
            energy_prices=_prices(energies),
            surplus_amount=_sum(details, "surplus"),
            discount=_sum(details, "discount") + _sum(details, "invitation"),
            retailer=retailer,
            contract_end=contract_end,
            year_start=window[0] if window else None,
            year_energies=window[1] if window else {},
            highest_powers=papers.highest_powers(),
        )
    )


#: What has a parameter of its own.
_NAMED = frozenset({"power", "energy", "surplus", "discount", "invitation", "social_bonus_financing"})


def _others(details: Details, *, inside: bool) -> Decimal:
    """The rest of the electricity's lines, inside or outside the base of the electricity tax."""
    lines = [line for line in details.lines if line.service == "electricity" and line.concept not in _NAMED]
    return sum((line.amount for line in lines if ("iee" in line.taxed_by) == inside), ZERO)


def _sum(details: Details, concept: str) -> Decimal:
    return sum((line.amount for line in details.lines if line.concept == concept), ZERO)


def _quantities(lines: Iterable[BillLine]) -> dict[str, Decimal]:
    """By period; where prices changed inside, the parts of a period together."""
    found: dict[str, Decimal] = {}
    for line in lines:
        if line.quantity is not None:
            found[line.period] = found.get(line.period, ZERO) + line.quantity
    return found


def _prices(lines: Iterable[BillLine]) -> dict[str, Decimal]:
    """By period, the last of the invoice; energy priced by the hour has none."""
    return {line.period: line.unit_price for line in lines if line.unit_price is not None}


def _year(papers: InvoicePapers) -> tuple[date, Mapping[str, Decimal]] | None:
    """First day and kWh by period of the twelve months up to this invoice's; None unless all of them were billed."""
    whole = [papers.invoice, *papers.earlier][:YEAR]
    joined = all(later.period_start == before.period_end for later, before in pairwise(whole))
    if len(whole) < YEAR or not joined:
        return None
    now = {period: energy.import_wh for (service, period), energy in papers.details.consumption.items()
           if service == "electricity"}  # fmt: skip
    months = [now, *(papers.energies.get(each.id, {}) for each in whole[1:])]
    periods = sorted({period for month in months for period in month})
    total = {period: Decimal(sum(month.get(period, 0) for month in months)) / 1000 for period in periods}
    return whole[-1].period_start, total


def _mix(origin: EnergyOrigin) -> EnergyMix:
    own, country = origin.own, origin.country
    return EnergyMix(
        year=origin.year,
        source=origin.source,
        shares=tuple(
            OriginShare(source, own.shares.get(source), country.shares.get(source))
            for source in SOURCES
            if source in own.shares or source in country.shares
        ),
        co2=Impact(own.co2, country.co2, own.co2_letter),
        waste=Impact(own.waste, country.waste, own.waste_letter),
    )
