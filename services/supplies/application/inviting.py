"""Invitations: a member's own code, and the new supply whose contract names somebody else's.

Whatever is given or named takes the registry's lock first, as imports do, so that of two that name a code for one supply the
second finds the first; billing hears of it by the event of the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from coop.supplies.events.v1 import events_pb2 as events
from google.protobuf.message import Message
from sqlalchemy import Connection, Row

from services.chassis.attempts import Count
from services.chassis.context import Principal
from services.chassis.db import RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.limits import spend
from services.chassis.paging import decode_token, encode_token, page_size
from services.supplies import access_repository, invitation_repository, repository
from services.supplies.application.associating import HOLDER
from services.supplies.application.core import Core
from services.supplies.application.reading import find_supply, unknown_supply
from services.supplies.domain.attempts import NAME_INVITATION
from services.supplies.domain.invitations import InvitationRules, new_code, printed, read_code
from services.supplies.domain.model import Supply
from services.supplies.invitation_repository import Invitation
from services.supplies.messages import INVITATION_TOPIC, MEMBER_TOPIC, member_changed

ELECTRICITY = "electricity"


@dataclass(frozen=True)
class Standing:
    """What a supply's holder sees: the code to give away and when it was named, and the supply's own invitation."""

    invitation: Invitation | None
    wh: int
    used_at: list[datetime]
    invited_at: datetime | None
    may_name_until: date | None


def get(core: Core, principal: Principal, *, supply_id: str) -> Standing:
    """NotFound for a supply that is not the member's."""
    with core.database.read() as connection:
        found = _own(connection, principal, supply_id)
        rules = core.invitations
        named = invitation_repository.redemptions(connection, [found.id]).get(found.id)
        until = None
        start = first_day(found)
        if rules is not None and named is None and start is not None:
            last = start + timedelta(days=rules.days)
            until = last if core.today() <= last else None
        return Standing(
            invitation_repository.of_member(connection, found.member_id) if rules is not None else None,
            rules.wh if rules is not None else 0,
            invitation_repository.used_at(connection, found.member_id),
            named.redeemed_at if named is not None else None,
            until,
        )


def create(core: Core, key: RequestKey, principal: Principal, *, supply_id: str) -> Invitation:
    """The code of the supply's holder, made if there is none. NotFound as in ``get``; Refused where none are given."""
    rules_of(core)

    def act() -> str:
        repository.lock_registry(tx)
        found = _own(tx.connection, principal, supply_id)
        known = invitation_repository.of_member(tx.connection, found.member_id)
        if known is not None:
            return known.code
        code = new_code()
        while invitation_repository.by_codes(tx.connection, [code]):
            code = new_code()
        invitation_repository.add(tx, code, found.member_id)
        _tell(tx, found.member_id)
        return code

    with core.database.write() as tx:
        code = tx.once(key, act)
        return invitation_repository.by_codes(tx.connection, [code])[code]


def redeem(core: Core, key: RequestKey, principal: Principal, *, supply_id: str, code: str) -> int:
    """Keeps that the new supply named a code; gives the Wh that each of the two is owed.

    Invalid for a code that cannot be, NotFound for one that nobody has, Refused for one that does not hold here.
    """
    rules = rules_of(core)
    wanted = read_code(code)
    if principal.kind == "member":
        # By itself: a try that is refused stays counted.
        with core.database.write() as tx:
            spend(tx, [Count(NAME_INVITATION, principal.id)], "Too many codes were tried: try again in {wait}.")

    def act() -> str:
        repository.lock_registry(tx)
        found = _own(tx.connection, principal, supply_id)
        inviter = invitation_repository.by_codes(tx.connection, [wanted]).get(wanted)
        named = invitation_repository.redemptions(tx.connection, [found.id]).get(found.id)
        start = first_day(found)
        if start is None:
            raise Refused(
                f"Account {found.account_number} has no contract of electricity: an invitation gives energy.",
                "INVITATION_NO_CONTRACT",
            )
        checked = check(rules, wanted, inviter, found.member_id, found.account_number, named, start, core.today())
        tx.emit_many([keep(tx, rules, checked, found.id, found.member_id)])
        return found.id

    with core.database.write() as tx:
        tx.once(key, act)
    return rules.wh


