"""What a Spanish quote file says, checked: contract, period, consumption, prices and whatever is agreed by hand."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from services.billing.domain.adjustments import STATABLE, BillTerms, Discount, StatedLine
from services.chassis.errors import Invalid
from services.chassis.money import round_half_up
from services.chassis.periods import DatePeriod
from services.staff.quote_fields import Fields, thousandth, thousandths_of

ZONES = ("peninsula", "baleares", "canarias", "ceuta", "melilla")
PERIODS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "2.0TD": (("P1", "P2"), ("P1", "P2", "P3")),
    "3.0TD": (six := tuple(f"P{number}" for number in range(1, 7)), six),
    "6.1TD": (six, six),
}
"""Power and energy periods of each access tariff."""
LOW_POWER_W = 15_000
RENTAL = {"2.0TD": "single_phase", "3.0TD": "three_phase", "6.1TD": ""}
"""The meter whose rental is charged when the file does not say: high-voltage customers have their own."""
METERS = {"single_phase": "single_phase", "three_phase": "three_phase", "own": ""}
FIELDS = (
    "jurisdiction",
    "tariff",
    "zone",
    "from",
    "to",
    "accrual_date",
    "contracted_kw",
    "energy_kwh",
    "prices",
    "product",
    "promotion",
    "contract_start",
    "surplus",
    "max_demand_kw",
    "quarter_demand_kw",
    "reactive_kvarh",
    "extra_lines",
    "discounts",
    "meter",
    "power_control",
    "electricity_tax",
    "vulnerable",
    "market_price_eur_mwh",
    "supply",
)
CONCEPTS = {
    ("bono_social_financing" if concept == "social_bonus_financing" else concept): concept for concept in STATABLE
}
"""Names of the concepts in quotes, which are those of the API, and inside billing."""
AFTER_TAX = ("deposit_refund", "payment_on_account", "opening_balance")
LONGEST_DAYS = 366
MOST_HOURS_OF_POWER = 10
"""More energy than this many times what the contracted power takes in all the hours of the period is absurd."""
MOST_EUR_KWH = Decimal(10)
"""The day-ahead market ends at 4 €/kWh (harmonised maximum price, 4,000 €/MWh): more than this is a price per MWh or in cents."""
MOST_EUR_KW_YEAR = Decimal(1000)
"""Tolls and charges of the dearest kW are 30 € a year: more than this is a price per MW or in cents."""
MOST_AMOUNT = Decimal(100_000_000)


@dataclass(frozen=True)
class Indexed:
    """A price by the hour: market prices of the period's hours in order and what is added to each, €/kWh; fee by month."""

    market: tuple[Decimal, ...]
    adjustment: Decimal
    fee: Decimal | None


@dataclass(frozen=True)
class Agreed:
    """What takes the place of prices: a product of a cooperative's price book, perhaps with one of its promotional codes, for
    a contract that began or begins on `start`.
    """

    product: str
    promotion: str
    start: date


@dataclass(frozen=True)
class Quote:
    """A contract to be priced. Energies are whole Wh, powers W; None: not given."""

    tariff: str
    zone: str
    period: DatePeriod
    accrual_date: date
    powers: tuple[tuple[str, int], ...]
    energy_wh: Mapping[str, int] | None
    power_prices: Mapping[str, Decimal] | None
    energy_prices: Mapping[str, Decimal] | None
    indexed: Indexed | None
    agreed: Agreed | None
    surplus_wh: int | None
    surplus_price: Decimal | None
    max_demand_w: Mapping[str, int] | None
    quarter_demand_w: Mapping[str, tuple[int, ...]] | None
    reactive_varh: Mapping[str, int] | None
    meter: str
    power_control: str
    electricity_tax: str
    vulnerable: bool
    supply: str
    terms: BillTerms
    notes: tuple[str, ...] = field(default=())

    @property
    def energy_periods(self) -> tuple[str, ...]:
        return PERIODS[self.tariff][1]


