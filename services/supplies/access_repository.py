"""Associations, and which account may read which supply."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.db import Transaction
from services.supplies.domain.model import Member
from services.supplies.tables import access, account_contact, association, current_supply, holding, supply


def put_contact(tx: Transaction, account_id: str, email_key: str) -> None:
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(account_contact).values(
        account_id=account_id, email_key=email_key, updated_at=tx.clock.now()
    )
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id"], set_={"email_key": email_key, "updated_at": tx.clock.now()}
        )
    )


def contact_key(connection: Connection, account_id: str) -> str:
    """The key of the account's confirmed address; "" while identity has not told us."""
    statement = select(account_contact.c.email_key).where(account_contact.c.account_id == account_id)
    return connection.execute(statement).scalar() or ""


def add_association(
    tx: Transaction,
    association_id: str,
    account_id: str,
    document_key: str,
    birth_date: date,
    tries: int,
    traceparent: str,
) -> None:
    tx.execute(
        insert(association).values(
            id=association_id,
            account_id=account_id,
            state="requested",
            document_key=document_key,
            birth_date=birth_date,
            requested_at=tx.clock.now(),
            tries_left=tries,
            traceparent=traceparent,
        )
    )


def waiting_association(connection: Connection, patience_until: datetime) -> Row[Any] | None:
    """The oldest request that can be settled: its account's address is known, or it was made before ``patience_until``.

    The row is locked where the database locks rows; a row that another worker holds is passed over.
    """
    return connection.execute(
        select(association)
        .where(
            association.c.state == "requested",
            or_(
                association.c.requested_at <= patience_until,
                select(account_contact.c.account_id)
                .where(account_contact.c.account_id == association.c.account_id)
                .exists(),
            ),
        )
        .order_by(association.c.id)
        .limit(1)
    ).first()


def lock_waiting(tx: Transaction, association_id: str) -> Row[Any] | None:
    """The request again, locked, or None when another worker has it or has settled it."""
    return tx.execute(
        select(association)
        .where(association.c.id == association_id, association.c.state == "requested")
        .with_for_update(skip_locked=True)
    ).first()


def settle(
    tx: Transaction, association_id: str, state: str, member_id: str | None, code_event_id: str | None = None
) -> None:
    """Ends the waiting and takes the typed facts away."""
    tx.execute(
        update(association)
        .where(association.c.id == association_id)
        .values(
            state=state,
            member_id=member_id,
            code_event_id=code_event_id,
            settled_at=tx.clock.now(),
            document_key=None,
            birth_date=None,
        )
    )


def close_older_codes(tx: Transaction, account_id: str, member_id: str, but: str) -> None:
    """Only the newest code of an account for a holder works."""
    tx.execute(
        update(association)
        .where(
            association.c.account_id == account_id,
            association.c.member_id == member_id,
            association.c.state == "code_due",
            association.c.id != but,
        )
        .values(state="closed", code_hash=None)
    )


def has_open_case(connection: Connection, account_id: str, member_id: str) -> bool:
    statement = select(association.c.id).where(
        association.c.account_id == account_id, association.c.member_id == member_id, association.c.state == "case"
    )
    return connection.execute(statement.limit(1)).first() is not None


def code_request(tx: Transaction, association_id: str) -> Row[Any] | None:
    return tx.execute(select(association).where(association.c.id == association_id).with_for_update()).first()


def put_code(tx: Transaction, association_id: str, code_hash: str, expires_at: datetime) -> None:
    tx.execute(
        update(association)
        .where(association.c.id == association_id)
        .values(code_hash=code_hash, code_expires_at=expires_at)
    )


def codes_of(tx: Transaction, account_id: str) -> list[Row[Any]]:
    """The account's associations with a code that still works."""
    return list(
        tx.execute(
            select(association)
            .where(
                association.c.account_id == account_id,
                association.c.state == "code_due",
                association.c.code_hash.is_not(None),
                association.c.code_expires_at > tx.clock.now(),
                association.c.tries_left > 0,
            )
            .order_by(association.c.id)
            .with_for_update()
        )
    )


def count_wrong_code(tx: Transaction, association_id: str, tries_left: int) -> None:
    values: dict[str, Any] = {"tries_left": tries_left}
    if tries_left <= 0:
        values |= {"state": "closed", "code_hash": None}
    tx.execute(update(association).where(association.c.id == association_id).values(values))


def holders_of(connection: Connection, member_id: str) -> set[str]:
    """The accounts that show this member's supplies."""
    return set(connection.execute(select(holding.c.account_id).where(holding.c.member_id == member_id)).scalars())


def holdings_of(connection: Connection, member_ids: list[str]) -> list[Row[Any]]:
    return list(connection.execute(select(holding).where(holding.c.member_id.in_(member_ids))))


def add_holding(tx: Transaction, account_id: str, member: Member, association_id: str, relation: str) -> None:
    tx.execute(
        insert(holding).values(
            account_id=account_id,
            member_id=member.id,
            relation=relation,
            association_id=association_id,
            since=tx.clock.now(),
        )
    )


def add_access(tx: Transaction, account_id: str, member_id: str, supply_ids: list[str], relation: str) -> None:
    if supply_ids:
        row = {"account_id": account_id, "member_id": member_id, "relation": relation, "granted_at": tx.clock.now()}
        tx.execute(insert(access), [{**row, "supply_id": supply_id} for supply_id in supply_ids])


def relation_to(connection: Connection, account_id: str, supply_id: str) -> str:
    """ "holder", or "" when the account may not read the supply."""
    statement = select(access.c.relation).where(access.c.account_id == account_id, access.c.supply_id == supply_id)
    return connection.execute(statement).scalar() or ""


def granted_page(connection: Connection, account_id: str, after: str, limit: int) -> list[tuple[str, str]]:
    """(supply id, relation) of what the account may read, by account number after ``after``."""
    rows = connection.execute(
        select(access.c.supply_id, access.c.relation)
        .join(supply, supply.c.id == access.c.supply_id)
        .where(access.c.account_id == account_id, supply.c.account_number > after)
        .order_by(supply.c.account_number)
        .limit(limit)
    )
    return [(row.supply_id, row.relation) for row in rows]


def current(connection: Connection, account_id: str) -> str:
    """The supply the account chose, or the first it may read, or ""."""
    chosen = connection.execute(
        select(current_supply.c.supply_id)
        .join(
            access,
            and_(access.c.account_id == current_supply.c.account_id, access.c.supply_id == current_supply.c.supply_id),
        )
        .where(current_supply.c.account_id == account_id)
    ).scalar()
    if chosen:
        return str(chosen)
    first = granted_page(connection, account_id, "", 1)
    return first[0][0] if first else ""


def choose(tx: Transaction, account_id: str, supply_id: str) -> None:
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(current_supply).values(account_id=account_id, supply_id=supply_id)
    tx.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_={"supply_id": supply_id}))


def forget_settled(tx: Transaction, before: datetime) -> int:
    """Deletes requests that led to nothing; those that granted something stay as its proof."""
    return tx.execute(
        delete(association).where(
            association.c.state.in_(["nothing", "closed", "code_due"]), association.c.settled_at < before
        )
    ).rowcount


def accesses_after(connection: Connection, account_id: str, supply_id: str, *, limit: int) -> list[Row[Any]]:
    """Every access in force by account and supply, from the one after these on."""
    later = or_(
        access.c.account_id > account_id, and_(access.c.account_id == account_id, access.c.supply_id > supply_id)
    )
    chosen = select(access).where(later).order_by(access.c.account_id, access.c.supply_id).limit(limit)
    return list(connection.execute(chosen))
