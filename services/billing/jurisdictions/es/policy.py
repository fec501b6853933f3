"""Spain: tolls and charges, excess power, social bonus financing, meter rental, electricity tax (IEE) and IVA."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.bill import ZERO, BillLine, BillTax, Energy
from services.billing.domain.charges import prorated_month_line
from services.billing.domain.charging import OUTSIDE, ChargeLaw
from services.billing.domain.dated import DatedTable
from services.billing.domain.planning import HeldBill, Segment, by_year, joined, year_days
from services.billing.domain.policy import PerPeriod, TaxFacts
from services.billing.domain.supplies import Contract
from services.billing.domain.taxes import add_iva, taxed_by
from services.billing.jurisdictions.country import Jurisdiction
from services.billing.jurisdictions.disconnection import SOURCES as DISCONNECTION_SOURCES
from services.billing.jurisdictions.es import demand, taxes
from services.billing.jurisdictions.es.corrections import SOURCES as CORRECTION_SOURCES
from services.billing.jurisdictions.es.corrections import correction_law
from services.billing.jurisdictions.es.tables import FOLDER, SOURCES, SpanishTables
from services.billing.jurisdictions.files import working_calendar
from services.billing.jurisdictions.law_book import LawBook, own_rows
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

ONE = Decimal(1)


class SpanishPolicy:
    def __init__(self, law: LawBook = LawBook(FOLDER), *, financing_in_iee_base: bool = False) -> None:
        self.tables = SpanishTables(law)
        self.financing_in_iee_base = financing_in_iee_base

    def regulated_power(self, tariff: str) -> DatedTable[PerPeriod] | None:
        return self.tables.power.get(tariff)

    def regulated_energy(self, tariff: str) -> DatedTable[PerPeriod] | None:
        return self.tables.energy.get(tariff)

    def hour_price(self, tariff: str, day: date, period: str, energy_price: Decimal) -> Decimal:
        """energy × (1 + losses) + toll + charge."""
        if tariff not in self.tables.losses or tariff not in self.tables.energy:
            raise Refused(
                f"The tables of losses and of tolls and charges have no row for {tariff} on {day}; an hour of that day "
                "cannot be priced.",
                reason="NO_TABLE_ROW",
            )
        losses = self.tables.losses[tariff].at(day)[period]
        return energy_price * (1 + losses) + self.tables.energy[tariff].at(day)[period]

    def demand_lines(self, segment: Segment, energy: Energy, stated: AbstractSet[str]) -> Iterator[BillLine]:
        return demand.demand_lines(self.tables, segment, energy, stated)

    def regulated_lines(self, segments: Sequence[Segment], stated: AbstractSet[str]) -> Iterator[BillLine]:
        electricity = [segment for segment in segments if segment.service == "electricity"]
        if "social_bonus_financing" not in stated:
            for days in joined(segment.days for segment in electricity):
                yield from self._financing_lines(days)
        if "meter_rental" not in stated:
            yield from self._rental_lines(electricity)

    def _rental_lines(self, electricity: Sequence[Segment]) -> Iterator[BillLine]:
        rental = self.tables.rental
        for meter in sorted({segment.contract.meter_rental for segment in electricity} - {""}):
            if meter not in rental:
                raise HeldBill("NO_TARIFF", f"The meter rental {meter!r} is not known; use {', '.join(rental)}.")
            for days in joined(segment.days for segment in electricity if segment.contract.meter_rental == meter):
                for span, row in rental[meter].spans(days):
                    for part in by_year(span):
                        yield prorated_month_line("meter_rental", "regulated", "electricity", part, row.value)

    def _financing_lines(self, days: DatePeriod) -> Iterator[BillLine]:
        for span, row in self.tables.financing.spans(days):
            for part in by_year(span):
                in_year = year_days(part.start) if row.value.per_year is not None else None
                unit_price = row.value.per_year if row.value.per_year is not None else row.value.per_day
                assert unit_price is not None
                yield BillLine(
                    "social_bonus_financing",
                    "regulated",
                    "electricity",
                    round_half_up(unit_price * part.days / (in_year or 1)),
                    days=part.days,
                    unit_price=unit_price,
                    price_unit="year" if in_year else "day",
                    year_days=in_year,
                )

    def taxed(self, lines: Sequence[BillLine], facts: TaxFacts) -> tuple[list[BillLine], list[BillTax]]:
        extra = {"social_bonus_financing"} if self.financing_in_iee_base else set()
        concepts = taxes.IEE_CONCEPTS | extra
        marked = [
            taxed_by(line, ("iee",)) if line.service == "electricity" and line.concept in concepts else line
            for line in lines
        ]
        electric = any(line.service == "electricity" for line in marked)
        iee = [taxes.iee(self.tables, marked, facts)] if electric else []
        return add_iva(marked, iee, lambda service: taxes.iva_rate(self.tables, service, facts))

    def taxed_share(self, tax: str, contract: Contract, accrual_date: date) -> Decimal:
        uses = self.tables.iee_uses
        return (
            uses[contract.electricity_tax].at(accrual_date).base if tax == "iee" and contract.electricity_tax else ONE
        )

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        found: list[str] = []
        for segment in segments:
            tariff = segment.contract.tariff
            if segment.service != "electricity" or tariff not in self.tables.tolls:
                continue
            for table in (self.tables.tolls[tariff], self.tables.charges[tariff], self.tables.financing):
                found.extend(row.source for row in table.within(segment.days))
        return tuple(dict.fromkeys(found))

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        """Power: its amount in the proportion of toll and charge. Energy: kWh × toll and kWh × charge."""
        toll = self.tables.tolls[tariff].find(day) if tariff in self.tables.tolls else None
        charge = self.tables.charges[tariff].find(day) if tariff in self.tables.charges else None
        if toll is None or charge is None:
            return ZERO, ZERO
        if line.concept == "power" and line.period in toll.power:
            kw_toll, kw_charge = toll.power[line.period], charge.power[line.period]
            part = round_half_up(line.amount * kw_toll / (kw_toll + kw_charge))
            return part, line.amount - part
        if line.concept == "energy" and line.quantity is not None and line.period in toll.energy:
            return (
                round_half_up(line.quantity * toll.energy[line.period]),
                round_half_up(line.quantity * charge.energy[line.period]),
            )
        return ZERO, ZERO


def spain(options: Mapping[str, Any], own: Path | None = None) -> Jurisdiction:
    """Spain's rules; option `financing_in_iee_base` takes the other reading of the electricity tax's base."""
    law = LawBook(FOLDER, own_rows(own, (*SOURCES, *CORRECTION_SOURCES, *DISCONNECTION_SOURCES)) if own else {})
    financing_in_iee_base = bool(options.get("financing_in_iee_base", False))
    policy = SpanishPolicy(law, financing_in_iee_base=financing_in_iee_base)
    return Jurisdiction(
        code="es",
        policy=policy,
        calendar=working_calendar(FOLDER / "holidays.toml"),
        # Only electricity has tariff periods; a water register is asked for as a whole.
        metering_tariff=lambda segment: segment.contract.tariff if segment.service == "electricity" else "flat",
        quarters_above=demand.quarters_above,
        invoice_series=lambda series, issued, _segments: f"{series}-{issued.year}",
        number=lambda series, count: f"{series}-{count:06d}",
        law=law,
        sources=(*SOURCES, *CORRECTION_SOURCES),
        options={"financing_in_iee_base": financing_in_iee_base},
        corrections=correction_law(law),
        charging=ChargeLaw(
            taxes=frozenset({"general", OUTSIDE}),
            rate=lambda concept, _contract, zone, day: taxes.charge_rate(policy.tables, concept, zone, day),
            series=lambda wanted: f"{wanted.name}-{wanted.issue_date.year}",
        ),
    )
