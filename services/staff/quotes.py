"""Pricing a quote with the engine that prices issued invoices, from the dated tables, without any service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Protocol

from services.billing.domain.bill import Bill, Energy, HourEnergy, PeriodEnergy, QuarterDemand
from services.billing.domain.planning import HeldBill, Segment, cut_where_prices_change, plan
from services.billing.domain.policy import Policy
from services.billing.domain.pricing import price
from services.billing.domain.products import PriceBook, Product
from services.billing.domain.supplies import Contract, Service, Supply
from services.billing.jurisdictions.es.demand import MAXIMETER_W
from services.billing.jurisdictions.es.tables import FINANCING
from services.chassis.errors import Invalid, Refused
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod
from services.staff.quote_file import Agreed, Quote

FINANCING_TABLE = FINANCING.name("")
LATEST_ACCRUAL = timedelta(days=366)
MAXIMETER_TARIFFS = ("3.0TD", "6.1TD")


class Curve(Protocol):
    """The hours of a curve file that lie in the period of the quote."""

    def within(self, days: DatePeriod, periods: Sequence[str]) -> Energy:
        """Energy of some of its days by tariff period, reactive energy too."""
        ...

    def hours(self, days: DatePeriod, market: Sequence[Decimal]) -> tuple[HourEnergy, ...]:
        """Every hour with its market price; `market` has one for each hour of `days`."""
        ...

    @property
    def by_quarters(self) -> bool:
        """Whether it has quarters of an hour."""
        ...

    def above(
        self, days: DatePeriod, powers: Mapping[str, int]
    ) -> tuple[Mapping[str, tuple[QuarterDemand, ...]], Mapping[str, int]]:
        """Quarters of an hour above the W of their power period, and the hours that may have more, by power period."""
        ...


def price_quote(quote: Quote, curve: Curve | None, policy: Policy, book: PriceBook | None = None) -> Bill:
    """The bill of a quote under the country's rules; of a `curve`, its hours are the energy, whatever the quote says. A quote
    of a product needs the price `book` that has it.

    Raises Invalid with a sentence when energy is missing or a table has no row that the quote needs.
    """
    if quote.energy_wh is None and curve is None:
        raise Invalid("energy_kwh is missing; give it by tariff period, or the curve with --curve.", field="energy_kwh")
    if quote.indexed is not None and curve is None:
        raise Invalid(
            "prices.indexed needs the energy of every hour; give the curve with --curve.", field="prices.indexed"
        )
    if quote.surplus_price is not None and quote.surplus_wh is None and curve is None:
        raise Invalid("surplus.kwh is missing; give it, or the curve with --curve.", field="surplus.kwh")
    try:
        segments = _segments(quote, policy, book)
        energies = _energies(quote, curve, [segment.days for segment in segments])
        return price("quote", quote.period, segments, energies, policy, quote.accrual_date, quote.terms)
    except HeldBill as held:
        raise Invalid(_said(held), held.reason) from None


def _said(held: HeldBill) -> str:
    """Why there is no price, and what the file could say in place of what is not known."""
    if held.reason == "NO_MARKET_PRICE":
        return f"{held.explanation} Give market_price_eur_mwh."
    if held.reason == "NO_QUARTER_HOURS":
        return f"{held.cause} Give them as quarter_demand_kw, or give excess_power in extra_lines."
    if held.reason == "QUARTER_HOURS_DIFFER":
        return f"{held.cause} Mend the one that is wrong, or give excess_power in extra_lines."
    refused = held.__cause__
    if isinstance(refused, Refused) and refused.metadata.get("table") == FINANCING_TABLE:
        return f"{held.explanation} Or give bono_social_financing in extra_lines."
    return held.explanation


def remarks(quote: Quote, curve: Curve | None = None) -> tuple[str, ...]:
    """What whoever reads the quote should know of how it was priced, a sentence each."""
    found = list(quote.notes)
    if curve is not None and quote.energy_wh is not None:
        found.append("energy_kwh is not used: the energy is that of the curve.")
    if curve is None and quote.supply:
        found.append("supply is not used: it names one of the supplies of a --curve file.")
    found += unusual_accrual(quote.period, quote.accrual_date)
    if curve is None and quote.tariff in MAXIMETER_TARIFFS:
        found += _energy_without_hours(quote)
    missing = [period for period in quote.energy_periods if period not in (quote.energy_wh or {})]
    # With six periods the month decides which of them there are.
    if curve is None and missing and quote.tariff == "2.0TD":
        found.append(f"energy_kwh has nothing for {', '.join(missing)}: priced as 0 kWh.")
    if quote.energy_prices is None and quote.indexed is None and quote.agreed is None:
        found.append(
            "prices.energy_eur_kwh is not given: energy is priced at tolls and charges alone, without the energy itself."
        )
    stated = quote.terms.stated_concepts
    by_quarters = _by_quarters(quote)
    of_curve = by_quarters and curve is not None and curve.by_quarters
    demand = quote.quarter_demand_w if by_quarters and quote.quarter_demand_w is not None else quote.max_demand_w
    if quote.tariff in MAXIMETER_TARIFFS and demand is None and not of_curve and "excess_power" not in stated:
        name = "quarter_demand_kw" if by_quarters else "max_demand_kw"
        found.append(f"{name} is not given: no excess power is priced.")
    if quote.quarter_demand_w is not None and not by_quarters:
        found.append("quarter_demand_kw is not used: up to 50 kW excess power is that of max_demand_kw.")
    if quote.tariff in MAXIMETER_TARIFFS and quote.reactive_varh is None and curve is None and "reactive" not in stated:
        found.append("reactive_kvarh is not given: no reactive energy is priced.")
    if quote.tariff == "2.0TD":
        if quote.power_control != "maximeter" and _exceeds(quote):
            found.append(
                "max_demand_kw is above contracted_kw and not charged: the meter's breaker controls 2.0TD, unless "
                'power_control is "maximeter".'
            )
        if any((quote.reactive_varh or {}).values()):
            found.append("reactive_kvarh is not charged: 2.0TD pays no reactive energy.")
    return tuple(found)


def unusual_accrual(days: DatePeriod, accrual: date) -> Iterator[str]:
    """A day that decides the taxes and is far from what they are on is one that was typed wrong, or another rate to be tried."""
    first, last = days.start, days.end - timedelta(days=1)
    if not first <= accrual <= last + LATEST_ACCRUAL:
        side = f"before {first}, the first day billed" if accrual < first else f"more than a year after {last}"
        yield f"accrual_date {accrual} is {side}: the taxes are those of that date."


def _energy_without_hours(quote: Quote) -> Iterator[str]:
    """Energy of a tariff period in which no hour of the days lies: in October there is no P1 in 3.0TD."""
    from services.metering.domain.calendar import ZONE_TIME, calendar
    from services.metering.domain.hours import END_DAY, FIRST_DAY
    from services.staff.tariff_hours import hours_between, hours_by_period

    days = quote.period
    if not FIRST_DAY <= days.start < days.end <= END_DAY:
        return
    hours = hours_by_period(
        calendar(quote.tariff, quote.zone), *hours_between(ZONE_TIME[quote.zone], days.start, days.end)
    )
    for name, given in (("energy_kwh", quote.energy_wh), ("reactive_kvarh", quote.reactive_varh)):
        wrong = [period for period, amount in (given or {}).items() if amount and not hours[period]]
        if wrong:
            last = days.end - timedelta(days=1)
            yield f"{name} has something in {', '.join(wrong)}, where no hour from {days.start} to {last} is; check the periods."


def _exceeds(quote: Quote) -> bool:
    demand = quote.max_demand_w or {}
    return any(demand.get(period, 0) > watts for period, watts in quote.powers)


def _segments(quote: Quote, policy: Policy, book: PriceBook | None) -> tuple[Segment, ...]:
    """The parts of the bill: of the price book's product as a bill run would cut them, or of the prices that the quote has."""
    if quote.agreed is None:
        return tuple(cut_where_prices_change(_segment(quote), policy.regulated_energy(quote.tariff)))
    if book is None:
        raise Invalid(
            f"product {quote.agreed.product!r} is one of a price book; name the profile that has it with --profile.",
            field="product",
        )
    service = Service("quote", "electricity", contracts=(_contract(quote, quote.agreed),))
    segments = plan(Supply("quote", "", "", services=(service,)), quote.period, book, policy.regulated_energy)
    if any(segment.product.by_hour for segment in segments):
        raise Invalid(
            f"product {quote.agreed.product!r} is priced by the hour; give prices.indexed with the market's prices, and the "
            "curve with --curve.",
            field="product",
        )
    if not all(segment.product.by_power for segment in segments):
        raise Invalid(f"product {quote.agreed.product!r} is not one of contracted power.", field="product")
    if quote.surplus_wh and not any(segment.product.surplus_price for segment in segments):
        raise Invalid(f"product {quote.agreed.product!r} pays no surplus; leave surplus out.", field="surplus")
    return segments


