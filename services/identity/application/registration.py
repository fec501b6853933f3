"""Registering and activating.

The answer is given before anything is looked up: it, its work and its time are the same for a new address and for a known one.
The waiting row is settled right after, by the worker.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from coop.identity.events.v1 import events_pb2 as events
from sqlalchemy import Row

from services.chassis import tracing
from services.chassis.attempts import Count, address_prefix
from services.chassis.context import caller, traceparent
from services.chassis.db import RequestKey, Transaction
from services.chassis.emails import email_key, parse_email
from services.chassis.errors import NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.limits import spend
from services.identity import audit, repository
from services.identity.application.core import TOPIC, Core, new_token, token_hash
from services.identity.domain.accounts import Account, Mistakes, parse_language, parse_name
from services.identity.domain.attempts import MAIL_ADDRESS, MAIL_ALL, MAIL_NETWORK
from services.identity.domain.passwords import check_password

LIFETIMES = {"activation": timedelta(hours=24), "password_reset": timedelta(minutes=30)}


def register(core: Core, key: RequestKey, *, email: str, password: str, name: str, language: str) -> None:
    """Keeps the request for the worker. Raises Invalid for each wrong field, Throttled when too many came."""
    mistakes = Mistakes()
    address = mistakes.check(lambda: parse_email(email), "")
    person = mistakes.check(lambda: parse_name(name), "")
    speaks = mistakes.check(lambda: parse_language(language, core.languages, core.default_language), "")
    text = mistakes.check(lambda: check_password(password, email=address, name=person, context=core.context), "")
    mistakes.raise_any()
    password_hash = core.hasher.hash(text)

    def keep() -> str:
        _spend_mail(tx, email_key(address))
        made = new_id()
        repository.add_registration(
            tx,
            id=made,
            email=address,
            email_key=email_key(address),
            name=person,
            language=speaks,
            password_hash=password_hash,
            requested_at=tx.clock.now(),
            traceparent=traceparent(),
        )
        return made

    with core.database.write() as tx:
        tx.once(key, keep)
        tx.on_commit(core.wake_worker)


def request_password_reset(core: Core, key: RequestKey, *, email: str) -> None:
    """Keeps the request for the worker. Raises Invalid for what is no address, Throttled when too many came."""
    address = parse_email(email)

    def keep() -> str:
        _spend_mail(tx, email_key(address))
        made = new_id()
        repository.add_reset_request(tx, made, email_key(address), traceparent())
        return made

    with core.database.write() as tx:
        tx.once(key, keep)
        tx.on_commit(core.wake_worker)


def _spend_mail(tx: Transaction, key: str) -> None:
    network = address_prefix(caller().client_address)
    spend(
        tx,
        [Count(MAIL_ADDRESS, key), Count(MAIL_NETWORK, network), Count(MAIL_ALL, "")],
        "Too many requests came for this address or from your network: try again in {wait}.",
    )


def settle_one(core: Core) -> bool:
    """The worker's step: settles one waiting registration or reset request. False when nothing waits."""
    with core.database.read() as connection:
        if not repository.anything_waiting(connection):
            return False
    with core.database.write() as tx:
        waiting = repository.next_registration(tx)
        if waiting:
            _on_its_trace("settle registration", waiting, lambda: _settle_registration(tx, waiting))
            return True
        asked = repository.take_reset_request(tx)
        if asked:
            _on_its_trace("settle password reset", asked, lambda: _settle_reset(tx, asked.email_key))
        return asked is not None


def _on_its_trace(name: str, row: Row[Any], settle: Callable[[], None]) -> None:
    """Of whoever asked: what settling causes, mails above all, belongs to what they did."""
    tracing.carry_on(name, settle, parent=row.traceparent or "", request=row.id)


