"""What both countries share: contracts, monthly charges, blocks of consumption, registers, and the assembly's concepts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from services.staff.verify.numbers import (
    Unverifiable,
    day,
    days_between,
    days_in_month,
    days_in_year,
    number,
    rounded,
    stretches,
)

Segment = dict[str, Any]
BY_MONTH = "by_month"
"""How parts of a month are charged, as a segment says; older ones say nothing."""


@dataclass(frozen=True)
class Line:
    """A line as this calculation makes it: what for, in which tariff period or block, and the amount.

    The other figures are what the amount was multiplied from; None where a bill need not print them.
    """

    service: str
    concept: str
    period: str
    amount: Decimal
    price: Decimal | None = None
    quantity: Decimal | None = None
    days: int | None = None
    year_days: int | None = None


def segment_days(segment: Segment) -> list[date]:
    return days_between(day(segment["from"]), day(segment["to"]))


def by_contract(segments: list[Segment]) -> list[list[Segment]]:
    """Consecutive segments of one contract."""
    return [list(found) for _, found in groupby(segments, key=lambda s: (s["service"], s["contract"]["number"]))]


def flat(segment: Segment) -> Iterator[Line]:
    """A charge by the month for what no meter counts."""
    water = segment["service"] == "water"
    concept = "water_fixed" if water else "fixed_charge"
    lines = list(_monthly(segment, concept, segment_days(segment), number(segment["product"]["monthly"])))
    yield from lines
    yield from _sewage(segment, lines, 0)


def water_and_blocks(segment: Segment) -> Iterator[Line]:
    """A fixed charge and blocks: electricity by its curve, water by what the register counted between two readings."""
    product, service = segment["product"], segment["service"]
    concept = "water_fixed" if service == "water" else "fixed_charge"
    lines: list[Line] = []
    if product.get("fixed_charge") is not None:
        charge, months = number(product["fixed_charge"]), product.get("months", 1)
        lines += _monthly(segment, concept, segment_days(segment), charge, months)
    if service != "water":
        used = sum(each["import_wh"] for each in segment["energy"].values())
        lines += _consumed(segment, "energy", concept, product, used, [segment_days(segment)])
        yield from lines
        return
    counted = 0
    for version in _versions(segment):
        used, parts = 0, []
        for close in segment["closes"]:
            part = _part_within(close, version)
            if part:
                parts.append(part)
                used += _share(close, part)
        if parts:
            lines += _consumed(segment, "water", concept, version["product"], used, parts)
            counted += used
    yield from lines
    yield from _sewage(segment, lines, counted)


def _versions(segment: Segment) -> list[dict[str, Any]]:
    """The product's prices at all times that the closes touch."""
    return segment.get("prices") or [{"from": "0001-01-01", "to": None, "product": segment["product"]}]


def _part_within(close: dict[str, Any], version: dict[str, Any]) -> list[date]:
    days = days_between(day(close["from"]), day(close["to"]))
    return [one for one in days if day(version["from"]) <= one and (not version["to"] or one < day(version["to"]))]


def _share(close: dict[str, Any], part: list[date]) -> int:
    """What of a close fell on some of its days, spread evenly: what passed until their end less what passed before."""
    first, whole = day(close["from"]), (day(close["to"]) - day(close["from"])).days

    def until(days: int) -> int:
        return int(rounded(Decimal(close["used"] * days) / whole, 0))

    return until((part[-1] - first).days + 1) - until((part[0] - first).days)


def _months(days: Iterable[date], months: int = 1) -> Fraction:
    """Days as a part of so many calendar months, each day counting by its own month."""
    return sum((Fraction(1, days_in_month(one)) for one in days), start=Fraction(0)) / months


def _monthly(segment: Segment, concept: str, days: list[date], price: Decimal, months: int = 1) -> Iterator[Line]:
    """Whole months count whole; of a part each day counts by its own month, in older bundles x 12 / days of the year."""
    service = segment["service"]
    share = _months(days)
    if days[0].day == 1 and share.denominator == 1:
        whole = share.numerator
        monthly = None if whole == months != 1 else price / months  # one price for all of them has no multiplication
        quantity = Decimal(whole) if whole != months else None
        yield Line(service, concept, "", rounded(price * whole / months), monthly, quantity)
        return
    if segment.get("month_parts") == BY_MONTH:
        for count, first, _ in stretches(days, lambda one: (one.year, one.month)):
            length = days_in_month(first)
            amount = rounded(price * count / (months * length))
            yield Line(service, concept, "", amount, price / months, None, count, length)
        return
    for count, first, _ in stretches(days, lambda _: None):
        year = days_in_year(first)
        yield Line(service, concept, "", rounded(price / months * 12 * count / year), price / months, None, count, year)


