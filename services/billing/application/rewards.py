"""Energy owed by invitation codes: what a bill may give of it, and which rewards an invoice took it from.

A member's next bills of electricity give what the member is owed, each at its own mean energy price and never more energy
than it has; the rest stays owed. Bills are priced before any row is locked: whoever issues them locks the rewards, and
prices again where another invoice has taken of them meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from coop.supplies.events.v1.events_pb2 import InvitationRedeemed
from sqlalchemy import Connection

from services.billing.application.pricing import Draft, draft_of
from services.billing.domain.rewards import allocated, given_wh, invitation, invited_wh
from services.billing.repository import rewards
from services.billing.repository.invoices import SERVICE, Details, Issued
from services.billing.repository.rewards import INVITED, INVITER, Reward, Use
from services.billing.rules import Rules
from services.chassis.db import Transaction
from services.chassis.errors import Conflict
from services.chassis.ids import new_id


def owe(tx: Transaction, event: InvitationRedeemed) -> None:
    """Both members are owed the energy; heard again, nothing changes."""
    sides = ((INVITER, event.inviter_member_id), (INVITED, event.invited_member_id))
    now = tx.clock.now()
    rewards.owe(
        tx.connection,
        [Reward(new_id(), event.redemption_id, side, member_id, event.wh, event.wh, now) for side, member_id in sides],
    )


class Purse:
    """What the holders of drafts are owed, locked until the transaction ends."""

    def __init__(self, connection: Connection, rules: Rules, drafts: Iterable[Draft]) -> None:
        self._connection = connection
        self._rules = rules
        self._left = rewards.left(connection, {draft.supply.member_id for draft in drafts}, lock=True)

    def settled(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts, each with what is left for it after those before: priced again where they gave something else."""
        left = {member_id: sum(each.left_wh for each in found) for member_id, found in self._left.items()}
        made = []
        for draft in drafts:
            owed = left.get(draft.supply.member_id, 0)
            terms = replace(draft.terms, discounts=(*draft.own_discounts, *invitation(draft.segments, owed)))
            if terms != draft.terms:
                draft = draft_of(
                    self._rules,
                    draft.supply,
                    draft.holder,
                    draft.segments,
                    draft.energies,
                    terms,
                    draft.bill.period,
                    draft.bill.accrual_date,
                )
            left[draft.supply.member_id] = owed - given_wh(draft.bill.lines)
            made.append(draft)
        return made

    def take(self, issued: Sequence[tuple[Issued, Details]]) -> None:
        """Keeps which rewards the invoices gave, the oldest first."""
        uses: list[Use] = []
        for row, details in issued:
            wh = given_wh(details.lines) if row.kind == SERVICE else 0
            if not wh:
                continue
            found = self._left[row.member_id]
            taken = allocated({each.id: each.left_wh for each in found}, wh)
            self._left[row.member_id] = [replace(each, left_wh=each.left_wh - taken.get(each.id, 0)) for each in found]
            uses += _uses(row, taken)
        rewards.take(self._connection, uses)


class Kept:
    """What an invoice gave, locked while it is rectified: the corrected one gives it again, for as much energy as it has."""

    def __init__(self, connection: Connection, original: Issued, draft: Draft) -> None:
        """Conflict when another rectifying invoice gave of it back since the draft was priced."""
        self._connection = connection
        self._given = rewards.given(connection, original.supply_id, original.period_start, lock=True)
        if sum(self._given.values()) != invited_wh(draft.terms):
            raise Conflict(
                f"What invoice {original.number} gave by invitation changed while it was rectified; do it again.",
                "ACCOUNT_CHANGED",
            )
        self._back = sum(self._given.values()) - given_wh(draft.bill.lines)

    def give_back(self, row: Issued) -> None:
        """What the corrected energy cannot use is owed again, the newest reward first."""
        newest_first = dict(reversed(self._given.items()))
        taken = allocated(newest_first, self._back)
        rewards.take(self._connection, _uses(row, {reward_id: -wh for reward_id, wh in taken.items()}))


def _uses(row: Issued, taken: Mapping[str, int]) -> list[Use]:
    return [Use(row.id, reward_id, row.supply_id, row.period_start, wh) for reward_id, wh in taken.items()]