def check(
    rules: InvitationRules,
    code: str,
    inviter: Invitation | None,
    member_id: str,
    account_number: str,
    named: Row[Any] | None,
    start: date,
    today: date,
) -> Invitation:
    """The invitation, if the supply may name it: its first contract began on ``start`` and it ``named`` none before."""
    if inviter is None:
        raise NotFound(
            f"Nobody has the invitation code {printed(code)}: ask who invited you for it again.",
            "INVITATION_UNKNOWN",
        )
    if inviter.member_id == member_id:
        raise Refused(
            f"{printed(code)} is the code of member {inviter.member_number}, who holds account {account_number} too: nobody "
            "invites themselves.",
            "INVITATION_OWN",
        )
    if named is not None:
        raise used(account_number, named.redeemed_at)
    if inviter.revoked_at is not None:
        raise Refused(
            f"The code {printed(code)} was revoked on {inviter.revoked_at:%Y-%m-%d}: ask who invited you for the new one.",
            "INVITATION_REVOKED",
        )
    rules.check_new(start, today)
    return inviter


def used(account_number: str, when: datetime) -> Refused:
    return Refused(
        f"Account {account_number} came by an invitation already, on {when:%Y-%m-%d}: a supply point names a code once.",
        "INVITATION_USED",
    )


def keep(
    tx: Transaction, rules: InvitationRules, inviter: Invitation, supply_id: str, member_id: str
) -> tuple[str, str, Message]:
    """Writes that a supply named a code; the event to emit, ready for ``emit_many``."""
    redemption_id = new_id()
    invitation_repository.add_redemption(tx, redemption_id, inviter.code, supply_id)
    redeemed = events.InvitationRedeemed(
        redemption_id=redemption_id,
        inviter_member_id=inviter.member_id,
        invited_member_id=member_id,
        supply_id=supply_id,
        wh=rules.wh,
    )
    return INVITATION_TOPIC, inviter.member_id, redeemed


def list_all(core: Core, *, size: int, page_token: str) -> tuple[list[Invitation], str]:
    """A page of every code, the newest first, and the token of the next page or ""."""
    limit = page_size(size)
    key = decode_token(page_token, 2)
    before = (_instant(key[0]), key[1]) if key else None
    with core.database.read() as connection:
        found = invitation_repository.page(connection, before, limit + 1)
    shown = found[:limit]
    more = encode_token(shown[-1].created_at.isoformat(), shown[-1].code) if len(found) > limit else ""
    return shown, more


def revoke(core: Core, key: RequestKey, *, code: str) -> Invitation:
    """From now on nobody can name the code; one that was revoked before stays so. NotFound for one nobody has."""
    wanted = read_code(code)

    def act() -> str:
        repository.lock_registry(tx)
        found = invitation_repository.by_codes(tx.connection, [wanted]).get(wanted)
        if found is None:
            raise NotFound(
                f"Nobody has the invitation code {printed(wanted)}: 'coopctl invitations list' has those there are.",
                "INVITATION_UNKNOWN",
            )
        if found.revoked_at is None:
            invitation_repository.revoke(tx, wanted)
            _tell(tx, found.member_id)
        return wanted

    with core.database.write() as tx:
        tx.once(key, act)
        return invitation_repository.by_codes(tx.connection, [wanted])[wanted]


def _tell(tx: Transaction, member_id: str) -> None:
    """The member has another code, or none any more: billing prints it on invoices."""
    known = repository.members_by_id(tx.connection, [member_id])[member_id]
    changed = replace(known, version=known.version + 1)
    repository.save_members(tx, [changed], ())
    code = invitation_repository.usable(tx.connection, [member_id]).get(member_id, "")
    tx.emit(MEMBER_TOPIC, member_id, member_changed(changed, code))


def rules_of(core: Core) -> InvitationRules:
    """Refused where the cooperative gives no invitations."""
    if core.invitations is None:
        raise Refused("This cooperative gives no invitation codes.", "NO_INVITATIONS")
    return core.invitations


def first_day(supply: Supply) -> date | None:
    """The first day of the supply's electricity contracts; None when it has none."""
    service = supply.service(ELECTRICITY)
    return min((contract.start for contract in service.contracts), default=None) if service else None


def _own(connection: Connection, principal: Principal, reference: str) -> Supply:
    """The supply; for a member only one that they hold. NotFound in the same words otherwise."""
    found = find_supply(connection, principal, reference)
    if principal.kind == "member" and access_repository.relation_to(connection, principal.id, found.id) != HOLDER:
        raise unknown_supply(reference)
    return found


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(
            "page_token is not one of ours: use the next_page_token of the page before.", "PAGE_TOKEN"
        ) from None
