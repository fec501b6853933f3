"""Excess power and reactive energy of Spanish contracts above 15 kW (Circular CNMC 3/2020; Orden ITC/688/2011)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal

from services.billing.domain.bill import BillLine, Energy, PeriodEnergy
from services.billing.domain.planning import HeldBill, Segment
from services.billing.jurisdictions.es.quarter_excess import absent, quarter_hour_lines
from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.money import round_half_up

#: Up to here the meter's breaker enforces the contracted power.
BREAKER_W = 15_000
#: Up to here the meter is of type 4 or 5, whose excess is the maximeter's; above it counts every quarter of an hour.
MAXIMETER_W = 50_000


def demand_lines(
    tables: SpanishTables, segment: Segment, energy: Energy, stated: AbstractSet[str]
) -> Iterator[BillLine]:
    """The lines of one contract. Raises HeldBill when demand or reactive energy decides and was not read."""
    if segment.service != "electricity" or not segment.product.by_power:
        return
    if "excess_power" not in stated and _has_maximeter(segment):
        yield from _excess_lines(tables, segment, energy)
    if "reactive" not in stated and segment.contract.tariff in tables.reactive:
        yield from _reactive_lines(tables, segment, energy)


def _has_maximeter(segment: Segment) -> bool:
    """2.0TD is controlled by the breaker, unless the contract says that it has a maximeter."""
    contract = segment.contract
    if contract.tariff == "2.0TD":
        return contract.power_control == "maximeter"
    return contract.highest_power_w > BREAKER_W or contract.power_control == "maximeter"


def quarters_above(segment: Segment) -> Mapping[str, int]:
    """The contracted W by power period of a contract whose excess is counted by quarters of an hour; of any other, none."""
    by_quarters = segment.service == "electricity" and segment.product.by_power and _has_maximeter(segment)
    return dict(segment.contract.powers) if by_quarters and segment.contract.highest_power_w > MAXIMETER_W else {}


def _excess_lines(tables: SpanishTables, segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """What exceeds the contracted power, under the rule that holds since April 2025 (Circular CNMC 3/2020 art. 9.4)."""
    contract = segment.contract
    if contract.highest_power_w > MAXIMETER_W:
        yield from quarter_hour_lines(tables, segment, energy)
        return
    if energy.max_demand_w is None:
        raise HeldBill(
            "NO_MAXIMUM_DEMAND",
            f"Contract {contract.number} pays for power above the contracted one, and the highest demand of each period "
            "was not read.",
            contract.id,
            remedy="Import the monthly close of its meter, or accept it if 'coopctl readings doubtful' lists it, and run the "
            "month again.",
        )
    yield from _maximeter_lines(tables, segment, energy.max_demand_w)


def _maximeter_lines(tables: SpanishTables, segment: Segment, highest: Mapping[str, int]) -> Iterator[BillLine]:
    """€/kW and day × days × (demand − contracted power), in the periods in which the demand is the higher one.

    The rule for meters of types 4 and 5.
    """
    contract = segment.contract
    excesses = {period: highest[period] - watts for period, watts in _exceeded(segment, highest)}
    if not excesses:
        return
    if contract.tariff not in tables.excess:
        raise absent("excess_power", contract.tariff, segment)
    for span, row in tables.excess[contract.tariff].spans(segment.days):
        for period, watts in excesses.items():
            kilowatts = Decimal(watts) / 1000
            unit_price = row.value[period]
            yield BillLine(
                concept="excess_power",
                section="excess",
                service=segment.service,
                amount=round_half_up(unit_price * kilowatts * span.days),
                period=period,
                quantity=kilowatts,
                unit="kw",
                days=span.days,
                unit_price=unit_price,
                price_unit="kw_day",
            )


def _exceeded(segment: Segment, highest: Mapping[str, int]) -> list[tuple[str, int]]:
    """The power periods whose highest demand is above the contracted W, and that power."""
    return [(period, watts) for period, watts in sorted(segment.contract.powers) if highest.get(period, 0) > watts]


def _reactive_lines(tables: SpanishTables, segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """kVArh above the free share of the period's kWh, at the price of the period's cos φ on the last day billed."""
    contract = segment.contract
    if energy.reactive_varh is None:
        raise HeldBill(
            "NO_REACTIVE_ENERGY",
            f"Contract {contract.number} pays for reactive energy, which was not read.",
            contract.id,
            remedy="Import a curve that has it, and run the month again.",
        )
    if not any(energy.reactive_varh.values()):
        return
    *_, (_, row) = tables.reactive[contract.tariff].spans(segment.days)
    rule = row.value
    for period in sorted(set(energy.reactive_varh) - rule.exempt_periods):
        varh = Decimal(energy.reactive_varh[period])
        wh = Decimal(energy.by_period.get(period, PeriodEnergy()).import_wh)
        # As the meter counts, in whole VArh.
        excess = round_half_up(varh - rule.free_ratio * wh, 0) / 1000
        if excess <= 0:
            continue
        unit_price = rule.price(cos_phi(wh, varh))
        if unit_price:
            yield BillLine(
                concept="reactive",
                section="excess",
                service=segment.service,
                amount=round_half_up(excess * unit_price),
                period=period,
                quantity=excess,
                unit="kvarh",
                unit_price=unit_price,
                price_unit="kvarh",
            )


def cos_phi(wh: Decimal, varh: Decimal) -> Decimal:
    """Power factor of a period to two decimals, half-up; one of the two energies is above zero."""
    return round_half_up(wh / (wh * wh + varh * varh).sqrt())
