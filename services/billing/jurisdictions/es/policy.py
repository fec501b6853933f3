"""Spain: regulated power, social bonus financing, meter rental, electricity tax (IEE) and IVA, from the dated tables here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.bill import ZERO, BillLine, BillTax
from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.planning import HeldBill, Segment, by_year, joined, year_days
from services.billing.domain.pricing import PerPeriod, TaxFacts, prorated_month_line
from services.billing.domain.rows import decimal, decimals
from services.billing.domain.taxes import add_iva
from services.billing.jurisdictions import Jurisdiction
from services.billing.jurisdictions.files import dated, dated_by, working_calendar
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod

FOLDER = Path(__file__).parent
#: Concepts inside the base of the electricity tax; financing and rental stay outside (real 2026 invoices).
IEE_CONCEPTS = frozenset({"power", "energy", "surplus", "fixed_charge"})


@dataclass(frozen=True)
class TermPrices:
    power: PerPeriod
    energy: PerPeriod


@dataclass(frozen=True)
class IeeRate:
    rate: Decimal
    minimum_per_mwh: Decimal


@dataclass(frozen=True)
class IvaRates:
    general: Decimal
    reduced: Decimal | None
    up_to_w: int
    below: bool
    market_price_above: Decimal | None


@dataclass(frozen=True)
class Financing:
    """Euro per CUPS and year, or per day; one of the two."""

    per_year: Decimal | None
    per_day: Decimal | None


class SpanishPolicy:
    def __init__(self, folder: Path = FOLDER, *, financing_in_iee_base: bool = False) -> None:
        self.tolls = dated_by(folder / "tolls.toml", "toll", "tariff", _term_prices)
        self.charges = dated_by(folder / "charges.toml", "charge", "tariff", _term_prices)
        self.iee = dated(folder / "electricity_tax.toml", "rate", _iee_rate)
        self.iva = {service: dated(folder / "iva.toml", service, _iva_rates) for service in ("electricity", "water")}
        self.financing = dated(folder / "regulated.toml", "social_bonus_financing", _financing)
        self.rental = dated_by(folder / "regulated.toml", "meter_rental", "meter", _monthly)
        self.financing_in_iee_base = financing_in_iee_base
        self._power = {tariff: self._summed(tariff) for tariff in self.tolls}

    def _summed(self, tariff: str) -> DatedTable[PerPeriod]:
        """Toll plus charge, a row wherever either changes."""
        rows: list[Row[PerPeriod]] = []
        for toll in self.tolls[tariff].rows:
            span = DatePeriod(toll.start, toll.end or date.max)
            for days, charge in self.charges[tariff].spans(span):
                total = {period: toll.value.power[period] + charge.value.power[period] for period in toll.value.power}
                end = None if days.end == date.max else days.end
                rows.append(Row(days.start, end, f"{toll.source}; {charge.source}", total))
        return DatedTable(f"regulated power {tariff}", rows)

    def regulated_power(self, tariff: str) -> DatedTable[PerPeriod] | None:
        return self._power.get(tariff)

    def regulated_lines(self, segments: Sequence[Segment]) -> Iterator[BillLine]:
        electricity = [segment for segment in segments if segment.service == "electricity"]
        for days in joined(segment.days for segment in electricity):
            yield from self._financing_lines(days)
        for meter in sorted({segment.contract.meter_rental for segment in electricity} - {""}):
            if meter not in self.rental:
                raise HeldBill("NO_TARIFF", f"The meter rental {meter!r} is not known; use {', '.join(self.rental)}.")
            for days in joined(segment.days for segment in electricity if segment.contract.meter_rental == meter):
                for span, row in self.rental[meter].spans(days):
                    for part in by_year(span):
                        yield prorated_month_line("meter_rental", "regulated", "electricity", part, row.value)

    def _financing_lines(self, days: DatePeriod) -> Iterator[BillLine]:
        for span, row in self.financing.spans(days):
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
        concepts = IEE_CONCEPTS | {"social_bonus_financing"} if self.financing_in_iee_base else IEE_CONCEPTS
        marked = [
            replace(line, taxed_by=("iee",)) if line.service == "electricity" and line.concept in concepts else line
            for line in lines
        ]
        taxes = [self._iee(marked, facts)] if any(line.service == "electricity" for line in marked) else []
        return add_iva(marked, taxes, lambda service: self.iva_rate(service, facts))

    def _iee(self, lines: Sequence[BillLine], facts: TaxFacts) -> BillTax:
        """max(rate × base, minimum × MWh), each rounded (Ley 38/1992 art. 99)."""
        row = self.iee.at(facts.accrual_date)
        base = sum((line.amount for line in lines if "iee" in line.taxed_by), ZERO)
        mwh = Decimal(facts.import_wh) / 1_000_000
        by_rate = round_half_up(base * row.rate)
        minimum = round_half_up(mwh * row.minimum_per_mwh)
        return BillTax(
            "iee",
            "iee",
            base,
            row.rate,
            max(by_rate, minimum),
            minimum_applied=minimum > by_rate,
            quantity_mwh=mwh,
        )

    def iva_rate(self, service: str, facts: TaxFacts, market_price: Decimal | None = None) -> Decimal:
        """The one rate of the whole invoice, by its accrual date and the highest contracted power.

        `market_price` is the mean daily-market price of the month before, EUR/MWh; Refused when the rule of that date
        depends on it and it is not given.
        """
        row = self.iva[service].at(facts.accrual_date)
        watts = max((each.contract.highest_power_w for each in facts.segments if each.service == service), default=0)
        small = watts < row.up_to_w if row.below else watts <= row.up_to_w
        if row.reduced is None or not small:
            return row.general
        if row.market_price_above is not None:
            if market_price is None:
                raise Refused(
                    f"The IVA of an invoice accruing on {facts.accrual_date} depends on the mean market price of the month "
                    "before, which is not known here; that date cannot be billed.",
                    reason="NO_MARKET_PRICE",
                )
            if market_price <= row.market_price_above:
                return row.general
        return row.reduced

    def references(self, segments: Sequence[Segment]) -> tuple[str, ...]:
        found: list[str] = []
        for segment in segments:
            tariff = segment.contract.tariff
            if segment.service != "electricity" or tariff not in self.tolls:
                continue
            for table in (self.tolls[tariff], self.charges[tariff], self.financing):
                found.extend(row.source for _, row in table.spans(segment.days))
        return tuple(dict.fromkeys(found))

    def tolls_and_charges(self, line: BillLine, tariff: str, day: date) -> tuple[Decimal, Decimal]:
        """Power: its amount in the proportion of toll and charge. Energy: kWh × toll and kWh × charge."""
        if tariff not in self.tolls:
            return ZERO, ZERO
        toll, charge = self.tolls[tariff].at(day), self.charges[tariff].at(day)
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


def spain(options: Mapping[str, Any]) -> Jurisdiction:
    """Spain's rules; option `financing_in_iee_base` takes the other reading of the electricity tax's base."""
    return Jurisdiction(
        code="es",
        policy=SpanishPolicy(financing_in_iee_base=bool(options.get("financing_in_iee_base", False))),
        calendar=working_calendar(FOLDER / "holidays.toml"),
        metering_tariff=lambda segment: segment.contract.tariff,
        invoice_series=lambda series, issued, _segments: f"{series}-{issued.year}",
        number=lambda series, count: f"{series}-{count:06d}",
    )


def _term_prices(row: Mapping[str, Any], place: str) -> TermPrices:
    energy = decimals(row, "energy", place) if "energy" in row else {}
    return TermPrices(decimals(row, "power", place), energy)


def _iee_rate(row: Mapping[str, Any], place: str) -> IeeRate:
    return IeeRate(decimal(row, "percent", place) / 100, decimal(row, "minimum_per_mwh", place))


def _iva_rates(row: Mapping[str, Any], place: str) -> IvaRates:
    return IvaRates(
        decimal(row, "percent", place) / 100,
        decimal(row, "reduced", place) / 100 if "reduced" in row else None,
        int(row.get("reduced_up_to_w", 0)),
        bool(row.get("reduced_below", False)),
        decimal(row, "market_price_above", place) if "market_price_above" in row else None,
    )


def _financing(row: Mapping[str, Any], place: str) -> Financing:
    if "per_year" in row:
        return Financing(decimal(row, "per_year", place), None)
    return Financing(None, decimal(row, "per_day", place))


def _monthly(row: Mapping[str, Any], place: str) -> Decimal:
    return decimal(row, "monthly", place)
