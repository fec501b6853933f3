"""The quarters of an hour behind a line of excess power: how many, the highest, and what their root is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.chassis.money import round_half_up

Facts = Mapping[str, Any]
TOLD = 3


@dataclass(frozen=True)
class QuarterExcess:
    """`squares` in kW²; `highest` has at most three quarters, start and W, the highest first."""

    contracted_w: int
    count: int
    squares: Decimal
    highest: tuple[tuple[datetime, int], ...]


def by_quarters(line: Facts) -> bool:
    """Whether a printed line is excess power that is not priced by the day."""
    return bool(line["concept"] == "excess_power" and line["price_unit"] == "kw")


def quarter_excess(bundle: Facts, line: Facts) -> QuarterExcess | None:
    """What is behind a printed line; None where it is no line by quarters, or the facts do not give its quantity."""
    if not by_quarters(line) or line["quantity"] is None:
        return None
    return next((each for each in _by_contract(bundle, line["period"]) if _is_root(each, line["quantity"])), None)


def _is_root(found: QuarterExcess, quantity: str) -> bool:
    """Whatever its sign: a line that is taken back has it turned."""
    return round_half_up(found.squares.sqrt(), 4) == abs(Decimal(quantity))


def _by_contract(bundle: Facts, period: str) -> Iterator[QuarterExcess]:
    contracts: dict[str, list[Facts]] = {}
    for segment in bundle["segments"]:
        contracts.setdefault(segment["contract"]["number"], []).append(segment)
    for segments in contracts.values():
        contracted = segments[0]["contract"]["powers_w"].get(period, 0)
        above = [
            (datetime.fromisoformat(start), watts)
            for segment in segments
            for start, watts in segment.get("quarter_demand_w", {}).get(period, ())
            if watts > contracted
        ]
        squares = sum(((Decimal(watts - contracted) / 1000) ** 2 for _, watts in above), Decimal(0))
        highest = sorted(above, key=lambda each: (-each[1], each[0]))[:TOLD]
        yield QuarterExcess(contracted, len(above), squares, tuple(highest))
