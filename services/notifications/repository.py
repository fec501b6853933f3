"""Reading and writing the tables. Functions take the connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.db import TABLES, insert_if_absent
from services.chassis.errors import NotFound
from services.notifications.domain.delivery import WAITED_FOR, State
from services.notifications.domain.recipients import LINK, Account, Contact
from services.notifications.tables import access, account, member, message, notice, preference, supply

#: Under which name events are read, and remembered as handled.
GROUP = "notifications"


def _insert(connection: Connection, table: Table) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def _put(connection: Connection, table: Table, key: tuple[str, ...], values: dict[str, Any]) -> None:
    """Inserts a row or replaces what is not its key."""
    changed = {name: value for name, value in values.items() if name not in key}
    connection.execute(
        _insert(connection, table).values(**values).on_conflict_do_update(index_elements=key, set_=changed)
    )


def _put_newer(connection: Connection, table: Table, key: str, values: dict[str, Any]) -> None:
    """Inserts a row or replaces an older version of it; an event that comes late changes nothing."""
    changed = {name: value for name, value in values.items() if name != key}
    statement = _insert(connection, table).values(**values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[key], set_=changed, where=table.c.version < statement.excluded.version
        )
    )


# ------------------------------------------------------------------------------------------------- read models
def put_account(connection: Connection, account_id: str, email: str, name: str, language: str) -> None:
    _put(
        connection,
        account,
        ("account_id",),
        {"account_id": account_id, "email": email, "name": name, "language": language},
    )


def put_member(connection: Connection, member_id: str, email: str, name: str, language: str, version: int) -> None:
    values = {"member_id": member_id, "email": email, "name": name, "language": language, "version": version}
    _put_newer(connection, member, "member_id", values)


def put_supply(connection: Connection, supply_id: str, account_number: str, street: str, version: int) -> None:
    values = {"supply_id": supply_id, "account_number": account_number, "street": street, "version": version}
    _put_newer(connection, supply, "supply_id", values)


def grant(connection: Connection, account_id: str, supply_id: str, relation: str) -> None:
    values = {"account_id": account_id, "supply_id": supply_id, "relation": relation}
    _put(connection, access, ("account_id", "supply_id"), values)


def revoke(connection: Connection, account_id: str, supply_id: str) -> None:
    connection.execute(access.delete().where(access.c.account_id == account_id, access.c.supply_id == supply_id))


def account_of(connection: Connection, account_id: str) -> Row[Any] | None:
    return connection.execute(select(account).where(account.c.account_id == account_id)).first()


def supply_of(connection: Connection, supply_id: str) -> Row[Any] | None:
    return connection.execute(select(supply).where(supply.c.supply_id == supply_id)).first()


def contact_of(connection: Connection, member_id: str) -> Contact | None:
    """The holder on file; None when no event has told of the member yet."""
    row = connection.execute(select(member).where(member.c.member_id == member_id)).first()
    return Contact(row.email, row.name, row.language) if row else None


def readers_of(connection: Connection, supply_id: str) -> list[Account]:
    """The accounts that may read a supply and how each wants its invoices."""
    query = (
        select(
            account.c.account_id,
            account.c.email,
            account.c.name,
            account.c.language,
            access.c.relation,
            func.coalesce(preference.c.invoice_delivery, LINK).label("delivery"),
        )
        .join(account, account.c.account_id == access.c.account_id)
        .outerjoin(preference, preference.c.account_id == access.c.account_id)
        .where(access.c.supply_id == supply_id)
        .order_by(account.c.account_id)
    )
    return [Account(**row._mapping) for row in connection.execute(query)]


def delivery_of(connection: Connection, account_id: str) -> str:
    query = select(preference.c.invoice_delivery).where(preference.c.account_id == account_id)
    return str(connection.execute(query).scalar() or LINK)


def put_delivery(connection: Connection, account_id: str, delivery: str) -> None:
    _put(connection, preference, ("account_id",), {"account_id": account_id, "invoice_delivery": delivery})


# ------------------------------------------------------------------------------------------------------- mails
def queue(connection: Connection, values: dict[str, Any]) -> bool:
    """Adds a mail; False when this event has given this recipient this kind of mail already."""
    fixed = {"state": State.QUEUED, "attempts": 0, "last_error": "", "next_attempt_at": values["created_at"]}
    return insert_if_absent(connection, message, values | fixed)


def claim(connection: Connection, now: datetime, lease_until: datetime) -> Row[Any] | None:
    """Takes the mail that has waited longest, one that somebody waits for before any other, so that no other sender
    takes it before `lease_until`."""
    due = (message.c.state == State.QUEUED, message.c.next_attempt_at <= now)
    patient = case((message.c.kind.in_(WAITED_FOR), 0), else_=1)
    query = select(message).where(*due).order_by(patient, message.c.next_attempt_at, message.c.id).limit(1)
    found = connection.execute(query.with_for_update(skip_locked=True)).first()
    if found:
        connection.execute(update(message).where(message.c.id == found.id).values(next_attempt_at=lease_until))
    return found


def next_due(connection: Connection) -> datetime | None:
    """When the next mail is to be tried; None when none waits."""
    query = select(message.c.next_attempt_at).where(message.c.state == State.QUEUED)
    return connection.execute(query.order_by(message.c.next_attempt_at).limit(1)).scalar()


def settle(connection: Connection, message_id: str, **values: Any) -> None:
    """Notes what came of an attempt."""
    connection.execute(update(message).where(message.c.id == message_id).values(**values))


def list_messages(connection: Connection, state: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Mails, the newest first, from before the id `after`."""
    query = select(message).order_by(message.c.id.desc()).limit(limit)
    if state:
        query = query.where(message.c.state == state)
    if after:
        query = query.where(message.c.id < after)
    return connection.execute(query).all()


