"""What members are owed by invitation codes: kept once, taken by invoices, given back by rectifying ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, insert, select, update

from services.billing.repository import upsert
from services.billing.tables import reward, reward_use

INVITER = "inviter"
INVITED = "invited"


@dataclass(frozen=True)
class Reward:
    """Energy that a member is owed; `left_wh` of its `wh` no invoice has given yet."""

    id: str
    redemption_id: str
    side: str
    member_id: str
    wh: int
    left_wh: int
    owed_since: datetime


@dataclass(frozen=True)
class Use:
    """What an invoice gave of a reward, in Wh; below zero what a rectifying invoice gives back."""

    invoice_id: str
    reward_id: str
    supply_id: str
    period_start: date
    wh: int


def owe(connection: Connection, rewards: Iterable[Reward]) -> None:
    """Keeps them; one that is known by its redemption and side stays as it is."""
    rows = [each.__dict__ for each in rewards]
    connection.execute(
        upsert(connection, reward).on_conflict_do_nothing(index_elements=["redemption_id", "side"]), rows
    )


def left(connection: Connection, member_ids: Collection[str], *, lock: bool = False) -> dict[str, list[Reward]]:
    """By member, the oldest first, what has something left; members who are owed nothing are not there.

    `lock` keeps others from taking of them until the transaction ends. In the order of ids, so that two who lock never wait
    for each other.
    """
    query = select(reward).where(reward.c.member_id.in_(list(member_ids)), reward.c.left_wh > 0).order_by(reward.c.id)
    found: dict[str, list[Reward]] = {}
    for row in connection.execute(query.with_for_update() if lock else query).mappings():
        found.setdefault(row["member_id"], []).append(Reward(**row))
    return found


def take(connection: Connection, uses: Collection[Use]) -> None:
    """Keeps what invoices gave, or gave back. The rewards must be locked."""
    if not uses:
        return
    connection.execute(insert(reward_use), [each.__dict__ for each in uses])
    for each in uses:
        changed = {"left_wh": reward.c.left_wh - each.wh}
        connection.execute(update(reward).where(reward.c.id == each.reward_id).values(changed))


def given(connection: Connection, supply_id: str, period_start: date, *, lock: bool = False) -> dict[str, int]:
    """Wh by reward, the oldest first, that the invoice of a supply's month gave, less what those that rectify it gave
    back.
    """
    if lock:
        uses = select(reward_use.c.reward_id).where(
            reward_use.c.supply_id == supply_id, reward_use.c.period_start == period_start
        )
        connection.execute(select(reward.c.id).where(reward.c.id.in_(uses)).order_by(reward.c.id).with_for_update())
    query = (
        select(reward_use.c.reward_id, func.sum(reward_use.c.wh))
        .where(reward_use.c.supply_id == supply_id, reward_use.c.period_start == period_start)
        .group_by(reward_use.c.reward_id)
        .order_by(reward_use.c.reward_id)
    )
    return {reward_id: int(wh) for reward_id, wh in connection.execute(query) if wh}
