"""A Spanish electricity bill (and water sold with it) from its facts, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from services.staff.verify.discounts import ENERGY_TERM, discounts
from services.staff.verify.excess import excess
from services.staff.verify.numbers import (
    Tax,
    Unverifiable,
    day,
    days_between,
    days_in_year,
    number,
    rounded,
    row_on,
    stretches,
)
from services.staff.verify.services import Line, by_contract, flat, segment_days, water_and_blocks

Bundle = dict[str, Any]
Segment = dict[str, Any]

IEE_LINES = ("power", "fixed_charge", "excess_power", "reactive", "surplus", "management_fee", *ENERGY_TERM)


def lines_of(bundle: Bundle) -> list[Line]:
    """Every line before taxes."""
    segments = bundle["segments"]
    stated = {each["concept"]: each for each in bundle["invoice"]["terms"].get("stated", [])}
    lines = list(_power(bundle, segments))
    energy = [list(_energy(bundle, segment)) for segment in segments]
    lines += [line for found in energy for line in found]
    for contract in by_contract(segments):
        if "excess_power" not in stated:
            lines += excess(bundle, contract)
        if "reactive" not in stated:
            lines += _reactive(bundle, contract)
    lines += discounts(bundle, segments, energy)
    lines += _surplus(segments, lines)
    electricity = [segment for segment in segments if segment["service"] == "electricity"]
    if "management_fee" not in stated:
        lines += _fees(segments)
    if "social_bonus_financing" not in stated and electricity:
        lines += _financing(bundle, electricity)
    if "meter_rental" not in stated:
        lines += _rental(bundle, electricity)
    lines += [Line("electricity", each["concept"], "", rounded(number(each["amount"]))) for each in stated.values()]
    return lines


def _power(bundle: Bundle, segments: list[Segment]) -> Iterator[Line]:
    """kW x days x yearly price / days of the year, wherever prices or the year change."""
    tables = bundle["tables"]
    for contract in by_contract(segments):
        product_of = {one: segment["product"] for segment in contract for one in segment_days(segment)}
        terms = contract[0]["contract"]

        def prices(one: date, products: dict[date, Any] = product_of, terms: Any = terms) -> dict[str, Decimal]:
            agreed = products[one].get("power")
            if agreed:
                return {period: number(price) for period, price in agreed.items()}
            toll = row_on(tables["toll"], one, "tolls", tariff=terms["tariff"])
            charge = row_on(tables["charge"], one, "charges", tariff=terms["tariff"])
            return {period: number(toll["power"][period]) + number(charge["power"][period]) for period in toll["power"]}

        by_power = [one for one, product in product_of.items() if product["kind"] in ("fixed", "indexed")]
        for count, first, price in stretches(by_power, prices):
            for period, watts in sorted(terms["powers_w"].items()):
                kilowatts, year = Decimal(watts) / 1000, days_in_year(first)
                amount = rounded(kilowatts * count * price[period] / year)
                yield Line(contract[0]["service"], "power", period, amount, price[period], kilowatts, count, year)


def _energy(bundle: Bundle, segment: Segment) -> Iterator[Line]:
    kind = segment["product"]["kind"]
    if kind == "flat":
        yield from flat(segment)
    elif kind == "blocks":
        yield from water_and_blocks(segment)
    elif kind == "indexed":
        yield from _by_the_hour(bundle, segment)
    else:
        yield from _by_period(bundle, segment)


def _by_period(bundle: Bundle, segment: Segment) -> Iterator[Line]:
    prices = segment["product"].get("energy")
    if not prices:
        first, tariff = day(segment["from"]), segment["contract"]["tariff"]
        toll = row_on(bundle["tables"]["toll"], first, "tolls", tariff=tariff)["energy"]
        charge = row_on(bundle["tables"]["charge"], first, "charges", tariff=tariff)["energy"]
        prices = {period: number(toll[period]) + number(charge[period]) for period in toll}
    for period in sorted({*segment["energy"], *prices}):
        price = number(prices[period] if len(prices) > 1 else next(iter(prices.values())))
        kwh = _kwh(segment, period)
        yield Line(segment["service"], "energy", period, rounded(kwh * price), price, kwh)


def _by_the_hour(bundle: Bundle, segment: Segment) -> Iterator[Line]:
    """Each hour at its own price; a sum for each tariff period."""
    sums: dict[str, Decimal] = dict.fromkeys(segment["energy"], Decimal(0))
    for on, period, wh, market in segment["priced_hours"]:
        price = price_of_hour(bundle, segment, on, period, market)
        sums[period] = sums.get(period, Decimal(0)) + Decimal(wh) / 1000 * price
    for period, amount in sorted(sums.items()):
        yield Line(segment["service"], "energy", period, rounded(amount), quantity=_kwh(segment, period))


def price_of_hour(bundle: Mapping[str, Any], segment: Mapping[str, Any], on: str, period: str, market: str) -> Decimal:
    """(market + adjustment) x (1 + losses) + toll + charge, of six decimals."""
    tariff, tables = segment["contract"]["tariff"], bundle["tables"]
    losses = row_on(tables["loss"], day(on), "losses", tariff=tariff)["percent"][period]
    toll = row_on(tables["toll"], day(on), "tolls", tariff=tariff)["energy"][period]
    charge = row_on(tables["charge"], day(on), "charges", tariff=tariff)["energy"][period]
    bought = number(market) + number(segment["product"].get("adjustment", "0"))
    return rounded(bought * (1 + number(losses) / 100) + number(toll) + number(charge), 6)


def _kwh(segment: Segment, period: str) -> Decimal:
    return Decimal(segment["energy"].get(period, {}).get("import_wh", 0)) / 1000


def _reactive(bundle: Bundle, contract: list[Segment]) -> Iterator[Line]:
    """kVArh above a third of the active energy, at the price of the period's cos phi; free in some periods."""
    terms = contract[0]["contract"]
    rows = [row for row in bundle["tables"].get("reactive", []) if row["tariff"] == terms["tariff"]]
    if contract[0]["service"] != "electricity" or not rows:
        return
    varh: dict[str, int] = {}
    wh: dict[str, int] = {}
    for segment in contract:
        for period, each in (segment["reactive_varh"] or {}).items():
            varh[period] = varh.get(period, 0) + each
        for period, each in segment["energy"].items():
            wh[period] = wh.get(period, 0) + each["import_wh"]
    last = days_between(day(contract[-1]["from"]), day(contract[-1]["to"]))[-1]
    row = row_on(rows, last, "reactive energy", tariff=terms["tariff"])
    for period in sorted(set(varh) - set(row["exempt_periods"])):
        active, reactive = Decimal(wh.get(period, 0)), Decimal(varh[period])
        excess = rounded(reactive - number(row["free_percent"]) / 100 * active, 0) / 1000
        if excess <= 0:
            continue
        cos_phi = rounded(active / (active * active + reactive * reactive).sqrt())
        band = next((each for each in row["bands"] if cos_phi >= number(each["cos_phi_from"])), None)
        if band is None:
            raise Unverifiable(f"The bundle's rows of reactive energy have no price for a cos φ of {cos_phi}.")
        price = number(band["price"])
        if price:
            yield Line("electricity", "reactive", period, rounded(excess * price), price, excess)


