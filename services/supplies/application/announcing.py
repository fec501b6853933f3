"""What others keep copies of: members, supplies, and who may see which."""

from __future__ import annotations

from coop.supplies.events.v1 import events_pb2 as events

from services.chassis.announcing import Announced, State
from services.chassis.db import Transaction
from services.supplies import access_repository, invitation_repository, repository
from services.supplies.messages import ACCESS_TOPIC, MEMBER_TOPIC, SUPPLY_TOPIC, member_changed, supply_changed


def announced() -> list[Announced]:
    """Members before their supplies, and supplies before those who may see them."""
    return [
        Announced("members", MEMBER_TOPIC, _members),
        Announced("supplies", SUPPLY_TOPIC, _supplies),
        Announced("accesses", ACCESS_TOPIC, _accesses),
    ]


def _members(tx: Transaction, after: tuple[str, ...] | None, limit: int) -> list[State]:
    repository.lock_registry(tx)
    found = repository.members_after(tx.connection, *(after or ("",)), limit=limit)
    codes = invitation_repository.usable(tx.connection, [each.id for each in found])
    return [State(each.id, member_changed(each, codes.get(each.id, "")), (each.id,)) for each in found]


def _supplies(tx: Transaction, after: tuple[str, ...] | None, limit: int) -> list[State]:
    repository.lock_registry(tx)
    found = repository.supplies_after(tx.connection, *(after or ("",)), limit=limit)
    holders = repository.members_by_id(tx.connection, {each.member_id for each in found})
    return [State(each.id, supply_changed(each, holders[each.member_id]), (each.account_number,)) for each in found]


def _accesses(tx: Transaction, after: tuple[str, ...] | None, limit: int) -> list[State]:
    repository.lock_registry(tx)
    return [
        State(
            each.account_id,
            events.AccessGranted(
                account_id=each.account_id,
                supply_id=each.supply_id,
                member_id=each.member_id,
                relation=each.relation,
            ),
            (each.account_id, each.supply_id),
        )
        for each in access_repository.accesses_after(tx.connection, *(after or ("", "")), limit=limit)
    ]
