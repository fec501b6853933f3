"""The Spanish tables: what each row of the TOML files here says, and all of them read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.billing.domain.dated import DatedTable, Row
from services.billing.domain.policy import PerPeriod
from services.billing.domain.rows import decimal, decimals, ratio, text
from services.billing.jurisdictions.files import Source
from services.billing.jurisdictions.law_book import LawBook
from services.chassis.errors import Invalid

FOLDER = Path(__file__).parent

SIX = ("P1", "P2", "P3", "P4", "P5", "P6")
POWER_PERIODS: Mapping[str, Sequence[str]] = {"2.0TD": SIX[:2], "3.0TD": SIX, "6.1TD": SIX}
ENERGY_PERIODS: Mapping[str, Sequence[str]] = {"2.0TD": SIX[:3], "3.0TD": SIX, "6.1TD": SIX}


@dataclass(frozen=True)
class TermPrices:
    """A toll or a charge: power in €/kW and year, energy in €/kWh (empty where the row only has the power term)."""

    power: PerPeriod
    energy: PerPeriod


@dataclass(frozen=True)
class IeeRate:
    """The electricity tax's ratio and its least amounts in €/MWh: the general one, and that of high voltage and some uses."""

    rate: Decimal
    minimum_per_mwh: Decimal
    reduced_minimum_per_mwh: Decimal


@dataclass(frozen=True)
class IeeUse:
    """A use with a lower electricity tax: the share of the base that is taxed, and which minimum holds."""

    base: Decimal
    minimum: str  # general, reduced or none


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


@dataclass(frozen=True)
class ReactiveRule:
    """Reactive energy above a share of the active energy, priced by the cos φ it leaves: (from cos φ, €/kVArh) in bands."""

    free_ratio: Decimal
    exempt_periods: frozenset[str]
    bands: tuple[tuple[Decimal, Decimal], ...]

    def price(self, cos_phi: Decimal) -> Decimal:
        return next(price for start, price in self.bands if cos_phi >= start)


def _term_prices(row: Mapping[str, Any], place: str) -> TermPrices:
    return TermPrices(
        _by_period(row, "power", place, POWER_PERIODS),
        _by_period(row, "energy", place, ENERGY_PERIODS) if "energy" in row else {},
    )


def _per_kw_day(row: Mapping[str, Any], place: str) -> PerPeriod:
    return _by_period(row, "per_kw_day", place, POWER_PERIODS)


def _per_kw(row: Mapping[str, Any], place: str) -> PerPeriod:
    return _by_period(row, "per_kw", place, POWER_PERIODS)


def _losses(row: Mapping[str, Any], place: str) -> PerPeriod:
    return {period: percent / 100 for period, percent in _by_period(row, "percent", place, ENERGY_PERIODS).items()}


def _by_period(row: Mapping[str, Any], field: str, place: str, periods: Mapping[str, Sequence[str]]) -> PerPeriod:
    """A number for each period that the row's tariff has, and for no other: a period left out would be billed as nothing."""
    values, tariff = decimals(row, field, place), text(row, "tariff", place)
    if tariff not in periods:
        raise Invalid(f"{place}: tariff = {tariff!r} is not known; use one of {', '.join(periods)}.", field="tariff")
    if set(values) != set(periods[tariff]):
        raise Invalid(
            f"{place}: {field} has {', '.join(values)}, and {tariff} has {', '.join(periods[tariff])}; give each once.",
            field=field,
        )
    return values


def _reactive(row: Mapping[str, Any], place: str) -> ReactiveRule:
    bands = sorted(
        ((decimal(band, "cos_phi_from", place), decimal(band, "price", place)) for band in row.get("bands", [])),
        reverse=True,
    )
    if not bands or bands[-1][0] != 0:
        raise Invalid(f"{place}: the bands must reach down to cos_phi_from = 0.", field="bands")
    return ReactiveRule(ratio(row, "free_percent", place), frozenset(row.get("exempt_periods", ())), tuple(bands))


def _iee_rate(row: Mapping[str, Any], place: str) -> IeeRate:
    return IeeRate(
        ratio(row, "percent", place),
        decimal(row, "minimum_per_mwh", place),
        decimal(row, "reduced_minimum_per_mwh", place),
    )


def _iee_use(row: Mapping[str, Any], place: str) -> IeeUse:
    minimum = text(row, "minimum", place)
    if minimum not in ("general", "reduced", "none"):
        raise Invalid(f"{place}: minimum = {minimum!r} must be general, reduced or none.", field="minimum")
    return IeeUse(ratio(row, "base_percent", place), minimum)


