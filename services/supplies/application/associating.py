"""Associating an account with a holder's supplies, by document and birth date.

The answer is given before anything is looked up, so it and its time are the same whatever is found; the worker settles the
request right after. A code's answer is the same too, whether a code is due, wrong, late or used up.
"""

from datetime import timedelta
from typing import Any

from coop.supplies.events.v1 import events_pb2 as events
from google.protobuf.message import Message
from sqlalchemy import Connection, Row

from services.chassis import tracing
from services.chassis.attempts import Count, address_prefix
from services.chassis.context import Principal, traceparent
from services.chassis.db import RequestKey, Transaction
from services.chassis.emails import email_key
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.limits import spend
from services.supplies import access_repository, repository
from services.supplies.application.core import Core
from services.supplies.domain.association import (
    CODE_LIFETIME,
    CODE_TRIES,
    Decision,
    code_hash,
    code_matches,
    decide,
    new_code,
)
from services.supplies.domain.attempts import (
    ASSOCIATE_ACCOUNT,
    ASSOCIATE_ALL,
    ASSOCIATE_DOCUMENT,
    ASSOCIATE_NETWORK,
    CONFIRM_ACCOUNT,
)
from services.supplies.domain.dates import parse_birth_date
from services.supplies.domain.model import Member
from services.supplies.messages import ACCESS_TOPIC
from services.supplies.tables import member, supply

#: How long a request waits for identity's word on the account's confirmed address.
PATIENCE = timedelta(seconds=30)
HOLDER = "holder"


def request(core: Core, key: RequestKey, principal: Principal, *, document: str, birth_date: str) -> None:
    """Keeps the request for the worker. Raises Invalid for a document or a date that cannot be, Throttled after too many."""
    read = core.country.recognise_document(document)
    born = parse_birth_date(birth_date, core.today())

    def keep() -> str:
        counts = [
            Count(ASSOCIATE_ACCOUNT, principal.id),
            Count(ASSOCIATE_DOCUMENT, read.key),
            Count(ASSOCIATE_NETWORK, address_prefix(principal.client_address)),
            Count(ASSOCIATE_ALL, ""),
        ]
        spend(tx, counts, "Too many attempts to add a supply: try again in {wait}.")
        made = new_id()
        access_repository.add_association(tx, made, principal.id, read.key, born, CODE_TRIES, traceparent())
        return made

    with core.database.write() as tx:
        tx.once(key, keep)
        tx.on_commit(core.wake_worker)


def anything_waiting(core: Core, connection: Connection) -> bool:
    """Whether a request can be settled now."""
    return access_repository.waiting_association(connection, core.clock.now() - PATIENCE) is not None


def settle_one(core: Core) -> bool:
    """The worker's step: settles one waiting request. False when none can be settled now."""
    with core.database.read() as connection:
        waiting = access_repository.waiting_association(connection, core.clock.now() - PATIENCE)
    if waiting is None:
        return False
    with core.database.write() as tx:
        repository.lock_registry(tx)
        asked = access_repository.lock_waiting(tx, waiting.id)
        if asked is not None:
            tracing.carry_on(
                "settle association",
                lambda: _settle(core, tx, asked),
                parent=asked.traceparent or "",
                request=asked.id,
            )
    # A request that another worker holds is no reason to look again at once.
    return asked is not None


def _settle(core: Core, tx: Transaction, asked: Row[Any]) -> None:
    found = repository.members_where(
        tx.connection, member.c.document_key == asked.document_key, member.c.birth_date == asked.birth_date
    )
    if not found:
        access_repository.settle(tx, asked.id, "nothing", None)
        return
    holder = found[0]
    accounts = access_repository.holders_of(tx.connection, holder.id)
    decision = decide(
        core.policy,
        contact_key=email_key(holder.email) if holder.email else "",
        account_key=access_repository.contact_key(tx.connection, asked.account_id),
        already_holds=asked.account_id in accounts,
        held_by_another=bool(accounts - {asked.account_id}),
    )
    if decision == Decision.GRANT:
        access_repository.settle(tx, asked.id, "granted", holder.id)
        _grant(tx, asked.id, asked.account_id, holder)
    elif decision == Decision.SEND_CODE:
        due = events.AssociationCodeDue(
            association_id=asked.id,
            account_id=asked.account_id,
            member_id=holder.id,
            email=holder.email,
            language=holder.language,
        )
        event_id = tx.emit(ACCESS_TOPIC, asked.account_id, due)
        access_repository.settle(tx, asked.id, "code_due", holder.id, event_id)
        access_repository.close_older_codes(tx, asked.account_id, holder.id, but=asked.id)
    elif decision == Decision.OPEN_CASE and not access_repository.has_open_case(
        tx.connection, asked.account_id, holder.id
    ):
        access_repository.settle(tx, asked.id, "case", holder.id)
        opened = events.AssociationCaseOpened(association_id=asked.id, account_id=asked.account_id, member_id=holder.id)
        tx.emit(ACCESS_TOPIC, asked.account_id, opened)
    else:
        access_repository.settle(tx, asked.id, "nothing", holder.id)


