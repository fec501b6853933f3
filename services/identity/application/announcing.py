"""What others keep copies of: accounts that were activated, with their confirmed addresses."""

from __future__ import annotations

from coop.identity.events.v1 import events_pb2 as events

from services.chassis.announcing import Announced, State
from services.chassis.db import Transaction
from services.identity import repository
from services.identity.application.core import TOPIC


def announced() -> list[Announced]:
    return [Announced("accounts", TOPIC, _accounts)]


def _accounts(tx: Transaction, after: tuple[str, ...] | None, limit: int) -> list[State]:
    return [
        State(
            each.id,
            events.AccountUpdated(account_id=each.id, email=each.email, name=each.name, language=each.language),
            (each.id,),
        )
        for each in repository.lock_active_accounts(tx, *(after or ("",)), limit=limit)
    ]
