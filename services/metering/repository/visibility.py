"""Who may read which supply, and which periods were billed: read models that other services' events keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, delete, insert, or_, select

from services.chassis.db import Transaction
from services.metering.repository.sql import insert_missing
from services.metering.tables import billed_period, supply_access


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


def billed_within(connection: Connection, service_id: str, start: date, end: date) -> list[tuple[date, date]]:
    """The billed periods that touch [start, end), the earliest first."""
    table = billed_period
    query = select(table.c.start, table.c.end).where(
        table.c.service_id == service_id, table.c.start < end, table.c.end > start
    )
    return [(row.start, row.end) for row in connection.execute(query.order_by(table.c.start))]