def _settle_registration(tx: Transaction, row: Row[Any]) -> None:
    pending = Account(
        id=new_id(),
        email=row.email,
        name=row.name,
        language=row.language,
        kind="member",
        state="pending",
        roles=(),
        created_at=tx.clock.now(),
    )
    key = row.email_key
    repository.add_account(tx, pending, key, None)
    account = repository.account_by_key(tx.connection, key)
    assert account is not None
    if account.state == "active":
        repeated = events.RegistrationRepeated(account_id=account.id, email=account.email, language=account.language)
        tx.emit(TOPIC, account.id, repeated)
        repository.drop_registration(tx, row.id)
        return
    asked = events.ActivationRequested(
        account_id=account.id,
        email=account.email,
        name=row.name,
        language=row.language,
    )
    event_id = tx.emit(TOPIC, account.id, asked)
    repository.settle_registration(tx, row.id, account.id)
    repository.add_mail_request(tx, event_id, "activation", account.id, row.id)


def _settle_reset(tx: Transaction, key: str) -> None:
    account = repository.account_by_key(tx.connection, key)
    if account is None:
        return
    # An account that was never activated may choose a password too: the mail proves the address all the same.
    asked = events.PasswordResetRequested(account_id=account.id, email=account.email, language=account.language)
    event_id = tx.emit(TOPIC, account.id, asked)
    repository.add_mail_request(tx, event_id, "password_reset", account.id, None)
    audit.append(tx, "password_reset_requested", f"account:{account.id}")


def issue_mail_token(core: Core, *, purpose: str, account_id: str, event_id: str) -> tuple[str, int]:
    """A fresh link token for the mail that ``event_id`` asked for, and the seconds it is good for. An earlier one stops working.

    Raises NotFound when no such mail was asked for, Refused when its link was used already.
    """
    lifetime = LIFETIMES[purpose]
    token = new_token()
    with core.database.write() as tx:
        asked = repository.mail_request_of(tx, event_id, purpose, account_id)
        if asked is None:
            raise NotFound(f"Event {event_id} asked for no {purpose} mail of account {account_id}.", "MAIL_UNKNOWN")
        if asked.used_at is not None:
            raise Refused(f"The link of event {event_id} is not needed any more.", "LINK_USED")
        repository.put_token(tx, event_id, token_hash(token), tx.clock.now() + lifetime)
    return token, int(lifetime.total_seconds())


def activate(core: Core, key: RequestKey, *, token: str) -> None:
    """Opens the account with the password of the registration whose mail the token came in."""

    def act() -> str:
        asked = usable_token(tx, token, "activation")
        account = repository.account_by_id(tx.connection, asked.account_id)
        assert account is not None
        if account.state == "active":
            raise Refused("This account is active already: sign in with your password.", "ALREADY_ACTIVE")
        repository.change_account(
            tx,
            account.id,
            state="active",
            activated_at=tx.clock.now(),
            name=asked.name,
            language=asked.language,
            password_hash=asked.password_hash,
        )
        repository.use_tokens(tx, account.id, "activation")
        announce_activation(tx, account.id)
        return account.id

    with core.database.write() as tx:
        tx.once(key, act)


def announce_activation(tx: Transaction, account_id: str) -> None:
    account = repository.account_by_id(tx.connection, account_id)
    assert account is not None
    opened = events.AccountActivated(
        account_id=account.id, email=account.email, name=account.name, language=account.language
    )
    tx.emit(TOPIC, account.id, opened)
    audit.append(tx, "account_activated", f"account:{account.id}", actor=f"{account.kind}:{account.id}")


def usable_token(tx: Transaction, token: str, purpose: str) -> Row[Any]:
    """The mail request of a link that still works. Raises Refused with what to do when it does not."""
    again = "register again" if purpose == "activation" else "ask for a new link"
    asked = repository.mail_request_by_token(tx, token_hash(token), purpose)
    if asked is None:
        raise Refused(
            f"This link is not one of ours, or a newer mail replaced it: use the newest, or {again}.", "LINK_UNKNOWN"
        )
    if asked.used_at is not None:
        raise Refused("This link was used already: sign in with your password.", "LINK_USED")
    if asked.expires_at <= tx.clock.now():
        raise Refused(f"This link has expired: {again}.", "LINK_EXPIRED")
    return asked
