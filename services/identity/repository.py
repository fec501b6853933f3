"""Reading and writing accounts, sessions and mail requests. Functions take the connection or transaction they work in."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis.db import Transaction
from services.identity.domain.accounts import Account
from services.identity.tables import account, known_origin, mail_request, registration, reset_request, session

_ACCOUNT = (
    account.c.id,
    account.c.email,
    account.c.name,
    account.c.language,
    account.c.kind,
    account.c.state,
    account.c.roles,
    account.c.created_at,
)


def _account(row: Any) -> Account:
    return Account(row.id, row.email, row.name, row.language, row.kind, row.state, tuple(row.roles), row.created_at)


def account_by_id(connection: Connection, account_id: str) -> Account | None:
    row = connection.execute(select(*_ACCOUNT).where(account.c.id == account_id)).first()
    return _account(row) if row else None


def account_by_key(connection: Connection, key: str) -> Account | None:
    row = connection.execute(select(*_ACCOUNT).where(account.c.email_key == key)).first()
    return _account(row) if row else None


def lock_active_accounts(tx: Transaction, after: str, *, limit: int) -> list[Account]:
    """The activated accounts from the one after this id on, held until the transaction ends where the database locks rows."""
    chosen = select(*_ACCOUNT).where(account.c.id > after, account.c.state == "active").order_by(account.c.id)
    return [_account(row) for row in tx.execute(chosen.limit(limit).with_for_update())]


def password_of(connection: Connection, key: str) -> tuple[str, str] | None:
    """(account id, hash) of an active account by its e-mail key; None where nobody can sign in."""
    row = connection.execute(
        select(account.c.id, account.c.password_hash).where(account.c.email_key == key, account.c.state == "active")
    ).first()
    return (row.id, row.password_hash) if row else None


def password_of_id(connection: Connection, account_id: str) -> str | None:
    return connection.execute(select(account.c.password_hash).where(account.c.id == account_id)).scalar()


def staff_exists(connection: Connection) -> bool:
    return connection.execute(select(account.c.id).where(account.c.kind == "staff").limit(1)).first() is not None


def staff_names(connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """Names of staff accounts by id."""
    chosen = select(account.c.id, account.c.name).where(account.c.kind == "staff", account.c.id.in_(sorted(set(ids))))
    return {row.id: row.name for row in connection.execute(chosen.order_by(account.c.id))}


def add_account(tx: Transaction, made: Account, key: str, password_hash: str | None) -> bool:
    """False when the address has an account already."""
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    values = {
        "id": made.id,
        "email": made.email,
        "email_key": key,
        "name": made.name,
        "language": made.language,
        "kind": made.kind,
        "state": made.state,
        "roles": list(made.roles),
        "password_hash": password_hash,
        "created_at": made.created_at,
        "activated_at": made.created_at if made.state == "active" else None,
    }
    statement = dialect.insert(account).values(values).on_conflict_do_nothing(index_elements=["email_key"])
    return tx.execute(statement.returning(account.c.id)).first() is not None


def change_account(tx: Transaction, account_id: str, **values: Any) -> None:
    tx.execute(update(account).where(account.c.id == account_id).values(**values))


def add_registration(tx: Transaction, **values: Any) -> None:
    tx.execute(insert(registration).values(settled_at=None, account_id=None, **values))


def next_registration(tx: Transaction) -> Row[Any] | None:
    return tx.execute(
        select(registration)
        .where(registration.c.settled_at.is_(None))
        .order_by(registration.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()


def settle_registration(tx: Transaction, registration_id: str, account_id: str) -> None:
    tx.execute(
        update(registration)
        .where(registration.c.id == registration_id)
        .values(settled_at=tx.clock.now(), account_id=account_id)
    )


def drop_registration(tx: Transaction, registration_id: str) -> None:
    tx.execute(delete(registration).where(registration.c.id == registration_id))


def add_reset_request(tx: Transaction, request_id: str, key: str, traceparent: str) -> None:
    tx.execute(
        insert(reset_request).values(id=request_id, email_key=key, requested_at=tx.clock.now(), traceparent=traceparent)
    )


def take_reset_request(tx: Transaction) -> Row[Any] | None:
    """The oldest waiting request, which is taken off the list."""
    row = tx.execute(
        select(reset_request).order_by(reset_request.c.id).limit(1).with_for_update(skip_locked=True)
    ).first()
    if row is not None:
        tx.execute(delete(reset_request).where(reset_request.c.id == row.id))
    return row


def anything_waiting(connection: Connection) -> bool:
    """True when a registration or a reset request is to be settled: a look without a write transaction."""
    for statement in (
        select(registration.c.id).where(registration.c.settled_at.is_(None)).limit(1),
        select(reset_request.c.id).limit(1),
    ):
        if connection.execute(statement).first():
            return True
    return False


def add_mail_request(
    tx: Transaction, event_id: str, purpose: str, account_id: str, registration_id: str | None
) -> None:
    tx.execute(
        insert(mail_request).values(
            event_id=event_id,
            purpose=purpose,
            account_id=account_id,
            registration_id=registration_id,
            requested_at=tx.clock.now(),
        )
    )


def mail_request_of(tx: Transaction, event_id: str, purpose: str, account_id: str) -> Row[Any] | None:
    return tx.execute(
        select(mail_request)
        .where(
            mail_request.c.event_id == event_id,
            mail_request.c.purpose == purpose,
            mail_request.c.account_id == account_id,
        )
        .with_for_update()
    ).first()


def put_token(tx: Transaction, event_id: str, token_hash: str, expires_at: datetime) -> None:
    tx.execute(
        update(mail_request)
        .where(mail_request.c.event_id == event_id)
        .values(token_hash=token_hash, expires_at=expires_at)
    )


def mail_request_by_token(tx: Transaction, token_hash: str, purpose: str) -> Row[Any] | None:
    """The request with this token, and the password that came with it where it is a registration."""
    return tx.execute(
        select(mail_request, registration.c.name, registration.c.language, registration.c.password_hash)
        .outerjoin(registration, registration.c.id == mail_request.c.registration_id)
        .where(mail_request.c.token_hash == token_hash, mail_request.c.purpose == purpose)
        .with_for_update(of=mail_request)
    ).first()


def use_tokens(tx: Transaction, account_id: str, purpose: str) -> None:
    """Marks every token of the account and purpose as used: once one link has worked, no other does."""
    tx.execute(
        update(mail_request)
        .where(
            mail_request.c.account_id == account_id, mail_request.c.purpose == purpose, mail_request.c.used_at.is_(None)
        )
        .values(used_at=tx.clock.now())
    )


def add_session(tx: Transaction, session_id: str, token_hash: str, account_id: str, device: str) -> None:
    now = tx.clock.now()
    tx.execute(
        insert(session).values(
            id=session_id,
            token_hash=token_hash,
            account_id=account_id,
            device=device,
            created_at=now,
            last_seen_at=now,
            ended_at=None,
        )
    )


def session_by_token(connection: Connection, token_hash: str) -> Row[Any] | None:
    return connection.execute(
        select(session).where(session.c.token_hash == token_hash, session.c.ended_at.is_(None))
    ).first()


def touch_session(tx: Transaction, session_id: str, before: datetime) -> None:
    """Writes the last use unless another call has done so since ``before``."""
    tx.execute(
        update(session)
        .where(session.c.id == session_id, session.c.last_seen_at <= before)
        .values(last_seen_at=tx.clock.now())
    )


def sessions_of(connection: Connection, account_id: str, after: str | None, limit: int) -> list[Row[Any]]:
    """Sessions that were not ended, newest first; those past their time are among them."""
    statement = select(session).where(session.c.account_id == account_id, session.c.ended_at.is_(None))
    if after is not None:
        statement = statement.where(session.c.id < after)
    return list(connection.execute(statement.order_by(session.c.id.desc()).limit(limit)))


def end_session(tx: Transaction, account_id: str, session_id: str) -> bool:
    """False when the account has no such session; True also when it had ended before."""
    mine = (session.c.id == session_id, session.c.account_id == account_id)
    if tx.execute(select(session.c.id).where(*mine)).first() is None:
        return False
    tx.execute(update(session).where(*mine, session.c.ended_at.is_(None)).values(ended_at=tx.clock.now()))
    return True


def end_sessions(tx: Transaction, account_id: str, but: str = "") -> int:
    """Ends the account's sessions except ``but``; gives how many."""
    return tx.execute(
        update(session)
        .where(session.c.account_id == account_id, session.c.ended_at.is_(None), session.c.id != but)
        .values(ended_at=tx.clock.now())
    ).rowcount


