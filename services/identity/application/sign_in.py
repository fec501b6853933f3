"""Signing in and sessions: opaque tokens of which only the hash is kept, and 60-second signed tokens made from them."""

import re
from dataclasses import dataclass
from datetime import datetime

from services.chassis.attempts import Count, address_prefix
from services.chassis.context import Principal, caller
from services.chassis.db import Transaction
from services.chassis.emails import email_key, parse_email
from services.chassis.errors import NotFound, Unauthenticated
from services.chassis.ids import new_id
from services.chassis.limits import give_back, spend
from services.chassis.paging import decode_token, encode_token, page_size
from services.identity import audit, repository
from services.identity.application.core import Core, new_token, token_hash
from services.identity.domain.accounts import Account
from services.identity.domain.attempts import (
    KNOWN_ORIGIN_FOR,
    SIGN_IN_ADDRESS,
    SIGN_IN_ALL,
    SIGN_IN_NETWORK,
    SIGN_IN_PAIR,
)
from services.identity.domain.passwords import MAX_LENGTH, normalise
from services.identity.domain.sessions import TERMS

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class SignedIn:
    token: str
    expires_at: datetime
    account: Account


@dataclass(frozen=True)
class SessionView:
    id: str
    device: str
    created_at: datetime
    last_seen_at: datetime
    current: bool


def sign_in(core: Core, *, email: str, password: str, device: str) -> SignedIn:
    """A new session. Raises Unauthenticated with the same words and after the same work for a wrong password and for an unknown,
    pending or known address; Throttled after too many failures."""
    key = email_key(parse_email(email))
    network = address_prefix(caller().client_address)
    with core.database.write() as tx:
        # Taken before the password is looked at, so that parallel guesses do not slip through together.
        counts = _counts(core, tx, key, network)
        spend(tx, counts, "Too many failed attempts to sign in: try again in {wait}, or ask for a new password.")
        found = repository.password_of(tx.connection, key)
    text = normalise(password)
    account_id, kept = found or ("", None)
    fits = core.hasher.verify(kept, text if len(text) <= MAX_LENGTH else "")
    fresh = core.hasher.hash(text) if fits and kept and core.hasher.is_outdated(kept) else None
    with core.database.write() as tx:
        # Asked again: the password may have been changed while this one was being checked.
        if fits and found == repository.password_of(tx.connection, key):
            return _open_session(core, tx, account_id, key, network, counts, device, fresh)
        subject = f"account:{account_id}" if account_id else "account:unknown"
        audit.append(tx, "sign_in_failed", subject, actor="anonymous")
    raise Unauthenticated("The e-mail address or the password is not right.", "WRONG_CREDENTIALS")


def _counts(core: Core, tx: Transaction, key: str, network: str) -> list[Count]:
    counts = [Count(SIGN_IN_PAIR, f"{key} {network}"), Count(SIGN_IN_NETWORK, network), Count(SIGN_IN_ALL, "")]
    if not repository.is_known_origin(tx.connection, key, network, core.clock.now() - KNOWN_ORIGIN_FOR):
        counts.append(Count(SIGN_IN_ADDRESS, key))
    return counts


def _open_session(
    core: Core,
    tx: Transaction,
    account_id: str,
    key: str,
    network: str,
    counts: list[Count],
    device: str,
    fresh_hash: str | None,
) -> SignedIn:
    give_back(tx, counts)
    repository.remember_origin(tx, key, network)
    if fresh_hash:
        repository.change_account(tx, account_id, password_hash=fresh_hash)
    account = repository.account_by_id(tx.connection, account_id)
    assert account is not None
    token, session_id = new_token(), new_id()
    shown = " ".join(_UNPRINTABLE.sub(" ", device).split())[:80] or "unknown device"
    repository.add_session(tx, session_id, token_hash(token), account.id, shown)
    audit.append(tx, "signed_in", f"account:{account.id}", actor=f"{account.kind}:{account.id}", session=session_id)
    return SignedIn(token, TERMS[account.kind].ends_at(tx.clock.now()), account)


def issue_access_token(core: Core, *, session_token: str) -> tuple[str, datetime, Account]:
    """A signed token, the instant it ends, and the account. Raises Unauthenticated when the session is over."""
    now = core.clock.now()
    with core.database.read() as connection:
        session = repository.session_by_token(connection, token_hash(session_token))
        account = repository.account_by_id(connection, session.account_id) if session else None
    if session is None or account is None or account.state != "active":
        raise Unauthenticated("The session is over: sign in again.", "SESSION_OVER")
    terms = TERMS[account.kind]
    if terms.is_over(session.created_at, session.last_seen_at, now):
        raise Unauthenticated("The session is over: sign in again.", "SESSION_OVER")
    if terms.needs_touch(session.last_seen_at, now):
        with core.database.write() as tx:
            repository.touch_session(tx, session.id, session.last_seen_at)
    if account.kind == "staff":
        token, until = core.signer.staff(account.id, session.id, frozenset(account.roles))
    else:
        token, until = core.signer.member(account.id, session.id)
    return token, until, account


def sign_out(core: Core, principal: Principal) -> None:
    with core.database.write() as tx:
        if repository.end_session(tx, principal.id, principal.session_id):
            audit.append(tx, "signed_out", f"account:{principal.id}", session=principal.session_id)


def list_sessions(core: Core, principal: Principal, *, size: int, page_token: str) -> tuple[list[SessionView], str]:
    """The caller's live sessions, newest first, and the token of the next page or ""."""
    limit = page_size(size)
    key = decode_token(page_token, 1)
    now = core.clock.now()
    terms = TERMS[principal.kind]
    with core.database.read() as connection:
        rows = repository.sessions_of(connection, principal.id, key[0] if key else None, limit + 1)
    more = encode_token(rows[limit - 1].id) if len(rows) > limit else ""
    live = [row for row in rows[:limit] if not terms.is_over(row.created_at, row.last_seen_at, now)]
    views = [
        SessionView(row.id, row.device, row.created_at, row.last_seen_at, row.id == principal.session_id)
        for row in live
    ]
    return views, more


def revoke_session(core: Core, principal: Principal, *, session_id: str) -> None:
    """Ends one of the caller's sessions; again changes nothing. Raises NotFound for any other."""
    with core.database.write() as tx:
        if not repository.end_session(tx, principal.id, session_id):
            raise NotFound(f"You have no session {session_id!r}.", "SESSION_UNKNOWN")
        audit.append(tx, "session_revoked", f"account:{principal.id}", session=session_id)