def read_quote(given: Fields) -> Quote:
    """Invalid with a sentence that names the field and its value when something is unknown, missing or absurd."""
    given.only(FIELDS)
    tariff = given.text("tariff", tuple(PERIODS))
    zone = given.text("zone", ZONES)
    period = period_of(given)
    notes: list[str] = []
    powers = _powers(given, tariff, notes)
    energy = None
    if "energy_kwh" in given:
        energy = _thousandths(given, "energy_kwh", PERIODS[tariff][1], notes)
        _check_amount(given, "energy_kwh", sum(energy.values()), "kWh", powers, period)
    power_prices, energy_prices, indexed = _prices(given, tariff)
    agreed = _agreed(given, period)
    surplus_wh, surplus_price = _surplus(given, agreed, notes)
    _check_amount(given, "surplus", surplus_wh or 0, "kWh", powers, period)
    demand = _thousandths(given, "max_demand_kw", PERIODS[tariff][0], notes) if "max_demand_kw" in given else None
    reactive = _thousandths(given, "reactive_kvarh", PERIODS[tariff][1], notes) if "reactive_kvarh" in given else None
    _check_amount(given, "reactive_kvarh", sum((reactive or {}).values()), "kVArh", powers, period)
    _check_demand(given, "max_demand_kw", demand or {}, powers)
    quarters = _quarter_demands(given, PERIODS[tariff][0], notes)
    highest = {name: max(watts) for name, watts in (quarters or {}).items() if watts}
    _check_demand(given, "quarter_demand_kw", highest, powers)
    return Quote(
        tariff=tariff,
        zone=zone,
        period=period,
        accrual_date=given.day("accrual_date"),
        powers=powers,
        energy_wh=energy,
        power_prices=power_prices,
        energy_prices=energy_prices,
        indexed=indexed,
        agreed=agreed,
        surplus_wh=surplus_wh,
        surplus_price=surplus_price,
        max_demand_w=demand,
        quarter_demand_w=quarters,
        reactive_varh=reactive,
        meter=METERS[given.text("meter", tuple(METERS))] if "meter" in given else RENTAL[tariff],
        power_control=given.text("power_control", ("breaker", "maximeter")) if "power_control" in given else "",
        electricity_tax=given.text("electricity_tax") if "electricity_tax" in given else "",
        vulnerable=given.flag("vulnerable") if "vulnerable" in given else False,
        supply=given.text("supply") if "supply" in given else "",
        terms=BillTerms(
            zone=zone,
            market_price=given.number("market_price_eur_mwh") if "market_price_eur_mwh" in given else None,
            stated=extra_lines(given, CONCEPTS),
            discounts=_discounts(given, notes),
        ),
        notes=tuple(notes),
    )


def period_of(given: Fields) -> DatePeriod:
    """The days to bill: the first date is that of the initial reading, excluded, the last that of the final one, included."""
    before, last = given.day("from"), given.day("to")
    if last <= before:
        raise given.wrong(
            "to", f"is not after from, {before}: the first date is excluded, so that there is no day to bill."
        )
    if (last - before).days > LONGEST_DAYS:
        raise given.wrong("to", f"is {(last - before).days} days after from; quote at most a year at a time.")
    if last == date.max:
        raise given.wrong("to", "is beyond the calendar.")
    return DatePeriod(before + timedelta(days=1), last + timedelta(days=1))


def _powers(given: Fields, tariff: str, notes: list[str]) -> tuple[tuple[str, int], ...]:
    """Every power period's W; what the tariff does not allow is refused (Circular CNMC 3/2020 art. 6)."""
    periods = PERIODS[tariff][0]
    if "contracted_kw" not in given:
        raise given.wrong("contracted_kw", f"is missing; give it for {', '.join(periods)}.", value=False)
    found = _thousandths(given, "contracted_kw", periods, notes)
    missing = [period for period in periods if period not in found]
    if missing:
        raise given.wrong("contracted_kw", f"lacks {', '.join(missing)}; {tariff} has {', '.join(periods)}.")
    highest = max(found.values())
    if highest == 0:
        raise given.wrong("contracted_kw", "is zero in every period; give the contracted power.")
    if tariff == "2.0TD" and highest > LOW_POWER_W:
        raise given.wrong("contracted_kw", "is more than 15 kW, where 2.0TD ends; quote it as 3.0TD.")
    if tariff == "3.0TD" and highest <= LOW_POWER_W:
        raise given.wrong("contracted_kw", "is at most 15 kW in every period; that is 2.0TD.")
    if tariff != "2.0TD" and list(found.values()) != sorted(found.values()):
        raise given.wrong(
            "contracted_kw", f"falls from one period to the next; in {tariff} no period has less than the one before."
        )
    return tuple(found.items())