def is_known_origin(connection: Connection, key: str, origin: str, since: datetime) -> bool:
    return (
        connection.execute(
            select(known_origin.c.origin).where(
                known_origin.c.email_key == key, known_origin.c.origin == origin, known_origin.c.last_at >= since
            )
        ).first()
        is not None
    )


def remember_origin(tx: Transaction, key: str, origin: str) -> None:
    dialect = sqlite if tx.connection.dialect.name == "sqlite" else postgresql
    now = tx.clock.now()
    statement = dialect.insert(known_origin).values(email_key=key, origin=origin, last_at=now)
    tx.execute(statement.on_conflict_do_update(index_elements=["email_key", "origin"], set_={"last_at": now}))


def forget_old(
    tx: Transaction, *, requests_before: datetime, sessions_before: datetime, origins_before: datetime
) -> int:
    """Deletes what has served its purpose; gives how many rows."""
    # An account that was never activated goes with its last request, so that its address is free of our records.
    stale = select(mail_request.c.account_id).where(mail_request.c.requested_at >= requests_before)
    statements = (
        delete(mail_request).where(mail_request.c.requested_at < requests_before),
        delete(registration).where(registration.c.settled_at < requests_before),
        delete(account).where(
            account.c.state == "pending", account.c.created_at < requests_before, account.c.id.not_in(stale)
        ),
        delete(session).where(session.c.created_at < sessions_before),
        delete(known_origin).where(known_origin.c.last_at < origins_before),
    )
    return sum(tx.execute(statement).rowcount for statement in statements)


def count_accounts(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(account)).scalar_one()