def _segment(quote: Quote) -> Segment:
    product = Product(
        code="quote",
        kind="fixed" if quote.indexed is None else "indexed",
        service="electricity",
        name="quote",
        energy={} if quote.indexed is not None else quote.energy_prices,
        power=quote.power_prices,
        surplus_price=quote.surplus_price,
        adjustment=quote.indexed.adjustment if quote.indexed else Decimal(0),
        management_fee=quote.indexed.fee if quote.indexed else None,
    )
    return Segment(
        "quote", "electricity", _contract(quote, Agreed("quote", "", quote.period.start)), product, quote.period
    )


def _contract(quote: Quote, agreed: Agreed) -> Contract:
    return Contract(
        id="quote",
        number="of the quote",
        start=agreed.start,
        end=None,
        product_code=agreed.product,
        tariff=quote.tariff,
        powers=quote.powers,
        meter_rental=quote.meter,
        power_control=quote.power_control,
        electricity_tax=quote.electricity_tax,
        vulnerable=quote.vulnerable,
        promotion_code=agreed.promotion,
    )


def _energies(quote: Quote, curve: Curve | None, parts: Sequence[DatePeriod]) -> list[Energy]:
    """The energy of each part. What the quote states as a total is shared by days, because no hour of it was measured
    (RD 88/2026 art. 44.1); what it leaves out is the curve's.
    """
    given = quote.energy_wh or {}
    taken = {period: _shared(given.get(period, 0), parts) for period in quote.energy_periods}
    fed_in = None if quote.surplus_wh is None and curve else _shared(quote.surplus_wh or 0, parts)
    stated = quote.reactive_varh if quote.reactive_varh is not None or curve else {}
    reactive = None if stated is None else {period: _shared(varh, parts) for period, varh in stated.items()}
    energies = []
    quarters = _quarters(quote)
    for index, days in enumerate(parts):
        if curve is not None:
            energy = curve.within(days, quote.energy_periods)
        else:
            energy = Energy({period: PeriodEnergy(wh[index]) for period, wh in taken.items()})
        if fed_in is not None:
            energy = replace(energy, by_period=_with_export(energy.by_period, fed_in[index]))
        if reactive is not None:
            energy = replace(energy, reactive_varh={period: varh[index] for period, varh in reactive.items()})
        if curve is not None and quote.indexed is not None:
            energy = replace(energy, hours=curve.hours(days, quote.indexed.market))
        energy = replace(energy, max_demand_w=quote.max_demand_w or {})
        if curve is not None and curve.by_quarters and quote.quarter_demand_w is None and _by_quarters(quote):
            above, unknown = curve.above(days, dict(quote.powers))
            energy = replace(energy, quarter_demands=above, quarters_unknown=unknown)
        else:
            # They are joined again, and count once.
            energy = replace(energy, quarter_demands=quarters if index == 0 or quarters is None else {})
        energies.append(energy)
    return energies


