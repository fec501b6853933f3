"""A bill before it has a number: lines, taxes, totals. Every amount is rounded half-up once; totals are sums of rounded
amounts (the customer can add the printed figures and reaches the printed total).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeVar

from services.billing.domain.closes import Close
from services.chassis.periods import DatePeriod

ZERO = Decimal(0)
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class BillLine:
    """One priced line. `price_unit` says what `unit_price` is per: kwh, kw_year, month, year, day or "" (a bare amount).

    With `days` and `year_days` a price of time is prorated by the days of its year (4.6 kW × 31 days × price ÷ 365), a monthly one
    × 12; or, where `year_days` are those of a month, by them (10 days × price ÷ 31).
    `taxed_by` names the taxes whose base the line is in.
    """

    concept: str
    section: str
    service: str
    amount: Decimal
    period: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    days: int | None = None
    unit_price: Decimal | None = None
    price_unit: str = ""
    year_days: int | None = None
    label: str = ""
    taxed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class BillTax:
    """A tax on the lines (and taxes) that name it; `rate` is a ratio: 0.21."""

    code: str
    kind: str
    base: Decimal
    rate: Decimal
    amount: Decimal
    minimum_applied: bool = False
    quantity_mwh: Decimal | None = None
    label: str = ""
    taxed_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeriodEnergy:
    import_wh: int = 0
    export_wh: int = 0


@dataclass(frozen=True)
class HourEnergy:
    """One hour of an indexed price: its local day, tariff period, Wh taken and market price in €/kWh."""

    day: date
    period: str
    import_wh: int
    market_price: Decimal


class MeasuredHour(NamedTuple):
    """One hour that an indexed price is for and that has no market price: when it starts, tariff period, Wh taken.

    Read by the million in a bill run.
    """

    start: datetime
    period: str
    import_wh: int


@dataclass(frozen=True)
class QuarterDemand:
    """Mean power of a quarter of an hour in W, and when it starts; None where only the power is known (a quote)."""

    watts: int
    start: datetime | None = None


@dataclass(frozen=True)
class Energy:
    """What metering measured for one service over one span of local days, by tariff period.

    `max_demand_w` is the maximeter's highest demand by power period (`max_demand_at`: when, where it tells) and
    `reactive_varh` the inductive reactive energy by period; None: not read, which is not the same as zero. `quarter_demands`
    are quarters of an hour by power period, at least those above the contracted power (meters of types 1 to 3), and
    `quarters_unknown` the hours which may have some more that nobody knows; None: none is known. `hours` are there for prices
    that change every hour, `unpriced` those of them that have no market price (domain/market.py); `closes` are what registers
    counted between readings of which the last lies in the span: what water is billed by.
    """

    by_period: Mapping[str, PeriodEnergy] = field(default_factory=dict)
    hours_expected: int = 0
    hours_measured: int = 0
    hours_estimated: int = 0
    hours_missing: int = 0
    curve_version: int = 0
    max_demand_w: Mapping[str, int] | None = None
    reactive_varh: Mapping[str, int] | None = None
    hours: Sequence[HourEnergy] = ()
    closes: tuple[Close, ...] = ()
    unpriced: tuple[MeasuredHour, ...] = ()
    quarter_demands: Mapping[str, tuple[QuarterDemand, ...]] | None = None
    quarters_unknown: Mapping[str, int] = field(default_factory=dict)
    max_demand_at: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def import_wh(self) -> int:
        return sum(each.import_wh for each in self.by_period.values())

    @property
    def export_wh(self) -> int:
        return sum(each.export_wh for each in self.by_period.values())

    @property
    def highest_demand_w(self) -> dict[str, int]:
        """By power period: the maximeter's, and the highest quarter of an hour that is known where none was read."""
        quarters = (self.quarter_demands or {}).items()
        return {
            **{period: max(each.watts for each in demands) for period, demands in quarters if demands},
            **(self.max_demand_w or {}),
        }

    def __add__(self, other: Energy) -> Energy:
        """Of this span and the one after it."""
        periods = sorted({*self.by_period, *other.by_period})
        none = PeriodEnergy()
        return Energy(
            {
                period: PeriodEnergy(
                    self.by_period.get(period, none).import_wh + other.by_period.get(period, none).import_wh,
                    self.by_period.get(period, none).export_wh + other.by_period.get(period, none).export_wh,
                )
                for period in periods
            },
            self.hours_expected + other.hours_expected,
            self.hours_measured + other.hours_measured,
            self.hours_estimated + other.hours_estimated,
            self.hours_missing + other.hours_missing,
            max(self.curve_version, other.curve_version),
            # A maximeter tells the highest demand since it was read before, so that the later reading is of both spans.
            None if other.max_demand_w is None else _joined(self.max_demand_w or {}, other.max_demand_w, max, 0),
            _joined(self.reactive_varh, other.reactive_varh, int.__add__, 0),
            (*self.hours, *other.hours),
            self.closes + other.closes,
            self.unpriced + other.unpriced,
            _joined(self.quarter_demands, other.quarter_demands, tuple.__add__, ()),
            _joined(self.quarters_unknown, other.quarters_unknown, int.__add__, 0) or {},
        )


def _joined(
    one: Mapping[str, _Value] | None,
    other: Mapping[str, _Value] | None,
    join: Callable[[_Value, _Value], _Value],
    none: _Value,
) -> Mapping[str, _Value] | None:
    """Both spans' values by period; None when either was not read, because then the whole was not read."""
    if one is None or other is None:
        return None
    return {period: join(one.get(period, none), other.get(period, none)) for period in sorted({*one, *other})}


@dataclass(frozen=True)
class Bill:
    supply_id: str
    period: DatePeriod
    accrual_date: date
    lines: tuple[BillLine, ...]
    taxes: tuple[BillTax, ...]
    energy: Mapping[str, Energy] = field(default_factory=dict)  # by service kind
    sources: tuple[str, ...] = ()  # official references of the prices applied

    @cached_property
    def net(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)

    @cached_property
    def total(self) -> Decimal:
        return self.net + sum((tax.amount for tax in self.taxes), ZERO)