def _check_amount(
    given: Fields, name: str, wh: int, unit: str, powers: tuple[tuple[str, int], ...], period: DatePeriod
) -> None:
    most = MOST_HOURS_OF_POWER * max(watts for _, watts in powers) * period.days * 24
    if wh > most:
        raise given.wrong(
            name,
            f"sums to {wh // 1000:,} {unit}, more than {MOST_HOURS_OF_POWER} times what the contracted power takes in "
            f"{period.days} days; check the unit.",
        )


def _check_demand(given: Fields, name: str, highest: Mapping[str, int], powers: tuple[tuple[str, int], ...]) -> None:
    most_w = MOST_HOURS_OF_POWER * max(watts for _, watts in powers)
    for period, watts in highest.items():
        if watts > most_w:
            raise given.wrong(
                name,
                f"has {watts // 1000:,} kW in {period}, more than {MOST_HOURS_OF_POWER} times the contracted power; "
                "check the unit.",
            )


def _quarter_demands(given: Fields, periods: tuple[str, ...], notes: list[str]) -> Mapping[str, tuple[int, ...]] | None:
    """W of the quarters of an hour of each power period, as many as there are; None when the file has none."""
    if "quarter_demand_kw" not in given:
        return None
    found = given.object("quarter_demand_kw")
    found.only(periods, "period here")
    return {period: tuple(thousandths_of(found, period, notes)) for period in periods if period in found}


def _prices(
    given: Fields, tariff: str
) -> tuple[Mapping[str, Decimal] | None, Mapping[str, Decimal] | None, Indexed | None]:
    if "prices" not in given:
        return None, None, None
    prices = given.object("prices")
    prices.only(("power_eur_kw_year", "energy_eur_kwh", "indexed"))
    of_power, of_energy = PERIODS[tariff]
    power = prices.by_period("power_eur_kw_year", of_power)
    if power and len(power) < len(of_power):
        raise prices.wrong("power_eur_kw_year", f"must have a price for each of {', '.join(of_power)}, or be left out.")
    for price in power.values():
        if price > MOST_EUR_KW_YEAR:
            raise prices.wrong(
                "power_eur_kw_year",
                f"has {price} €, and no kW costs more than {MOST_EUR_KW_YEAR} € a year: give euros per kW and year.",
                value=False,
            )
    energy = prices.by_period("energy_eur_kwh", of_energy)
    if energy and len(energy) < len(of_energy) and set(energy) != {"P1"}:
        raise prices.wrong(
            "energy_eur_kwh",
            f"must have a price for each of {', '.join(of_energy)}, or P1 alone for one price at all hours.",
        )
    _check_prices(prices, "energy_eur_kwh", energy.values())
    indexed = None
    if "indexed" in prices:
        if energy:
            raise prices.wrong("indexed", "stands beside energy_eur_kwh; give one of the two.", value=False)
        terms = prices.object("indexed")
        terms.only(("market_eur_kwh", "adjustment_eur_kwh", "fee_eur_month"))
        indexed = Indexed(
            market=tuple(terms.numbers("market_eur_kwh", negative=True)),  # the market may pay for consuming
            adjustment=terms.number("adjustment_eur_kwh") if "adjustment_eur_kwh" in terms else Decimal(0),
            fee=terms.number("fee_eur_month") if "fee_eur_month" in terms else None,
        )
        _check_prices(terms, "market_eur_kwh", indexed.market)
        _check_prices(terms, "adjustment_eur_kwh", [indexed.adjustment])
    return power or None, energy or None, indexed


