"""Issued invoices: written once in batches, read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from services.billing.domain.bill import BillLine, BillTax, PeriodEnergy
from services.billing.domain.closes import Close
from services.billing.repository.invoice_lines import item_of, line_of, line_row
from services.billing.tables import invoice, invoice_consumption, invoice_line, invoice_reading, invoice_tax
from services.chassis.bulk import insert_many
from services.chassis.periods import DatePeriod

#: Kinds of document, in the order in which a month's are listed.
SERVICE, RECTIFYING, FOREIGN, CHARGE = "service", "rectifying", "foreign", "charge"


#: Place in a supply's list: the first day of the period, the kind, and the revision.
Place = tuple[date, str, int]


@dataclass(frozen=True)
class Issued:
    """The row of an issued invoice; `printed` is the JSON of holder, supply and references at issue.

    `kind` is SERVICE, FOREIGN for concepts alien to it, CHARGE for what is no supply (its period is the day that it is for),
    or RECTIFYING; of these two `revision` counts those of one day. `bill_run_id` is None of a charge.
    """

    id: str
    number: str
    series: str
    sequence: int
    bill_run_id: str | None
    supply_id: str
    service_id: str
    member_id: str
    account_number: str
    period_start: date
    period_end: date
    issue_date: date
    due_date: date
    currency: str
    net: Decimal
    total: Decimal
    import_wh: int
    hours_expected: int
    hours_measured: int
    hours_estimated: int
    hours_missing: int
    curve_version: int
    printed: Mapping[str, Any]
    previous_hash: str
    hash: str
    issued_at: datetime
    kind: str = SERVICE
    revision: int = 0

    @property
    def period(self) -> DatePeriod:
        return DatePeriod(self.period_start, self.period_end)

    @property
    def place(self) -> Place:
        """Where it stands in its supply's list."""
        return (self.period_start, self.kind, self.revision)


@dataclass(frozen=True)
class Details:
    lines: tuple[BillLine, ...]
    taxes: tuple[BillTax, ...]
    #: Energy by (service, tariff period).
    consumption: Mapping[tuple[str, str], PeriodEnergy]
    #: What registers counted, as (service, close).
    readings: tuple[tuple[str, Close], ...] = ()


def keep(connection: Connection, issued: Sequence[tuple[Issued, Details]]) -> None:
    """Write invoices with their lines, taxes and consumption, one batch per table."""
    if not issued:
        return
    insert_many(connection, invoice, [each.__dict__ for each, _ in issued])
    insert_many(
        connection, invoice_line, [line_row(each.id, n, line) for each, d in issued for n, line in enumerate(d.lines)]
    )
    insert_many(
        connection, invoice_tax, [_numbered(each, n, tax) for each, d in issued for n, tax in enumerate(d.taxes)]
    )
    insert_many(
        connection,
        invoice_consumption,
        [
            {"invoice_id": each.id, "service": service, "period": period, **energy.__dict__}
            for each, details in issued
            for (service, period), energy in details.consumption.items()
        ],
    )
    insert_many(
        connection,
        invoice_reading,
        [
            {"invoice_id": each.id, "position": n, "service": service, **_reading(close)}
            for each, details in issued
            for n, (service, close) in enumerate(details.readings)
        ],
    )


def _reading(close: Close) -> dict[str, Any]:
    values = {**close.__dict__, "reading_ids": list(close.reading_ids)}
    period = values.pop("period")
    return {**values, "period_start": period.start, "period_end": period.end}


def _numbered(each: Issued, position: int, item: BillTax) -> dict[str, Any]:
    return {"invoice_id": each.id, "position": position, **item.__dict__}


def find(connection: Connection, id_or_number: str) -> Issued | None:
    """By id or by printed number."""
    query = select(invoice).where(or_(invoice.c.id == id_or_number, invoice.c.number == id_or_number))
    row = connection.execute(query).mappings().first()
    return Issued(**row) if row else None


def details(connection: Connection, invoice_id: str) -> Details:
    lines = connection.execute(
        select(invoice_line).where(invoice_line.c.invoice_id == invoice_id).order_by(invoice_line.c.position)
    ).mappings()
    taxes = connection.execute(
        select(invoice_tax).where(invoice_tax.c.invoice_id == invoice_id).order_by(invoice_tax.c.position)
    ).mappings()
    energy = connection.execute(
        select(invoice_consumption)
        .where(invoice_consumption.c.invoice_id == invoice_id)
        .order_by(invoice_consumption.c.service, invoice_consumption.c.period)
    )
    readings = connection.execute(
        select(invoice_reading).where(invoice_reading.c.invoice_id == invoice_id).order_by(invoice_reading.c.position)
    ).mappings()
    return Details(
        tuple(map(line_of, lines)),
        tuple(BillTax(**item_of(row)) for row in taxes),
        {(row.service, row.period): PeriodEnergy(row.import_wh, row.export_wh) for row in energy},
        tuple((row["service"], _close(row)) for row in readings),
    )


