"""Excess power and reactive energy of Spanish contracts above 15 kW (Circular CNMC 3/2020; Orden ITC/688/2011)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal

from services.billing.domain.bill import BillLine, Energy, PeriodEnergy
from services.billing.domain.planning import HeldBill, Segment
from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.errors import Refused
from services.chassis.money import round_half_up

#: Up to here the meter's breaker enforces the contracted power.
BREAKER_W = 15_000
#: Up to here the meter is of type 4 or 5, whose excess is the maximeter's; above it counts every quarter of an hour.
MAXIMETER_W = 50_000
LONGEST_MONTH = 31


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


def _excess_lines(tables: SpanishTables, segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """What exceeds the contracted power, under the rule that holds since April 2025 (Circular CNMC 3/2020 art. 9.4)."""
    contract = segment.contract
    if energy.max_demand_w is None:
        raise HeldBill(
            "NO_MAXIMUM_DEMAND",
            f"Contract {contract.number} pays for power above the contracted one, and the highest demand of each period "
            "was not read.",
            contract.id,
        )
    if contract.highest_power_w > MAXIMETER_W:
        yield from _quarter_hour_lines(tables, segment, energy, energy.max_demand_w)
    else:
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
        raise _absent("excess_power", contract.tariff, segment)
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


def _quarter_hour_lines(
    tables: SpanishTables, segment: Segment, energy: Energy, highest: Mapping[str, int]
) -> Iterator[BillLine]:
    """€/kW × the root of the squared excesses of a month's quarter hours: the rule for meters of types 1 to 3.

    Raises HeldBill when a period was exceeded and its quarter hours are not known, or are those of more than a month:
    their root is no sum, so that it cannot be shared.
    """
    contract = segment.contract
    demands = energy.quarter_demand_w or {}
    for period, _ in _exceeded(segment, highest):
        if max(demands.get(period, ()), default=0) < highest[period]:
            raise HeldBill(
                "NO_QUARTER_HOURS",
                f"Contract {contract.number} has more than 50 kW: what exceeds its power is counted by quarters of an hour, and "
                f"those of {period} that reach the {Decimal(highest[period]) / 1000} kW read there are not known. Give them as "
                "quarter_demand_kw to 'coopctl bill quote', which prices them; bill runs have whole hours only.",
                contract.id,
            )
    excesses = {
        period: quadratic_excess((Decimal(each) / 1000 for each in demands.get(period, ())), Decimal(watts) / 1000)
        for period, watts in sorted(contract.powers)
    }
    if not any(excesses.values()):
        return
    if contract.tariff not in tables.quarter_excess:
        raise _absent("quarter_hour_excess", contract.tariff, segment)
    (span, row), *others = tables.quarter_excess[contract.tariff].spans(segment.days)
    if others or span.days > LONGEST_MONTH:
        raise HeldBill(
            "EXCESS_OF_MORE_THAN_A_MONTH",
            f"Contract {contract.number} has more than 50 kW: its excess is that of the quarter hours of one month at one price, "
            f"and {segment.days.start} to {segment.days.end} (excluded) is more. Bill each month by itself.",
            contract.id,
        )
    for period, kilowatts in excesses.items():
        if kilowatts:
            yield BillLine(
                concept="excess_power",
                section="excess",
                service=segment.service,
                amount=round_half_up(row.value[period] * kilowatts),
                period=period,
                quantity=kilowatts,
                unit="kw",
                unit_price=row.value[period],
                price_unit="kw",
            )


def _exceeded(segment: Segment, highest: Mapping[str, int]) -> list[tuple[str, int]]:
    """The power periods whose highest demand is above the contracted W, and that power."""
    return [(period, watts) for period, watts in sorted(segment.contract.powers) if highest.get(period, 0) > watts]


def _absent(table: str, tariff: str, segment: Segment) -> Refused:
    return Refused(
        f"The table {table} has no row for {tariff} on {segment.days.start}; without its price the excess power of that "
        "day cannot be billed.",
        reason="NO_TABLE_ROW",
    )


def quadratic_excess(demands: Iterable[Decimal], contracted: Decimal) -> Decimal:
    """kW of excess of a meter of types 1 to 3: the root of the squared excesses of its quarter hours, both in kW.

    To four decimals, half-up: what is printed is what is multiplied.
    """
    return round_half_up(
        sum(((demand - contracted) ** 2 for demand in demands if demand > contracted), Decimal(0)).sqrt(), 4
    )


def _reactive_lines(tables: SpanishTables, segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """kVArh above the free share of the period's kWh, at the price of the period's cos φ on the last day billed."""
    contract = segment.contract
    if energy.reactive_varh is None:
        raise HeldBill(
            "NO_REACTIVE_ENERGY",
            f"Contract {contract.number} pays for reactive energy, which was not read.",
            contract.id,
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
