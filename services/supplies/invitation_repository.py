"""Invitation codes and the supplies that named one, in the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, or_, select, update

from services.chassis.db import Transaction
from services.supplies.tables import invitation, member, redemption


@dataclass(frozen=True)
class Invitation:
    """A code, whose it is, and how many new supplies named it; `revoked_at` is None while it can be used."""

    code: str
    member_id: str
    member_number: str
    created_at: datetime
    revoked_at: datetime | None
    used: int


def of_member(connection: Connection, member_id: str) -> Invitation | None:
    """The code of a member that can be used."""
    found = _find(connection, _all().where(invitation.c.member_id == member_id, invitation.c.revoked_at.is_(None)))
    return found[0] if found else None


def usable(connection: Connection, member_ids: Collection[str]) -> dict[str, str]:
    """The codes of members that can be used, by member; who has none is not there."""
    if not member_ids:
        return {}
    statement = select(invitation.c.member_id, invitation.c.code).where(
        invitation.c.member_id.in_(member_ids), invitation.c.revoked_at.is_(None)
    )
    return {row.member_id: row.code for row in connection.execute(statement)}


def by_codes(connection: Connection, codes: Collection[str]) -> dict[str, Invitation]:
    if not codes:
        return {}
    return {each.code: each for each in _find(connection, _all().where(invitation.c.code.in_(codes)))}


def page(connection: Connection, before: tuple[datetime, str] | None, limit: int) -> list[Invitation]:
    """Every code, the newest first, from the one after ``before``: (created_at, code)."""
    statement = _all().order_by(invitation.c.created_at.desc(), invitation.c.code.desc()).limit(limit)
    if before is not None:
        created_at, code = before
        statement = statement.where(
            or_(
                invitation.c.created_at < created_at,
                and_(invitation.c.created_at == created_at, invitation.c.code < code),
            )
        )
    return _find(connection, statement)


def add(tx: Transaction, code: str, member_id: str) -> None:
    tx.execute(insert(invitation).values(code=code, member_id=member_id, created_at=tx.clock.now()))


def revoke(tx: Transaction, code: str) -> None:
    """Keeps the day of a code that was revoked before."""
    tx.execute(
        update(invitation)
        .where(invitation.c.code == code, invitation.c.revoked_at.is_(None))
        .values(revoked_at=tx.clock.now())
    )


def redemptions(connection: Connection, supply_ids: Collection[str]) -> dict[str, Row[Any]]:
    """What named a code, by supply id: ``code`` and ``redeemed_at``."""
    if not supply_ids:
        return {}
    rows = connection.execute(select(redemption).where(redemption.c.supply_id.in_(supply_ids)))
    return {row.supply_id: row for row in rows}


def used_at(connection: Connection, member_id: str) -> list[datetime]:
    """When a code of the member's was named, the newest first."""
    statement = (
        select(redemption.c.redeemed_at)
        .join(invitation, invitation.c.code == redemption.c.code)
        .where(invitation.c.member_id == member_id)
        .order_by(redemption.c.redeemed_at.desc())
    )
    return list(connection.execute(statement).scalars())


def add_redemption(tx: Transaction, redemption_id: str, code: str, supply_id: str) -> None:
    tx.execute(insert(redemption).values(id=redemption_id, code=code, supply_id=supply_id, redeemed_at=tx.clock.now()))


def _all() -> Select[Any]:
    used = select(func.count()).where(redemption.c.code == invitation.c.code).scalar_subquery()
    return select(invitation, member.c.number, used.label("used")).join(member, member.c.id == invitation.c.member_id)


def _find(connection: Connection, statement: Select[Any]) -> list[Invitation]:
    return [
        Invitation(row.code, row.member_id, row.number, row.created_at, row.revoked_at, row.used)
        for row in connection.execute(statement)
    ]