def _grant(tx: Transaction, association_id: str, account_id: str, holder: Member) -> int:
    """Opens all of the holder's supplies to the account and tells the contact on file; gives how many."""
    supplies = repository.supplies_where(tx.connection, supply.c.member_id == holder.id)
    access_repository.add_holding(tx, account_id, holder, association_id, HOLDER)
    access_repository.add_access(tx, account_id, holder.id, [each.id for each in supplies], HOLDER)
    news: list[tuple[str, str, Message]] = [
        (ACCESS_TOPIC, account_id, events.AccessGranted(
            account_id=account_id, supply_id=each.id, member_id=holder.id, relation=HOLDER
        ))
        for each in supplies
    ]  # fmt: skip
    if holder.email:
        notice = events.AssociationNoticeDue(
            association_id=association_id,
            account_id=account_id,
            member_id=holder.id,
            email=holder.email,
            language=holder.language,
            account_numbers=[each.account_number for each in supplies],
        )
        news.append((ACCESS_TOPIC, account_id, notice))
    tx.emit_many(news)
    return len(supplies)


def issue_code(core: Core, *, association_id: str, event_id: str) -> tuple[str, int]:
    """A fresh code for the mail that ``event_id`` asked for, and the minutes it is good for. An earlier one stops working.

    Raises NotFound when no such mail was asked for, Refused when the association needs no code any more.
    """
    code = new_code()
    with core.database.write() as tx:
        asked = access_repository.code_request(tx, association_id)
        if asked is None or asked.code_event_id != event_id:
            raise NotFound(f"Event {event_id} asked for no code of association {association_id}.", "CODE_UNKNOWN")
        if asked.state != "code_due":
            raise Refused(f"Association {association_id} needs no code any more.", "CODE_NOT_NEEDED")
        access_repository.put_code(tx, association_id, code_hash(association_id, code), tx.clock.now() + CODE_LIFETIME)
    return code, int(CODE_LIFETIME.total_seconds()) // 60


def confirm(core: Core, key: RequestKey, principal: Principal, *, code: str) -> int:
    """Opens the supplies whose code this is; gives how many. Raises Invalid, always in the same words, for any other code."""

    def act() -> str:
        spend(tx, [Count(CONFIRM_ACCOUNT, principal.id)], "Too many codes were tried: try again in {wait}.")
        # Before any row, as the worker does: two that lock in one order never wait for each other.
        repository.lock_registry(tx)
        due = access_repository.codes_of(tx, principal.id)
        fitting = next((each for each in due if code_matches(each.id, code, each.code_hash)), None)
        if fitting is None:
            for each in due:
                access_repository.count_wrong_code(tx, each.id, each.tries_left - 1)
            # Not raised here: the wrong try must stay counted.
            return ""
        holder = repository.members_by_id(tx.connection, [fitting.member_id])[fitting.member_id]
        access_repository.settle(tx, fitting.id, "granted", holder.id)
        if principal.id in access_repository.holders_of(tx.connection, holder.id):
            return "0"
        return str(_grant(tx, fitting.id, principal.id, holder))

    with core.database.write() as tx:
        added = tx.once(key, act)
    if not added:
        raise Invalid(
            "The code is not right or is no longer valid: type the newest one, or add the supply again to get another.",
            "WRONG_CODE",
            field="code",
        )
    return int(added)
