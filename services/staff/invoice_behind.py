"""What is behind a line that is no plain multiplication: the demand read, the cos φ, whose percentage it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from coop.billing.v1 import billing_service_pb2 as billing

Facts = Mapping[str, Any]


def behind(bundle: Facts) -> list[str]:
    """Of each printed line, in their order; "" where the printed factors say it all, or the facts do not give them."""
    lines = bundle["invoice"]["lines"]
    rebates = [at for at, line in enumerate(lines) if line["concept"] == "discount"]
    sources = list(_rebates(bundle))
    said = dict(zip(rebates, sources, strict=True)) if len(rebates) == len(sources) else {}
    return [said.get(at, "") or _measured(bundle, line) for at, line in enumerate(lines)]


def _measured(bundle: Facts, line: Facts) -> str:
    if line["concept"] == "surplus" and line["unit_price"] is None:
        return _capped(bundle, line)
    if line["quantity"] is None or line["concept"] not in ("excess_power", "reactive") or line["price_unit"] == "kw":
        return ""
    segments = [segment for segment in bundle["segments"] if segment["service"] == line["service"]]
    say = _excess if line["concept"] == "excess_power" else _reactive
    return next((words for each in _by_contract(segments) if (words := say(bundle, each, line))), "")


def _capped(bundle: Facts, line: Facts) -> str:
    """A surplus worth more than what is left of the energy term, which is all that is paid for it (RD 244/2019 art. 14)."""
    for segment in bundle["segments"]:
        wh, price = sum(each["export_wh"] for each in segment["energy"].values()), segment["product"]["surplus_price"]
        if price and Decimal(wh) / 1000 == Decimal(line["quantity"]):
            value = (Decimal(wh) / 1000 * Decimal(price)).quantize(Decimal("0.01"), ROUND_HALF_UP)
            currency = bundle["currency"]
            return (
                f"{_thousandths(wh)} kWh x {_plain(price)} {currency} would be {value} {currency}: no more than the energy "
                "term is paid"
            )
    return ""


def _by_contract(segments: Sequence[Facts]) -> list[list[Facts]]:
    """The segments of each contract: what is measured for the whole of one is on each of them."""
    found: dict[str, list[Facts]] = {}
    for segment in segments:
        found.setdefault(segment["contract"]["number"], []).append(segment)
    return list(found.values())


def _excess(_: Facts, segments: Sequence[Facts], line: Facts) -> str:
    contracted = segments[0]["contract"]["powers_w"].get(line["period"], 0)
    highest = max((segment["max_demand_w"] or {}).get(line["period"], 0) for segment in segments)
    if Decimal(highest - contracted) / 1000 != Decimal(line["quantity"]):
        return ""
    return f"{_thousandths(highest)} kW read, {_thousandths(contracted)} kW contracted"


def quarters_said(found: billing.QuarterExcess, time_zone: str) -> str:
    """What is behind excess power counted by quarters of an hour: how many, the highest with their local time, the root."""
    contracted, zone = found.contracted_watts, ZoneInfo(time_zone)
    highest = ", ".join(
        f"{_thousandths(each.watts)} kW on {each.start.ToDatetime(UTC).astimezone(zone):%Y-%m-%d at %H:%M}"
        for each in found.highest
    )
    over = " + ".join(f"{_thousandths(each.watts - contracted)}²" for each in found.highest)
    more = found.count - len(found.highest)
    root = f"√({over} + {more} more)" if more else f"√({over})"
    told = "1 quarter of an hour" if found.count == 1 else f"{found.count} quarters of an hour"
    squares = Decimal(found.squares)
    figure = squares.sqrt().quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return (
        f"{told} above the {_thousandths(contracted)} kW contracted, the highest {highest}; "
        f"{root} = √{_plain(squares)} = {_plain(figure)} kW"
    )


def _reactive(bundle: Facts, segments: Sequence[Facts], line: Facts) -> str:
    period, tariff = line["period"], segments[0]["contract"]["tariff"]
    row = next((row for row in bundle["tables"].get("reactive", ()) if row["tariff"] == tariff), None)
    varh = sum((segment["reactive_varh"] or {}).get(period, 0) for segment in segments)
    wh = sum(segment["energy"].get(period, {"import_wh": 0})["import_wh"] for segment in segments)
    if row is None or not varh:
        return ""
    cos_phi = Decimal(wh) / (Decimal(wh) ** 2 + Decimal(varh) ** 2).sqrt()
    free = f"{_plain(row['free_percent'])} % of {_thousandths(wh)} kWh"
    return f"{_thousandths(varh)} kVArh less {free}; cos φ {cos_phi:.2f}"


def _rebates(bundle: Facts) -> Iterator[str]:
    """What brought each line of discount, in the order of the lines: the product's by days, then those of this bill."""
    before = Decimal(0)
    for segment in bundle["segments"]:
        ratio = Decimal(segment["discount"])
        if ratio and ratio != before:
            yield f"{_plain(ratio * 100)} % of the energy term, of the product"
        before = ratio
    for each in bundle["invoice"].get("terms", {}).get("discounts", ()):
        if each.get("concept", "discount") == "discount":
            ratio = each.get("ratio")
            yield (
                f"{_plain(Decimal(ratio) * 100)} % of the energy term" if ratio is not None else "agreed for this bill"
            )


def _thousandths(number: int) -> str:
    return _plain(Decimal(number) / 1000)


def _plain(number: Decimal | str) -> str:
    return f"{Decimal(number).normalize():f}"
