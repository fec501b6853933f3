"""Power above the contracted one: by the maximeter up to 50 kW, by quarters of an hour above."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from services.staff.verify.hours import period_of
from services.staff.verify.numbers import Unverifiable, day, number, rounded, row_on, stretches
from services.staff.verify.services import Line, segment_days

Bundle = dict[str, Any]
Segment = dict[str, Any]

QUARTERS_ABOVE_W = 50_000
QUARTER = timedelta(minutes=15)


def excess(bundle: Bundle, contract: list[Segment]) -> Iterator[Line]:
    """The lines of the consecutive segments of one contract."""
    terms = contract[0]["contract"]
    maximeter = terms.get("power_control") == "maximeter"
    highest = max(terms["powers_w"].values(), default=0)
    if contract[0]["service"] != "electricity" or not (maximeter or (highest > 15_000 and terms["tariff"] != "2.0TD")):
        return
    if contract[0]["product"]["kind"] not in ("fixed", "indexed"):
        return
    # Bundles made before quarters of an hour were kept bill nothing above 50 kW.
    if highest > QUARTERS_ABOVE_W and any("quarter_demand_w" in segment for segment in contract):
        yield from _by_quarters(bundle, contract)
    else:
        yield from _by_maximeter(bundle, contract)


def _by_maximeter(bundle: Bundle, contract: list[Segment]) -> Iterator[Line]:
    """Price x kW above the contracted power x days (meters of types 4 and 5)."""
    terms = contract[0]["contract"]
    highest: dict[str, int] = {}
    for segment in contract:
        for period, watts in (segment["max_demand_w"] or {}).items():
            highest[period] = max(watts, highest.get(period, 0))
    over = {period: highest.get(period, 0) - watts for period, watts in terms["powers_w"].items()}
    if not any(watts > 0 for watts in over.values()):
        return
    whole: dict[str, Any] = {}
    for count, _, price in _prices(bundle, contract, "excess_power", "per_kw_day"):
        key = repr(price)  # a year's end alone does not split this line
        whole[key] = (whole[key][0] + count if key in whole else count, price)
    for count, price in whole.values():
        for period, watts in sorted(over.items()):
            if watts > 0:
                kilowatts, each = Decimal(watts) / 1000, number(price[period])
                amount = rounded(each * kilowatts * count)
                yield Line("electricity", "excess_power", period, amount, each, kilowatts, count)


def _by_quarters(bundle: Bundle, contract: list[Segment]) -> Iterator[Line]:
    """Price x root of the sum of the squared kW above the contracted power (meters of types 1 to 3)."""
    terms = contract[0]["contract"]
    for period, contracted in sorted(terms["powers_w"].items()):
        squares = Decimal(0)
        for segment in contract:
            for _, watts in segment.get("quarter_demand_w", {}).get(period, []):
                squares += (Decimal(max(watts - contracted, 0)) / 1000) ** 2
        kilowatts = rounded(squares.sqrt(), 4)
        if not kilowatts:
            continue
        prices = {price[period] for _, _, price in _prices(bundle, contract, "quarter_hour_excess", "per_kw")}
        if len(prices) != 1:
            raise Unverifiable(
                f"The price of excess power in {period} changes in the bundle, and a root cannot be shared."
            )
        price = number(prices.pop())
        yield Line("electricity", "excess_power", period, rounded(price * kilowatts), price, kilowatts)


def _prices(bundle: Bundle, contract: list[Segment], table: str, field: str) -> list[tuple[int, Any, dict[str, str]]]:
    """How many days, the first of them, and the prices by power period."""
    tariff = contract[0]["contract"]["tariff"]

    def prices(one: Any) -> dict[str, str]:
        found: dict[str, str] = row_on(bundle["tables"].get(table, []), one, "excess power", tariff=tariff)[field]
        return found

    return stretches([one for segment in contract for one in segment_days(segment)], prices)


def unlike_quarters(bundle: Bundle) -> list[str]:
    """Quarters of an hour that cannot be: of other days or periods, out of order, or within the contracted power.

    And hours whose quarters are not known, where the maximeter does not say that nothing there exceeded.
    """
    return [
        said for segment in bundle["segments"] if "quarter_demand_w" in segment for said in _unlike(bundle, segment)
    ]


def _unlike(bundle: Bundle, segment: Segment) -> Iterator[str]:
    zone, first, end = ZoneInfo(bundle["time_zone"]), day(segment["from"]), day(segment["to"])
    terms = segment["contract"]
    for period, quarters in sorted(segment["quarter_demand_w"].items()):
        before: datetime | None = None
        for text, watts in quarters:
            start = datetime.fromisoformat(text)
            local = start.astimezone(zone)
            if start.timestamp() % QUARTER.total_seconds() or not first <= local.date() < end:
                yield f"{text} is no quarter of an hour of {first} to {end} (excluded)."
            elif period_of(local, terms["tariff"], terms["zone"]) != period:
                yield f"The quarter of an hour {text} is not of {period}."
            elif before is not None and start <= before:
                yield f"The quarter of an hour {text} does not come after {before.isoformat()}, where the bundle has it."
            if watts <= terms["powers_w"].get(period, 0):
                yield f"The quarter of an hour {text} has {watts} W, which is not above the power contracted in {period}."
            before = start
    for period, count in sorted(segment["quarters_unknown"].items()):
        read = (segment["max_demand_w"] or {}).get(period)
        if count and (
            read is None or read > terms["powers_w"].get(period, 0) or segment["quarter_demand_w"].get(period)
        ):
            yield f"The quarters of {count} hours of {period} are not known, and no maximeter says that none exceeded."