def _by_quarters(quote: Quote) -> bool:
    """Whether quarters of an hour decide the excess power of the contract."""
    return max(watts for _, watts in quote.powers) > MAXIMETER_W


def _quarters(quote: Quote) -> Mapping[str, tuple[QuarterDemand, ...]] | None:
    """Those that the file gives; None where it gives the highest demand alone, and nothing exceeds where it gives neither."""
    if quote.quarter_demand_w is None:
        return None if quote.max_demand_w else {}
    return {period: tuple(map(QuarterDemand, each)) for period, each in quote.quarter_demand_w.items()}


def _shared(total: int, parts: Sequence[DatePeriod]) -> list[int]:
    """`total` by the days of adjacent parts in whole numbers that sum to it."""
    days = sum(part.days for part in parts)
    shares, before = [], 0
    for part in parts:
        until = int(round_half_up(Decimal(total) * (part.end - parts[0].start).days / days, 0))
        shares.append(until - before)
        before = until
    return shares


def _with_export(by_period: Mapping[str, PeriodEnergy], export_wh: int) -> dict[str, PeriodEnergy]:
    """The whole export on P1: its price does not depend on the period."""
    return {
        period: PeriodEnergy(energy.import_wh, export_wh if period == "P1" else 0)
        for period, energy in by_period.items()
    }