def _surplus(segments: list[Segment], lines: list[Line]) -> Iterator[Line]:
    """Energy given at its price, never more than what is left of the energy term (RD 244/2019 art. 14)."""
    left = sum((line.amount for line in lines if line.concept in ENERGY_TERM), Decimal(0))
    for segment in segments:
        price = segment["product"].get("surplus_price")
        given = sum(each["export_wh"] for each in segment["energy"].values())
        if price is not None and given:
            kwh = Decimal(given) / 1000
            value = rounded(kwh * number(price))
            amount = min(value, left)
            left -= amount
            yield Line(segment["service"], "surplus", "", -amount, -number(price) if amount == value else None, kwh)


def _fees(segments: list[Segment]) -> Iterator[Line]:
    for segment in segments:
        fee = segment["product"].get("management_fee")
        if fee is not None:
            for count, first, _ in stretches(segment_days(segment), lambda _: None):
                year = days_in_year(first)
                amount = rounded(number(fee) * 12 * count / year)
                yield Line(segment["service"], "management_fee", "", amount, number(fee), None, count, year)


def _financing(bundle: Bundle, segments: list[Segment]) -> Iterator[Line]:
    days = [one for segment in segments for one in segment_days(segment)]
    rows = bundle["tables"]["social_bonus_financing"]
    for count, first, row in stretches(days, lambda one: row_on(rows, one, "the social bonus financing")):
        yearly = row.get("per_year") is not None
        price, year = number(row["per_year" if yearly else "per_day"]), days_in_year(first) if yearly else None
        amount = rounded(price * count / (year or 1))
        yield Line("electricity", "social_bonus_financing", "", amount, price, None, count, year)


