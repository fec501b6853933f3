"""Excess power above 50 kW: the quarters of an hour of meters of types 1 to 3 (Circular CNMC 3/2020 art. 9.4).

€/kW × the root of the squared excesses of a billing period's quarters of an hour. A root is no sum: it belongs to the days
of one contract, since a change of contracted power ends a billing period, and cannot be shared among prices or months.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from services.billing.domain.bill import BillLine, Energy, QuarterDemand
from services.billing.domain.planning import HeldBill, Segment
from services.billing.domain.supplies import Contract
from services.billing.jurisdictions.es.tables import SpanishTables
from services.chassis.errors import Refused
from services.chassis.money import round_half_up
from services.chassis.periods import LONGEST_MONTH

#: A maximeter tells whole kW: what is within one, or within a hundredth of the demand, is the same demand.
RESOLUTION_W = 1_000
RESOLUTION_RATIO = Decimal("0.01")


def quarter_hour_lines(tables: SpanishTables, segment: Segment, energy: Energy) -> Iterator[BillLine]:
    """The lines of one contract's days, a line for each power period that was exceeded.

    Raises HeldBill when quarters that may have exceeded are not known, when the maximeter says that there was a higher one,
    or when the days are more than a month at one price.
    """
    contract = segment.contract
    _check_known(contract, energy)
    found = energy.quarter_demands or {}
    _check_maximeter(contract, found, energy.max_demand_w or {})
    excesses = {
        period: quadratic_excess((Decimal(each.watts) / 1000 for each in found.get(period, ())), Decimal(watts) / 1000)
        for period, watts in sorted(contract.powers)
    }
    if not any(excesses.values()):
        return
    if contract.tariff not in tables.quarter_excess:
        raise absent("quarter_hour_excess", contract.tariff, segment)
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


def quadratic_excess(demands: Iterable[Decimal], contracted: Decimal) -> Decimal:
    """kW of excess: the root of the squared excesses of quarters of an hour, both in kW.

    To four decimals, half-up: what is printed is what is multiplied.
    """
    return round_half_up(
        sum(((demand - contracted) ** 2 for demand in demands if demand > contracted), Decimal(0)).sqrt(), 4
    )


def absent(table: str, tariff: str, segment: Segment) -> Refused:
    """A table without a row for a tariff."""
    return Refused(
        f"The table {table} has no row for {tariff} on {segment.days.start}; without its price the excess power of that "
        "day cannot be billed.",
        reason="NO_TABLE_ROW",
    )


def _check_known(contract: Contract, energy: Energy) -> None:
    """Quarters that are not known matter unless the maximeter was read in their period and nothing there exceeded."""
    powers, read = dict(contract.powers), energy.max_demand_w or {}
    if energy.quarter_demands is None:
        doubtful = [
            period
            for period, watts in sorted(powers.items())
            if energy.max_demand_w is None or read.get(period, 0) > watts
        ]
        missing = [f"{period}{_compared(powers[period], read.get(period))}" for period in doubtful]
    else:
        doubtful = [
            period
            for period, hours in sorted(energy.quarters_unknown.items())
            if hours and (period not in read or read[period] > powers[period] or energy.quarter_demands.get(period))
        ]
        missing = [
            f"{_hours(energy.quarters_unknown[period])} of {period}{_compared(powers[period], read.get(period))}"
            for period in doubtful
        ]
    if doubtful:
        raise HeldBill(
            "NO_QUARTER_HOURS",
            f"Contract {contract.number} has more than 50 kW: what exceeds its power is counted by quarters of an hour, and "
            f"those of {_listed(missing)} are not known.",
            contract.id,
            remedy="Import the file of quarters of an hour of those days, or a maximeter's reading that stays within the "
            "contracted power, and run the month again.",
        )


def _check_maximeter(
    contract: Contract, demands: Mapping[str, tuple[QuarterDemand, ...]], read: Mapping[str, int]
) -> None:
    """The quarters decide; a maximeter that says clearly more than the highest of them says that some are wrong."""
    for period, contracted in sorted(contract.powers):
        highest = max((each.watts for each in demands.get(period, ())), default=0)
        known = max(highest, contracted)
        if read.get(period, 0) - known > max(Decimal(RESOLUTION_W), known * RESOLUTION_RATIO):
            said = (
                f"the highest is {_kw(highest)} kW" if highest else f"none is above the {_kw(contracted)} kW contracted"
            )
            raise HeldBill(
                "QUARTER_HOURS_DIFFER",
                f"Contract {contract.number} has more than 50 kW: of its quarters of an hour in {period} {said}, and its "
                f"maximeter read {_kw(read[period])} kW there.",
                contract.id,
                remedy="Import the right file of quarters of an hour, or the right reading, and run the month again.",
            )


def _compared(contracted: int, read: int | None) -> str:
    return "" if read is None else f" (its maximeter read {_kw(read)} kW, {_kw(contracted)} kW are contracted)"


def _hours(count: int) -> str:
    return "1 hour" if count == 1 else f"{count} hours"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _kw(watts: int) -> str:
    return f"{(Decimal(watts) / 1000).normalize():f}"
