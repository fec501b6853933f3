"""Members, supplies and who may read them: a copy of what the supplies service said last, by version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select

from services.billing.domain.supplies import Member, Supply
from services.billing.repository import upsert
from services.billing.repository.invoices import SERVICE
from services.billing.snapshots import member_of, member_state, supply_of, supply_state
from services.billing.tables import invoice, member, supply, supply_access
from services.chassis.periods import DatePeriod


@dataclass(frozen=True)
class KnownSupply:
    """A supply without its contracts: what permission and headings need."""

    supply_id: str
    member_id: str
    account_number: str


def keep_member(connection: Connection, state: Member, version: int) -> None:
    """Store the member unless a later version is there already."""
    row = {"member_id": state.id, "version": version, "state": member_state(state)}
    _keep(connection, member, member.c.member_id, row)


def keep_supply(connection: Connection, state: Supply, version: int) -> None:
    first, last = state.billable_span()
    row = {
        "supply_id": state.id,
        "version": version,
        "member_id": state.member_id,
        "account_number": state.account_number,
        "state": supply_state(state),
        "billable_from": first,
        "billable_to": last,
    }
    _keep(connection, supply, supply.c.supply_id, row)


def _keep(connection: Connection, table: Any, key: Any, row: dict[str, Any]) -> None:
    statement = upsert(connection, table).values(row)
    fresh = {name: getattr(statement.excluded, name) for name in row if name != key.name}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[key], set_=fresh, where=table.c.version < statement.excluded.version
        )
    )


def grant_access(connection: Connection, account_id: str, supply_id: str, member_id: str, relation: str) -> None:
    row = {"account_id": account_id, "supply_id": supply_id, "member_id": member_id, "relation": relation}
    statement = upsert(connection, supply_access).values(row)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[supply_access.c.account_id, supply_access.c.supply_id],
            set_={"member_id": member_id, "relation": relation},
        )
    )


def revoke_access(connection: Connection, account_id: str, supply_id: str) -> None:
    connection.execute(
        delete(supply_access).where(supply_access.c.account_id == account_id, supply_access.c.supply_id == supply_id)
    )


def may_read(connection: Connection, account_id: str, supply_id: str) -> bool:
    found = select(supply_access.c.supply_id).where(
        supply_access.c.account_id == account_id, supply_access.c.supply_id == supply_id
    )
    return connection.execute(found).first() is not None


def account_numbers(connection: Connection, supply_ids: Iterable[str]) -> dict[str, str]:
    """Account numbers of supplies by id."""
    query = select(supply.c.supply_id, supply.c.account_number).where(supply.c.supply_id.in_(list(supply_ids)))
    return {row.supply_id: row.account_number for row in connection.execute(query)}


def known_supply(connection: Connection, supply_id: str) -> KnownSupply | None:
    columns = (supply.c.supply_id, supply.c.member_id, supply.c.account_number)
    row = connection.execute(select(*columns).where(supply.c.supply_id == supply_id)).first()
    return KnownSupply(*row) if row else None


def held_by(connection: Connection, member_id: str) -> set[str]:
    """Supplies of a holder today."""
    return set(connection.execute(select(supply.c.supply_id).where(supply.c.member_id == member_id)).scalars())


def supplies(connection: Connection, ids: Iterable[str]) -> list[Supply]:
    rows = connection.execute(select(supply.c.state).where(supply.c.supply_id.in_(list(ids))))
    return sorted((supply_of(row.state) for row in rows), key=lambda each: each.id)


def members(connection: Connection, ids: Iterable[str]) -> dict[str, Member]:
    rows = connection.execute(select(member.c.state).where(member.c.member_id.in_(list(ids))))
    return {found.id: found for found in (member_of(row.state) for row in rows)}


def billable(period: DatePeriod) -> ColumnElement[bool]:
    """Supplies with a contract in force on some day of the period."""
    return and_(
        supply.c.billable_from < period.end,
        or_(supply.c.billable_to.is_(None), supply.c.billable_to > period.start),
    )


def _invoiced(first: date) -> ColumnElement[bool]:
    return exists(
        select(invoice.c.id).where(
            invoice.c.supply_id == supply.c.supply_id, invoice.c.period_start == first, invoice.c.kind == SERVICE
        )
    )


def to_bill(connection: Connection, period: DatePeriod) -> list[str]:
    """Supplies with a contract in the period and no invoice of it, in order of id."""
    query = select(supply.c.supply_id).where(billable(period), ~_invoiced(period.start)).order_by(supply.c.supply_id)
    return list(connection.execute(query).scalars())


def count_billed(connection: Connection, period: DatePeriod) -> int:
    query = select(func.count()).select_from(supply).where(billable(period), _invoiced(period.start))
    return int(connection.execute(query).scalar_one())