def _iva_rates(row: Mapping[str, Any], place: str) -> IvaRates:
    return IvaRates(
        ratio(row, "percent", place),
        ratio(row, "reduced", place) if "reduced" in row else None,
        int(decimal(row, "reduced_up_to_w", place)) if "reduced_up_to_w" in row else 0,
        bool(row.get("reduced_below", False)),
        decimal(row, "market_price_above", place) if "market_price_above" in row else None,
    )


def _financing(row: Mapping[str, Any], place: str) -> Financing:
    if "per_year" in row:
        return Financing(decimal(row, "per_year", place), None)
    return Financing(None, decimal(row, "per_day", place))


def _monthly(row: Mapping[str, Any], place: str) -> Decimal:
    return decimal(row, "monthly", place)


TOLLS = Source("tolls.toml", "toll", _term_prices, key="tariff")
CHARGES = Source("charges.toml", "charge", _term_prices, key="tariff")
EXCESS = Source("excess_power.toml", "excess_power", _per_kw_day, key="tariff")
QUARTER_EXCESS = Source("excess_power.toml", "quarter_hour_excess", _per_kw, key="tariff")
REACTIVE = Source("reactive.toml", "reactive", _reactive, key="tariff")
LOSSES = Source("losses.toml", "loss", _losses, key="tariff")
IEE = Source("electricity_tax.toml", "rate", _iee_rate)
IEE_USES = Source("electricity_tax.toml", "use", _iee_use, key="name")
IVA = {service: Source("iva.toml", service, _iva_rates) for service in ("electricity", "water")}
GENERAL_IVA = Source("iva.toml", "general", lambda row, place: ratio(row, "percent", place))
FINANCING = Source("regulated.toml", "social_bonus_financing", _financing)
RENTAL = Source("regulated.toml", "meter_rental", _monthly, key="meter")
SOURCES = (
    TOLLS,
    CHARGES,
    EXCESS,
    QUARTER_EXCESS,
    REACTIVE,
    LOSSES,
    IEE,
    IEE_USES,
    *IVA.values(),
    GENERAL_IVA,
    FINANCING,
    RENTAL,
)


class SpanishTables:
    """Every table, by tariff, kind of meter or use where there is one for each."""

    def __init__(self, law: LawBook = LawBook(FOLDER)) -> None:
        self.tolls: dict[str, DatedTable[TermPrices]] = law.tables(TOLLS)
        self.charges: dict[str, DatedTable[TermPrices]] = law.tables(CHARGES)
        self.excess: dict[str, DatedTable[PerPeriod]] = law.tables(EXCESS)
        self.quarter_excess: dict[str, DatedTable[PerPeriod]] = law.tables(QUARTER_EXCESS)
        self.reactive: dict[str, DatedTable[ReactiveRule]] = law.tables(REACTIVE)
        self.losses: dict[str, DatedTable[PerPeriod]] = law.tables(LOSSES)
        self.iee: DatedTable[IeeRate] = law.tables(IEE)[""]
        self.iee_uses: dict[str, DatedTable[IeeUse]] = law.tables(IEE_USES)
        self.iva: dict[str, DatedTable[IvaRates]] = {name: law.tables(each)[""] for name, each in IVA.items()}
        self.general_iva: DatedTable[Decimal] = law.tables(GENERAL_IVA)[""]
        self.financing: DatedTable[Financing] = law.tables(FINANCING)[""]
        self.rental: dict[str, DatedTable[Decimal]] = law.tables(RENTAL)
        self.power = {tariff: self._summed(tariff, "power") for tariff in self.tolls}
        with_energy = [tariff for tariff, table in self.tolls.items() if any(row.value.energy for row in table.rows)]
        self.energy = {tariff: self._summed(tariff, "energy") for tariff in with_energy}

    def _summed(self, tariff: str, term: str) -> DatedTable[PerPeriod]:
        """Toll plus charge, a row wherever either changes, on the days on which both are known."""
        if tariff not in self.charges:
            raise Invalid(f"charges.toml has no [[charge]] of {tariff}, whose tolls are in tolls.toml; add one.")
        rows: list[Row[PerPeriod]] = []
        for toll in self.tolls[tariff].rows:
            for charge in self.charges[tariff].rows:
                start = max(toll.start, charge.start)
                end = min((each for each in (toll.end, charge.end) if each is not None), default=None)
                tolls, charges = getattr(toll.value, term), getattr(charge.value, term)
                if (end is None or start < end) and tolls and charges:
                    total = {period: tolls[period] + charges[period] for period in tolls}
                    rows.append(Row(start, end, f"{toll.source}; {charge.source}", total))
        return DatedTable(f"regulated {term} {tariff}", rows)
