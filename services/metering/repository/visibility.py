"""Who may read which supply, and which periods were billed: read models that other services' events keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, delete, insert, or_, select

from services.chassis.db import Transaction
from services.chassis.periods import DatePeriod
from services.metering.domain.hours import day_of_number
from services.metering.repository.sql import insert_missing
from services.metering.tables import billed_period, day_curve, supply_access


@dataclass(frozen=True)
class BilledPeriod:
    """The period of an invoice: local days [start, end) and the hours the invoice was made from."""

    invoice_id: str
    number: str
    service_id: str
    start: date
    end: date
    import_wh: int
    hours_expected: int
    hours_measured: int
    hours_estimated: int
    hours_missing: int
    curve_version: int = 0


def grant(tx: Transaction, account_id: str, supply_id: str, member_id: str) -> None:
    """The account may read the supply, through this member."""
    insert_missing(tx, supply_access, [{"account_id": account_id, "supply_id": supply_id, "member_id": member_id}])


def revoke(tx: Transaction, account_id: str, supply_id: str, member_id: str) -> None:
    """The account may no longer read the supply through this member."""
    table = supply_access
    tx.execute(
        delete(table).where(
            table.c.account_id == account_id, table.c.supply_id == supply_id, table.c.member_id == member_id
        )
    )


def may_read(connection: Connection, account_id: str, supply_id: str) -> bool:
    """Whether the account reaches the supply."""
    table = supply_access
    query = select(table.c.supply_id).where(table.c.account_id == account_id, table.c.supply_id == supply_id)
    return connection.execute(query.limit(1)).first() is not None


def save_billed(tx: Transaction, period: BilledPeriod) -> None:
    """Insert or replace the period of an invoice."""
    tx.execute(delete(billed_period).where(billed_period.c.invoice_id == period.invoice_id))
    tx.execute(insert(billed_period).values(vars(period)))


def billed_page(
    connection: Connection, service_id: str, size: int, after: tuple[date, str] | None
) -> list[BilledPeriod]:
    """Billed periods of a service, the newest first; ``after`` is start and invoice id of the last one seen."""
    table = billed_period
    query = select(table).where(table.c.service_id == service_id)
    if after is not None:
        start, invoice_id = after
        query = query.where(or_(table.c.start < start, and_(table.c.start == start, table.c.invoice_id < invoice_id)))
    query = query.order_by(table.c.start.desc(), table.c.invoice_id.desc()).limit(size)
    return [BilledPeriod(**row._mapping) for row in connection.execute(query)]


def billed_within(connection: Connection, service_id: str, asked: DatePeriod | None = None) -> list[DatePeriod]:
    """The billed periods that touch the days asked for, or all of them."""
    table = billed_period
    query = select(table.c.start, table.c.end).where(table.c.service_id == service_id)
    if asked is not None:
        query = query.where(table.c.start < asked.end, table.c.end > asked.start)
    return [DatePeriod(row.start, row.end) for row in connection.execute(query)]


def read_days(connection: Connection, point_key: int) -> DatePeriod | None:
    """From the first local day with readings of a point to its last one; None when it has none.

    Two look-ups at the ends of the primary key: what they cost does not grow with the years between.
    """
    table = day_curve
    ends = [
        connection.execute(
            select(table.c.day).where(table.c.point_key == point_key).order_by(order).limit(1)
        ).scalar_one_or_none()
        for order in (table.c.day.asc(), table.c.day.desc())
    ]
    if ends[0] is None or ends[1] is None:
        return None
    return DatePeriod(day_of_number(ends[0]), day_of_number(ends[1] + 1))