def mails_of(connection: Connection, event_ids: Sequence[str]) -> dict[str, set[str]]:
    """The states of the mails that each event caused; an event that was handled and caused none has no state, one that was
    not handled is not there."""
    inbox = TABLES.inbox_event
    handled = select(inbox.c.event_id).where(inbox.c.consumer == GROUP, inbox.c.event_id.in_(event_ids))
    found: dict[str, set[str]] = {event_id: set() for event_id in connection.execute(handled).scalars()}
    queued = select(message.c.event_id, message.c.state).where(message.c.event_id.in_(event_ids)).distinct()
    for row in connection.execute(queued):
        found.setdefault(row.event_id, set()).add(row.state)
    return found


# ----------------------------------------------------------------------------------------------------- notices
def add_notice(connection: Connection, values: dict[str, Any]) -> None:
    """Adds a notice unless this event has given this account one of this kind."""
    connection.execute(_insert(connection, notice).values(**values).on_conflict_do_nothing())


def list_notices(connection: Connection, account_id: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """An account's notices, the newest first, from before the id `after`."""
    query = select(notice).where(notice.c.account_id == account_id).order_by(notice.c.id.desc()).limit(limit)
    if after:
        query = query.where(notice.c.id < after)
    return connection.execute(query).all()


def count_unread(connection: Connection, account_id: str) -> int:
    unread = (notice.c.account_id == account_id, notice.c.read_at.is_(None))
    return int(connection.execute(select(func.count()).select_from(notice).where(*unread)).scalar_one())


def mark_read(connection: Connection, account_id: str, notice_id: str, at: datetime) -> None:
    """Marks a notice of this account; marking it again keeps the first time. Raises NotFound for another's notice."""
    mine = (notice.c.id == notice_id, notice.c.account_id == account_id)
    if connection.execute(select(notice.c.id).where(*mine)).first() is None:
        raise NotFound(f"There is no notice {notice_id!r}: it may belong to another account.")
    connection.execute(update(notice).where(*mine, notice.c.read_at.is_(None)).values(read_at=at))