def _agreed(given: Fields, period: DatePeriod) -> Agreed | None:
    """The product and what goes with it; a contract that has no day of its own begins with the quote."""
    if "product" not in given:
        for name in ("promotion", "contract_start"):
            if name in given:
                raise given.wrong(name, "goes with a product; give product, and its price book with --profile.")
        return None
    product = given.text("product")
    if "prices" in given:
        raise given.wrong("product", "stands beside prices; give one of the two.")
    start = given.day("contract_start") if "contract_start" in given else period.start
    if start > period.start:
        raise given.wrong("contract_start", f"is after {period.start}, the first day billed; quote from that day on.")
    return Agreed(product, given.text("promotion") if "promotion" in given else "", start)


def _surplus(given: Fields, agreed: Agreed | None, notes: list[str]) -> tuple[int | None, Decimal | None]:
    """Wh fed in and €/kWh; the kWh may come from the curve, the price from the product."""
    if "surplus" not in given:
        return None, None
    surplus = given.object("surplus")
    surplus.only(("kwh", "eur_kwh"))
    wh = thousandth(surplus, "kwh", notes) if "kwh" in surplus else None
    if agreed is not None and "eur_kwh" in surplus:
        raise surplus.wrong(
            "eur_kwh", f"stands beside product {agreed.product!r}, which has a price of its own or none."
        )
    if agreed is not None or (wh == 0 and "eur_kwh" not in surplus):
        return wh, None
    price = surplus.number("eur_kwh")
    _check_prices(surplus, "eur_kwh", [price])
    return wh, price


def _check_prices(given: Fields, name: str, prices: Iterable[Decimal]) -> None:
    for price in prices:
        if abs(price) > MOST_EUR_KWH:
            raise given.wrong(
                name,
                f"has {price} €/kWh, and no kWh costs more than {MOST_EUR_KWH} €: give euros per kWh.",
                value=False,
            )


def extra_lines(given: Fields, concepts: Mapping[str, str]) -> tuple[StatedLine, ...]:
    """The amounts stated by hand; `concepts`: those that may be, by the name that a quote calls them."""
    lines: list[StatedLine] = []
    for item in given.objects("extra_lines"):
        item.only(("concept", "amount", "label"))
        name = item.text("concept")
        if name in AFTER_TAX:
            raise item.wrong("concept", "is no part of an invoice's total: it is settled in the account.")
        if name not in concepts:
            near = difflib.get_close_matches(name.lower(), concepts, n=1)
            hint = f"did you mean {near[0]!r}? Use" if near else "use"
            raise item.wrong("concept", f"is not known; {hint} one of {', '.join(concepts)}.")
        label = item.text("label") if "label" in item else ""
        if any((line.concept, line.label) == (concepts[name], label) for line in lines):
            raise item.wrong("concept", "stands twice; add the amounts up, or give each line a label of its own.")
        amount = round_half_up(item.number("amount"))
        if amount > MOST_AMOUNT:
            raise item.wrong("amount", f"is absurd; give at most {MOST_AMOUNT:,}.")
        lines.append(StatedLine(concepts[name], amount, label))
    return tuple(lines)


def _discounts(given: Fields, notes: list[str]) -> tuple[Discount, ...]:
    found = []
    for item in given.objects("discounts"):
        item.only(("percent", "kwh", "amount", "label"))
        kinds = [kind for kind in ("percent", "kwh", "amount") if kind in item]
        if len(kinds) != 1:
            raise Invalid(
                f"A discount of the quote gives {' and '.join(kinds) or 'nothing'}; give one of percent (of the energy term), "
                "kwh (at the mean energy price of the bill) and amount.",
                field="discounts",
            )
        label = item.text("label") if "label" in item else ""
        if kinds == ["percent"]:
            percent = item.number("percent")
            if percent > 100:
                raise item.wrong("percent", "is more than the whole; give 0 to 100.")
            found.append(Discount(ratio=percent / 100, label=label))
        elif kinds == ["kwh"]:
            found.append(Discount(wh=thousandth(item, "kwh", notes), label=label))
        else:
            found.append(Discount(amount=item.number("amount"), label=label))
    return tuple(found)


def _thousandths(given: Fields, name: str, periods: tuple[str, ...], notes: list[str]) -> dict[str, int]:
    """kWh, kVArh or kW by period as whole Wh, VArh or W."""
    given.by_period(name, periods)  # refuses unknown periods and what is no number
    found = given.object(name)
    return {period: thousandth(found, period, notes) for period in periods if period in found}