def _close(row: RowMapping) -> Close:
    return Close(
        meter=row["meter"],
        register=row["register"],
        period=DatePeriod(row["period_start"], row["period_end"]),
        unit=row["unit"],
        initial=row["initial"],
        final=row["final"],
        used=row["used"],
        origin=row["origin"],
        reading_ids=tuple(row["reading_ids"]),
    )


def totals(
    connection: Connection, invoice_ids: Sequence[str], taxes_of: Sequence[str]
) -> dict[str, tuple[str, date, Decimal, Decimal]]:
    """Number, issue date, total and the sum of the taxes of some kinds, of each invoice by its id."""
    found: dict[str, tuple[str, date, Decimal, Decimal]] = {}
    query = select(invoice.c.id, invoice.c.number, invoice.c.issue_date, invoice.c.total)
    for row in connection.execute(query.where(invoice.c.id.in_(list(invoice_ids)))):
        found[row.id] = (row.number, row.issue_date, row.total, Decimal(0))
    taxes = select(invoice_tax.c.invoice_id, invoice_tax.c.amount).where(
        invoice_tax.c.invoice_id.in_(list(invoice_ids)), invoice_tax.c.kind.in_(list(taxes_of))
    )
    for tax in connection.execute(taxes):
        number, issued, total, quota = found[tax.invoice_id]
        found[tax.invoice_id] = (number, issued, total, quota + tax.amount)
    return found


def consumption_of(connection: Connection, invoice_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Electricity in Wh by tariff period of each invoice, by its id."""
    query = select(invoice_consumption).where(
        invoice_consumption.c.invoice_id.in_(list(invoice_ids)), invoice_consumption.c.service == "electricity"
    )
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query):
        found.setdefault(row.invoice_id, {})[row.period] = row.import_wh
    return found


def counted_of(connection: Connection, invoice_ids: Sequence[str], service: str) -> dict[str, int]:
    """What registers of a service counted on each invoice, by its id; those without readings are not there."""
    counted = func.sum(invoice_reading.c.used)
    query = (
        select(invoice_reading.c.invoice_id, counted.label("used"))
        .where(invoice_reading.c.invoice_id.in_(list(invoice_ids)), invoice_reading.c.service == service)
        .group_by(invoice_reading.c.invoice_id)
    )
    return {row.invoice_id: int(row.used) for row in connection.execute(query)}


def of_supply(
    connection: Connection, supply_id: str, *, before: Place | None, limit: int, kind: str = ""
) -> list[Issued]:
    """Newest first, of one first day the service's, then what rectifies, then the foreign one, then charges; those after the
    place `before`, of one kind or all.
    """
    query = (
        select(invoice)
        .where(invoice.c.supply_id == supply_id)
        .order_by(invoice.c.period_start.desc(), invoice.c.kind.desc(), invoice.c.revision.desc())
        .limit(limit)
    )
    if kind:
        query = query.where(invoice.c.kind == kind)
    if before is not None:
        day, after, revision = before
        same_kind = and_(invoice.c.kind == after, invoice.c.revision < revision)
        same_day = and_(invoice.c.period_start == day, or_(invoice.c.kind < after, same_kind))
        query = query.where(or_(invoice.c.period_start < day, same_day))
    return [Issued(**row) for row in connection.execute(query).mappings()]


def next_revision(connection: Connection, supply_id: str, first_day: date, kind: str) -> int:
    """The place of another document of a kind among those of a supply and first day, counted from 0."""
    query = select(func.max(invoice.c.revision)).where(
        invoice.c.supply_id == supply_id, invoice.c.period_start == first_day, invoice.c.kind == kind
    )
    last: int | None = connection.execute(query).scalar_one()
    return 0 if last is None else last + 1


def invoiced(connection: Connection, supply_ids: Sequence[str], period_start: date) -> set[str]:
    """Which of the supplies have an invoice of the period's service."""
    query = select(invoice.c.supply_id).where(
        invoice.c.supply_id.in_(list(supply_ids)), invoice.c.period_start == period_start, invoice.c.kind == SERVICE
    )
    return set(connection.execute(query).scalars())
