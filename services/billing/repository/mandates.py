"""Mandates and their accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Date, RowMapping, Select, bindparam, insert, or_, select, update

from services.billing.domain.payments.mandates import SCHEME, DebitAccount, Mandate
from services.billing.tables import mandate, mandate_account


@dataclass(frozen=True)
class Kept:
    """A mandate with what is kept of how it came and went."""

    mandate: Mandate
    evidence: str
    evidence_sha256: str
    recorded_by: str
    recorded_at: datetime
    cancelled_by: str
    cancelled_why: str


def keep(connection: Connection, new: Mandate, evidence: str, sha256: str, by: str, at: datetime) -> None:
    row = {
        "id": new.id,
        "reference": new.reference,
        "supply_id": new.supply_id,
        "member_id": new.member_id,
        "scheme": SCHEME,
        "signed_on": new.signed_on,
        "evidence": evidence,
        "evidence_sha256": sha256,
        "recorded_by": by,
        "recorded_at": at,
        "cancelled_by": "",
        "cancelled_why": "",
        "last_iban": "",
    }
    connection.execute(insert(mandate), row)
    keep_account(connection, new.id, new.account, by, at)


def keep_account(connection: Connection, mandate_id: str, account: DebitAccount, by: str, at: datetime) -> None:
    row = {"mandate_id": mandate_id, **account.__dict__, "recorded_by": by, "recorded_at": at}
    connection.execute(insert(mandate_account), row)


def cancel(connection: Connection, mandate_id: str, day: date, by: str, why: str) -> None:
    """Ends a mandate in force; one that ended stays as it ended."""
    ended = {"cancelled_on": day, "cancelled_by": by, "cancelled_why": why}
    connection.execute(
        update(mandate).where(mandate.c.id == mandate_id, mandate.c.cancelled_on.is_(None)).values(**ended)
    )


def used(connection: Connection, last: Mapping[str, tuple[date, str]]) -> None:
    """The day and account of the last collection, by mandate; one that is settled after a later one changes nothing."""
    statement = (
        update(mandate)
        .where(
            mandate.c.id == bindparam("used"),
            or_(mandate.c.last_collected_on.is_(None), mandate.c.last_collected_on <= bindparam("on_day", type_=Date)),
        )
        .values(
            last_collected_on=bindparam("on_day", type_=Date),
            last_iban=bindparam("account"),
        )
    )
    rows = [{"used": each, "on_day": day, "account": iban} for each, (day, iban) in last.items()]
    if rows:
        connection.execute(statement, rows)


def find(connection: Connection, id_or_reference: str, *, lock: bool = False) -> Kept | None:
    wanted = (mandate.c.id == id_or_reference) | (mandate.c.reference == id_or_reference)
    query = select(mandate).where(wanted)
    return next(iter(_kept(connection, query.with_for_update() if lock else query)), None)


def of_supply(connection: Connection, supply_id: str) -> list[Kept]:
    """The newest first."""
    return _kept(connection, select(mandate).where(mandate.c.supply_id == supply_id).order_by(mandate.c.id.desc()))


def known_at(connection: Connection, supply_id: str, at: datetime) -> list[Mandate]:
    """Mandates of a supply that were on record at an instant, the newest first, with the accounts told by then."""
    query = select(mandate).where(mandate.c.supply_id == supply_id, mandate.c.recorded_at <= at)
    rows = list(connection.execute(query.order_by(mandate.c.id.desc())).mappings())
    ids = [row["id"] for row in rows]
    known = mandate_account.c.mandate_id.in_(ids) & (mandate_account.c.recorded_at <= at)
    told = _accounts(connection, select(mandate_account).where(known))
    return [_mandate(row, told[row["id"]]) for row in rows]


def page(connection: Connection, before: str, limit: int) -> list[Kept]:
    """The newest first, those before an id."""
    query = select(mandate).order_by(mandate.c.id.desc()).limit(limit)
    return _kept(connection, query.where(mandate.c.id < before) if before else query)


def references(connection: Connection, stem: str) -> list[str]:
    query = select(mandate.c.reference).where(mandate.c.reference.startswith(stem, autoescape=True))
    return list(connection.execute(query).scalars())


def in_force(connection: Connection) -> dict[str, Mandate]:
    """Every mandate that is not cancelled, by supply."""
    query = select(mandate).where(mandate.c.cancelled_on.is_(None))
    accounts = select(mandate_account).join(mandate).where(mandate.c.cancelled_on.is_(None))
    told = _accounts(connection, accounts)
    return {row["supply_id"]: _mandate(row, told[row["id"]]) for row in connection.execute(query).mappings()}


def _kept(connection: Connection, query: Select[Any]) -> list[Kept]:
    rows = list(connection.execute(query).mappings())
    ids = [row["id"] for row in rows]
    told = _accounts(connection, select(mandate_account).where(mandate_account.c.mandate_id.in_(ids)))
    names = ("evidence", "evidence_sha256", "recorded_by", "recorded_at", "cancelled_by", "cancelled_why")
    return [Kept(_mandate(row, told[row["id"]]), **{name: row[name] for name in names}) for row in rows]


def _accounts(connection: Connection, query: Select[Any]) -> dict[str, list[DebitAccount]]:
    found: dict[str, list[DebitAccount]] = {}
    for row in connection.execute(query.order_by(mandate_account.c.mandate_id, mandate_account.c.position)):
        found.setdefault(row.mandate_id, []).append(DebitAccount(row.position, row.iban, row.holder, row.told_on))
    return found


def _mandate(row: RowMapping, told: Sequence[DebitAccount]) -> Mandate:
    return Mandate(
        id=row["id"],
        reference=row["reference"],
        supply_id=row["supply_id"],
        member_id=row["member_id"],
        signed_on=row["signed_on"],
        accounts=tuple(told),
        cancelled_on=row["cancelled_on"],
        last_collected_on=row["last_collected_on"],
        last_iban=row["last_iban"],
        recorded_at=row["recorded_at"],
    )
