"""Supplies that the law does not let be cut off, with the paper that says so and its last day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, or_, select

from services.billing.repository import upsert
from services.billing.tables import essential_supply, supply


@dataclass(frozen=True)
class EssentialSupply:
    """`until` is the first day on which the paper is good no more; None: it has no end."""

    supply_id: str
    kind: str
    until: date | None
    evidence: str
    noted_by: str
    noted_at: datetime


def note(connection: Connection, made: EssentialSupply) -> None:
    """One of a supply: a new paper takes the place of the one before."""
    statement = upsert(connection, essential_supply).values(made.__dict__)
    fresh = {name: value for name, value in made.__dict__.items() if name != "supply_id"}
    connection.execute(statement.on_conflict_do_update(index_elements=[essential_supply.c.supply_id], set_=fresh))


def end(connection: Connection, supply_id: str) -> bool:
    """Whether there was one."""
    found = connection.execute(essential_supply.delete().where(essential_supply.c.supply_id == supply_id))
    return found.rowcount > 0


def in_force(connection: Connection, supply_ids: Iterable[str], on: date) -> dict[str, EssentialSupply]:
    """Of these supplies, those that are essential on a day."""
    good = or_(essential_supply.c.until.is_(None), essential_supply.c.until > on)
    query = select(essential_supply).where(essential_supply.c.supply_id.in_(list(supply_ids)), good)
    return {row["supply_id"]: EssentialSupply(**row) for row in connection.execute(query).mappings()}


def of(connection: Connection, supply_id: str) -> EssentialSupply | None:
    row = (
        connection.execute(select(essential_supply).where(essential_supply.c.supply_id == supply_id)).mappings().first()
    )
    return EssentialSupply(**row) if row else None


def page(connection: Connection, after: str, limit: int) -> list[tuple[EssentialSupply, str]]:
    """All of them with their account numbers, those whose paper has ended too, in order of the supply's id."""
    query = (
        select(essential_supply, supply.c.account_number)
        .outerjoin(supply, supply.c.supply_id == essential_supply.c.supply_id)
        .where(essential_supply.c.supply_id > after)
        .order_by(essential_supply.c.supply_id)
        .limit(limit)
    )
    names = [column.name for column in essential_supply.columns]
    return [
        (EssentialSupply(**{name: row[name] for name in names}), row["account_number"] or "")
        for row in connection.execute(query).mappings()
    ]
