"""The caller's own account: name, language, password; and choosing a new password by mail."""

from coop.identity.events.v1 import events_pb2 as events

from services.chassis.attempts import Count
from services.chassis.context import Principal
from services.chassis.db import RequestKey, Transaction
from services.chassis.errors import Invalid, Refused, Unauthenticated
from services.chassis.limits import give_back, spend
from services.identity import audit, repository
from services.identity.application.core import TOPIC, Core
from services.identity.application.registration import announce_activation, usable_token
from services.identity.domain.accounts import Account, parse_language, parse_name
from services.identity.domain.attempts import PASSWORD_CHANGE
from services.identity.domain.passwords import MAX_LENGTH, check_password, normalise


def my_account(core: Core, principal: Principal) -> Account:
    with core.database.read() as connection:
        account = repository.account_by_id(connection, principal.id)
    if account is None:
        raise Unauthenticated("This account is gone: sign in again.", "ACCOUNT_GONE")
    return account


def update_account(core: Core, key: RequestKey, principal: Principal, *, name: str, language: str) -> Account:
    """Changes what is given; an empty text leaves its field as it is."""

    def act() -> str:
        before = repository.account_by_id(tx.connection, principal.id)
        if before is None:
            raise Unauthenticated("This account is gone: sign in again.", "ACCOUNT_GONE")
        wanted = (
            parse_name(name) if name.strip() else before.name,
            parse_language(language, core.languages, core.default_language) if language.strip() else before.language,
        )
        if wanted != (before.name, before.language):
            repository.change_account(tx, before.id, name=wanted[0], language=wanted[1])
            changed = events.AccountUpdated(
                account_id=before.id, email=before.email, name=wanted[0], language=wanted[1]
            )
            tx.emit(TOPIC, before.id, changed)
        return before.id

    with core.database.write() as tx:
        tx.once(key, act)
    return my_account(core, principal)


def change_password(core: Core, principal: Principal, *, current: str, new: str) -> None:
    """Ends every other session. Raises Invalid for a wrong current password or a new one that is not accepted."""
    counts = [Count(PASSWORD_CHANGE, principal.id)]
    account = my_account(core, principal)
    accepted = check_password(new, email=account.email, name=account.name, context=core.context, field="new_password")
    with core.database.write() as tx:
        spend(tx, counts, "Too many wrong passwords: try again in {wait}.")
        kept = repository.password_of_id(tx.connection, principal.id)
    typed = normalise(current)
    if not core.hasher.verify(kept, typed if len(typed) <= MAX_LENGTH else ""):
        with core.database.write() as tx:
            audit.append(tx, "password_change_failed", f"account:{principal.id}")
        raise Invalid("The current password is not right.", "WRONG_PASSWORD", field="current_password")
    new_hash = core.hasher.hash(accepted)
    with core.database.write() as tx:
        if repository.password_of_id(tx.connection, principal.id) != kept:
            raise Refused("The password was changed in the meantime: sign in again.", "PASSWORD_CHANGED")
        give_back(tx, counts)
        _set_password(tx, account, new_hash, keep_session=principal.session_id)


def reset_password(core: Core, *, token: str, new: str) -> None:
    """Chooses a new password with a link from the mail and ends every session.

    Raises Refused for a link that does not work, Invalid for a password that is not accepted; the link can then be used again.
    """
    with core.database.write() as tx:
        account = repository.account_by_id(tx.connection, usable_token(tx, token, "password_reset").account_id)
    assert account is not None
    accepted = check_password(new, email=account.email, name=account.name, context=core.context, field="new_password")
    new_hash = core.hasher.hash(accepted)
    with core.database.write() as tx:
        # The link is looked at again: of two uses at once, one finds it used.
        usable_token(tx, token, "password_reset")
        repository.use_tokens(tx, account.id, "password_reset")
        if account.state == "pending":
            repository.change_account(tx, account.id, state="active", activated_at=tx.clock.now())
            repository.use_tokens(tx, account.id, "activation")
            announce_activation(tx, account.id)
        _set_password(tx, account, new_hash, keep_session="")


def _set_password(tx: Transaction, account: Account, password_hash: str, *, keep_session: str) -> None:
    repository.change_account(tx, account.id, password_hash=password_hash)
    ended = repository.end_sessions(tx, account.id, but=keep_session)
    tx.emit(
        TOPIC,
        account.id,
        events.PasswordChanged(account_id=account.id, email=account.email, language=account.language),
    )
    audit.append(
        tx, "password_changed", f"account:{account.id}", actor=f"{account.kind}:{account.id}", sessions_ended=str(ended)
    )
