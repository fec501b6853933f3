"""The position of accounts at an instant, as a debt-free certificate rests on it and as the ledger gives it again later.

It names the very entries of the ledger that it is made of, so that nothing that is written afterwards, whatever day it
bears, changes what was known then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import OpenItem
from services.billing.domain.plans import Broken, PlanTerms, in_parts

#: Of one supply, or of every contract of its holder.
SUPPLY, HOLDER = "supply", "holder"
#: What a certificate says besides that nothing is due and unpaid; the strongest that applies.
PLAIN, NOT_YET_DUE, AGREED_PLAN, DISPUTED = "plain", "not_yet_due", "agreed_plan", "disputed"


@dataclass(frozen=True)
class AccountPosition:
    """An account made of `entries` (ids): its unpaid items in parts, oldest first, and its credit.

    `of_member`: only invoices of this member count, where others were invoiced too; "" for all. `plans`: its
    payment plans in force, and how each broke, None for those that are kept.
    """

    supply_id: str
    of_member: str
    entries: tuple[str, ...]
    items: tuple[OpenItem, ...]
    credit: Decimal
    plans: tuple[tuple[PlanTerms, Broken | None], ...] = ()


@dataclass(frozen=True)
class Position:
    """Accounts at `at`, which is `today` where the cooperative is; `disputes` as (dispute id, invoice id)."""

    scope: str
    at: datetime
    today: date
    accounts: tuple[AccountPosition, ...]
    disputes: tuple[tuple[str, str], ...]
    #: Rectifying invoices that are paid in parts.
    in_parts: frozenset[str]

    @property
    def items(self) -> tuple[OpenItem, ...]:
        items = (item for account in self.accounts for item in account.items)
        return tuple(sorted(items, key=lambda item: (item.due_date, item.number)))

    def _is_disputed(self, item: OpenItem) -> bool:
        return any(item.invoice_id == invoice_id for _, invoice_id in self.disputes)

    @property
    def disputed(self) -> tuple[OpenItem, ...]:
        """Of invoices in dispute, due or not: the certificate names them and leaves them out of what it states."""
        return tuple(item for item in self.items if self._is_disputed(item))

    @property
    def due(self) -> tuple[OpenItem, ...]:
        """Due, unpaid and not in dispute: with any of these there is no certificate."""
        return tuple(item for item in self.items if item.due_date < self.today and not self._is_disputed(item))

    @property
    def not_yet_due(self) -> tuple[OpenItem, ...]:
        return tuple(item for item in self.items if item.due_date >= self.today and not self._is_disputed(item))

    @property
    def total_due(self) -> Decimal:
        return sum((item.outstanding for item in self.due), ZERO)

    @property
    def agreed_plan(self) -> bool:
        plans = (plan for account in self.accounts for plan in account.plans)
        kept = {invoice_id for terms, broken in plans if broken is None for invoice_id in terms.invoice_ids}
        return any(item.invoice_id in self.in_parts | kept for item in self.items)

    @property
    def broken(self) -> tuple[tuple[PlanTerms, Broken], ...]:
        """Plans that are broken, each with the instalment by which it is."""
        plans = (plan for account in self.accounts for plan in account.plans)
        return tuple((terms, broken) for terms, broken in plans if broken is not None)

    @property
    def variant(self) -> str:
        if self.disputed:
            return DISPUTED
        if self.agreed_plan:
            return AGREED_PLAN
        return NOT_YET_DUE if self.not_yet_due else PLAIN

    def state(self) -> dict[str, Any]:
        """As it is hashed and kept: texts, lists and truth values alone. Plans are named where there are any, so that what was
        kept before there were plans is the same state still.
        """
        plans = [terms.id for account in self.accounts for terms, _ in account.plans]
        return {
            **({"plans": plans} if plans else {}),
            "scope": self.scope,
            "at": self.at.isoformat(),
            "overdue": text(self.total_due),
            "credit": text(sum((account.credit for account in self.accounts), ZERO)),
            "not_yet_due": texts(self.not_yet_due),
            "disputed": texts(self.disputed),
            "disputes": [list(each) for each in self.disputes],
            "agreed_plan": self.agreed_plan,
            "variant": self.variant,
            "accounts": [
                {
                    "supply_id": account.supply_id,
                    "of_member": account.of_member,
                    "entries": list(account.entries),
                    "items": texts(account.items),
                    "credit": text(account.credit),
                }
                for account in self.accounts
            ],
        }


def text(amount: Decimal) -> str:
    """An amount in cents: the same one is always the same text."""
    return f"{amount:.2f}"


def texts(items: Sequence[OpenItem]) -> list[list[str]]:
    return [[item.invoice_id, item.number, item.due_date.isoformat(), text(item.outstanding)] for item in items]


def still_open(
    opened: Sequence[OpenItem],
    settled: Mapping[str, Decimal],
    rectified: Mapping[str, Sequence[tuple[date, Decimal]]],
    kept: Iterable[PlanTerms] = (),
) -> tuple[OpenItem, ...]:
    """What is unpaid, in parts: `opened` has what each invoice was opened with, `settled` what of it was paid since.

    `rectified`: instalments of rectifying invoices; `kept`: payment plans that are kept.
    """
    left = [replace(item, outstanding=item.outstanding - settled.get(item.invoice_id, ZERO)) for item in opened]
    unpaid = [item for item in left if item.outstanding > 0]
    return in_parts(unpaid, rectified, kept)


def same_items(first: Collection[OpenItem], second: Collection[OpenItem]) -> bool:
    return sorted(texts(tuple(first))) == sorted(texts(tuple(second)))