def _consumed(
    segment: Segment, concept: str, charge_concept: str, product: dict[str, Any], used: int, parts: list[list[date]]
) -> Iterator[Line]:
    service, months, blocks = segment["service"], product.get("months", 1), product["blocks"]
    share = sum((_months(part, months) for part in parts), start=Fraction(0))

    def limit(block: dict[str, Any]) -> int | None:
        if block["up_to"] is None:
            return None
        return int(rounded(Decimal(block["up_to"] * share.numerator) / share.denominator, 0))

    def label(index: int) -> str:
        below = _units(blocks[index - 1]["up_to"]) if index else "0"
        above = blocks[index]["up_to"]
        return f"> {below}" if above is None else f"{below}–{_units(above)}"

    if product.get("algorithm", "marginal") == "category":
        index = next((i for i, block in enumerate(blocks) if (top := limit(block)) is None or used <= top), -1)
        if index < 0:
            raise Unverifiable(f"The bundle's blocks of {service} have no price for {_units(used)}.")
        charge = blocks[index].get("fixed_charge")
        for part in parts if charge is not None else []:
            yield from _monthly(segment, charge_concept, part, number(charge), months)
        price, quantity = number(blocks[index]["price"]), Decimal(used) / 1000
        yield Line(service, concept, label(index), rounded(quantity * price), price, quantity)
        return
    floor = 0
    for index, block in enumerate(blocks):
        top = limit(block)
        ceiling = used if top is None else min(used, top)
        if ceiling > floor or index == 0:
            price, quantity = number(block["price"]), Decimal(max(ceiling - floor, 0)) / 1000
            yield Line(service, concept, label(index), rounded(quantity * price), price, quantity)
        floor = max(floor, ceiling)


def _units(thousandths: int) -> str:
    return f"{(Decimal(thousandths) / 1000).normalize():f}"


def _sewage(segment: Segment, water: list[Line], litres: int) -> Iterator[Line]:
    sewage = segment["product"].get("sewage")
    if not sewage:
        return
    share = number(sewage["share"])
    if sewage.get("price") is None:
        amount = rounded(sum((line.amount for line in water), Decimal(0)) * share)
        yield Line(segment["service"], "sewage", f"{(share * 100).normalize():f} %", amount)
    elif litres:
        cubic_metres = rounded(Decimal(litres) / 1000 * share, 3)
        price = number(sewage["price"])
        yield Line(segment["service"], "sewage", "", rounded(cubic_metres * price), price, cubic_metres)


def concept_lines(bundle: dict[str, Any], lines: list[Line]) -> Iterator[tuple[dict[str, Any], Line]]:
    """What the assembly decided, with the row it rests on: by the month, by what was used, or as a share of the service."""
    rows = bundle.get("concepts", [])
    for code in dict.fromkeys(row["code"] for row in rows):
        for service in dict.fromkeys(segment["service"] for segment in bundle["segments"]):
            own = [segment for segment in bundle["segments"] if segment["service"] == service]
            yield from _concept([row for row in rows if row["code"] == code], service, own, lines)


def _concept(
    rows: list[dict[str, Any]], service: str, segments: list[Segment], lines: list[Line]
) -> Iterator[tuple[dict[str, Any], Line]]:
    charged: list[tuple[dict[str, Any], list[date]]] = []
    for row in rows:
        days = [
            one
            for segment in segments
            if _charges(row, service, segment["contract"])
            for one in segment_days(segment)
            if day(row["from"]) <= one and (not row.get("to") or one < day(row["to"]))
        ]
        if days:
            charged.append((row, days))
    for row, days in charged:
        if row["basis"] == "month":
            share, price = _months(days), number(row["price"])
            amount = rounded(price * share.numerator / share.denominator)
            if share == 1:
                yield row, Line(row["account"], row["code"], "", amount, price)
            elif segments[0].get("month_parts") != BY_MONTH:
                yield row, Line(row["account"], row["code"], "", amount, price, days=len(days))
            elif len(lengths := {days_in_month(one) for one in days}) == 1:
                yield row, Line(row["account"], row["code"], "", amount, price, None, len(days), lengths.pop())
            else:
                yield row, Line(row["account"], row["code"], "", amount)
    if not charged or charged[-1][0]["basis"] == "month":
        return
    row = charged[-1][0]
    if row["basis"] == "share":
        ratio = number(row["price"])
        base = sum((line.amount for line in lines if line.service == service), Decimal(0))
        period = f"{(ratio * 100).normalize():f} %"
        yield row, Line(row["account"], row["code"], period, rounded(base * ratio))
        return
    quantity = Decimal(sum(_used(service, segment) for segment in segments)) / 1000
    price = number(row["price"])
    yield row, Line(row["account"], row["code"], "", rounded(quantity * price), price, quantity)


def _charges(row: dict[str, Any], service: str, contract: dict[str, Any]) -> bool:
    fits_use = not row.get("uses") or contract["use"] in row["uses"]
    return row["on"] == service and fits_use and (not row.get("tariffs") or contract["tariff"] in row["tariffs"])


def _used(service: str, segment: Segment) -> int:
    if service == "water":
        return sum(close["used"] for close in segment["closes"])
    return sum(each["import_wh"] for each in segment["energy"].values())
