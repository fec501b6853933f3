"""What the lines of an invoice rest on, and the bundle from which it is calculated again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from coop.billing.v1 import billing_service_pb2 as billing

from services.chassis.periods import DatePeriod


@dataclass(frozen=True)
class RowView:
    """A dated row of law or agreement: from `start` up to `last_day` (None: still in force); `value` may be empty."""

    table: str
    name: str
    start: date
    last_day: date | None
    source: str
    value: str


@dataclass(frozen=True)
class CloseView:
    """Two readings of a register and what passed between them, in `unit` ("litre" or "Wh")."""

    meter: str
    register: str
    initial: int
    final: int
    used: int
    unit: str
    origin: str


@dataclass(frozen=True)
class MeasuredView:
    """The days whose hours (`by_hours`) or registers gave a quantity."""

    period: DatePeriod
    by_hours: bool
    closes: tuple[CloseView, ...]

    @property
    def last_day(self) -> date:
        return self.period.end - timedelta(days=1)


@dataclass(frozen=True)
class QuarterView:
    """A quarter of an hour: when it starts (UTC) and its mean power in W."""

    start: datetime
    watts: int


@dataclass(frozen=True)
class QuartersView:
    """Quarters of an hour above the contracted W: how many, the highest of them, and the sum of their squared kW above."""

    contracted_watts: int
    count: int
    squares: Decimal
    highest: tuple[QuarterView, ...]


@dataclass(frozen=True)
class BasisView:
    rows: tuple[RowView, ...]
    measured: tuple[MeasuredView, ...]
    quarters: QuartersView | None = None


@dataclass(frozen=True)
class FactsView:
    """Of each line of an invoice, the taxes after the lines, in its order."""

    lines: tuple[BasisView, ...]

    @classmethod
    def of(cls, facts: billing.GetInvoiceFactsResponse) -> FactsView:
        segments = [_measured(segment) for segment in json.loads(facts.bundle)["segments"]]
        return cls(tuple(_basis(basis, segments) for basis in (*facts.lines, *facts.taxes)))


def _basis(basis: billing.Basis, segments: Sequence[MeasuredView]) -> BasisView:
    rows = tuple(
        RowView(
            row.table,
            row.name,
            date.fromisoformat(row.start),
            date.fromisoformat(row.end) - timedelta(days=1) if row.end else None,
            row.source,
            row.value,
        )
        for row in basis.rows
    )
    quarters = _quarters(basis.quarters) if basis.HasField("quarters") else None
    return BasisView(rows, tuple(segments[index] for index in basis.segments), quarters)


def _quarters(found: billing.QuarterExcess) -> QuartersView:
    highest = tuple(QuarterView(each.start.ToDatetime(UTC), each.watts) for each in found.highest)
    return QuartersView(found.contracted_watts, found.count, Decimal(found.squares), highest)


def _measured(segment: dict[str, Any]) -> MeasuredView:
    closes = tuple(
        CloseView(
            close["meter"],
            close["register"],
            close["initial"],
            close["final"],
            close["used"],
            close["unit"],
            close["origin"],
        )
        for close in segment["closes"]
    )
    return MeasuredView(DatePeriod.parse(segment["from"], segment["to"]), bool(segment["curve_version"]), closes)


def thousandths(value: int) -> Decimal:
    """Litres as m³, Wh as kWh."""
    return Decimal(value) / 1000
