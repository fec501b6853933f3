"""Electricity tax (IEE, Ley 38/1992 arts. 89-104) and IVA (Ley 37/1992) of a Spanish bill, by its accrual date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.billing.domain.charging import OUTSIDE, ChargeConcept
from services.billing.domain.planning import Segment
from services.billing.domain.policy import TaxFacts
from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.errors import Refused
from services.chassis.money import round_half_up

#: Concepts inside the base of the electricity tax; financing, rental and fees stay outside (real 2026 invoices).
IEE_CONCEPTS = frozenset(
    {
        "power",
        "energy",
        "fixed_charge",
        "excess_power",
        "reactive",
        "discount",
        "invitation",
        "surplus",
        "management_fee",
    }
)
#: Where another tax takes the place of IVA, for which there are no rates here.
OTHER_TAXES = {"canarias": "IGIC", "ceuta": "IPSI", "melilla": "IPSI"}


def iee(tables: SpanishTables, lines: Sequence[BillLine], facts: TaxFacts) -> BillTax:
    """max(rate × base, minimum × MWh), each rounded (art. 99), on the lines that name "iee"."""
    row = tables.iee.at(facts.accrual_date)
    electricity = [segment for segment in facts.segments if segment.service == "electricity"]
    share, minimum_per_mwh = Decimal(1), row.minimum_per_mwh
    use = electricity[-1].contract.electricity_tax if electricity else ""
    if any(segment.contract.tariff.startswith("6.") for segment in electricity):
        minimum_per_mwh = row.reduced_minimum_per_mwh
    if use:
        if use not in tables.iee_uses:
            raise Refused(
                f"The electricity tax use {use!r} is not known; use one of {', '.join(sorted(tables.iee_uses))}.",
                reason="NO_TABLE_ROW",
            )
        rule = tables.iee_uses[use].at(facts.accrual_date)
        share = rule.base
        if rule.minimum != "general":
            minimum_per_mwh = row.reduced_minimum_per_mwh if rule.minimum == "reduced" else ZERO
    base = round_half_up(sum((line.amount for line in lines if "iee" in line.taxed_by), ZERO) * share)
    mwh = Decimal(facts.import_wh) / 1_000_000
    by_rate = round_half_up(base * row.rate)
    minimum = round_half_up(mwh * minimum_per_mwh)
    return BillTax(
        "iee",
        "iee",
        base,
        row.rate,
        max(by_rate, minimum),
        minimum_applied=minimum > by_rate,
        quantity_mwh=mwh,
    )


def iva_rate(tables: SpanishTables, service: str, facts: TaxFacts) -> Decimal:
    """The one rate of a service's lines on the whole invoice, by accrual date and highest contracted power.

    Refused when the rule of that date depends on a market price that is not given, or the zone has another tax.
    """
    _check_zone(facts.zone, facts.accrual_date)
    row = tables.iva[service].at(facts.accrual_date)
    segments = [segment for segment in facts.segments if segment.service == service]
    if row.reduced is None:
        return row.general
    if any(segment.contract.vulnerable for segment in segments):
        return row.reduced
    if not _small(segments, row.up_to_w, row.below):
        return row.general
    if row.market_price_above is not None:
        if facts.market_price is None:
            raise Refused(
                f"The IVA of an invoice accruing on {facts.accrual_date} depends on the mean market price of the month "
                "before, which is not known here; that date cannot be billed.",
                reason="NO_MARKET_PRICE",
            )
        if facts.market_price <= row.market_price_above:
            return row.general
    return row.reduced


def charge_rate(tables: SpanishTables, concept: ChargeConcept, zone: str, day: date) -> Decimal | None:
    """The rate of what is no supply; None outside the tax. Refused when no table says the tax of the zone and day."""
    if concept.iva == OUTSIDE:
        return None
    _check_zone(zone, day)
    return tables.general_iva.at(day)


def _check_zone(zone: str, day: date) -> None:
    if zone in OTHER_TAXES:
        tax = OTHER_TAXES[zone]
        raise Refused(
            f"In {zone} the tax is {tax}, and there is no table of {tax} rates for {day}; add it before billing there.",
            reason="NO_TABLE_ROW",
        )


def _small(segments: Sequence[Segment], up_to_w: int, below: bool) -> bool:
    watts = max((segment.contract.highest_power_w for segment in segments), default=0)
    return watts < up_to_w if below else watts <= up_to_w