def _rental(bundle: Bundle, segments: list[Segment]) -> Iterator[Line]:
    for meter in sorted({segment["contract"].get("meter_rental", "") for segment in segments} - {""}):
        days = [one for s in segments if s["contract"].get("meter_rental") == meter for one in segment_days(s)]
        rows = [row for row in bundle["tables"]["meter_rental"] if row["meter"] == meter]
        for count, first, row in stretches(days, partial(row_on, rows, what=f"the rental of {meter}")):
            monthly, year = number(row["monthly"]), days_in_year(first)
            amount = rounded(monthly * 12 * count / year)
            yield Line("electricity", "meter_rental", "", amount, monthly, None, count, year)


def taxes_of(bundle: Bundle, lines: list[Line]) -> list[Tax]:
    """The electricity tax and of each IVA rate, in the order of a bill."""
    accrual = day(bundle["invoice"]["accrual_date"])
    found: list[Tax] = []
    if any(line.service == "electricity" for line in lines):
        found.append(_electricity_tax(bundle, lines, accrual))
    bases: dict[Decimal, Decimal] = {}
    for service in dict.fromkeys(line.service for line in lines):
        rate = _iva(bundle, service, accrual)
        base = sum((line.amount for line in lines if line.service == service), Decimal(0))
        if service == "electricity":
            base += sum((amount for kind, _, amount, _ in found if kind == "iee"), Decimal(0))
        bases[rate] = bases.get(rate, Decimal(0)) + base
    return found + [("iva", base, rounded(base * rate), rate) for rate, base in sorted(bases.items())]


def _electricity_tax(bundle: Bundle, lines: list[Line], accrual: date) -> Tax:
    """The rate on the base, and never less than the minimum per MWh (Ley 38/1992 art. 99)."""
    segments = [segment for segment in bundle["segments"] if segment["service"] == "electricity"]
    taxed = IEE_LINES + (("social_bonus_financing",) if bundle["options"].get("financing_in_iee_base") else ())
    base = sum((ln.amount for ln in lines if ln.service == "electricity" and ln.concept in taxed), Decimal(0))
    row = row_on(bundle["tables"]["rate"], accrual, "the electricity tax")
    minimum = number(row["minimum_per_mwh"])
    if any(segment["contract"]["tariff"].startswith("6.") for segment in segments):
        minimum = number(row["reduced_minimum_per_mwh"])
    use = segments[-1]["contract"].get("electricity_tax", "") if segments else ""
    if use:
        rule = row_on(bundle["tables"]["use"], accrual, "the electricity tax uses", name=use)
        base *= number(rule["base_percent"]) / 100
        if rule["minimum"] != "general":
            minimum = number(row["reduced_minimum_per_mwh"]) if rule["minimum"] == "reduced" else Decimal(0)
    base = rounded(base)
    mwh = Decimal(sum(e["import_wh"] for s in segments for e in s["energy"].values())) / 1_000_000
    rate = number(row["percent"]) / 100
    return "iee", base, max(rounded(base * rate), rounded(mwh * minimum)), rate


def _iva(bundle: Bundle, service: str, accrual: date) -> Decimal:
    row = row_on(bundle["tables"][service], accrual, f"the IVA of {service}")
    general = number(row["percent"]) / 100
    if "reduced" not in row:
        return general
    segments = [segment for segment in bundle["segments"] if segment["service"] == service]
    reduced = number(row["reduced"]) / 100
    if any(segment["contract"].get("vulnerable") for segment in segments):
        return reduced
    watts = max((w for segment in segments for w in segment["contract"]["powers_w"].values()), default=0)
    limit = row.get("reduced_up_to_w", 0)
    if watts > limit or (row.get("reduced_below") and watts == limit):
        return general
    if "market_price_above" in row:
        price = bundle["invoice"]["terms"].get("market_price")
        if price is None:
            raise Unverifiable("The IVA of this date depends on the mean market price, which the bundle does not have.")
        return reduced if number(price) > number(row["market_price_above"]) else general
    return reduced
