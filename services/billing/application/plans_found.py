"""A payment plan as it is on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from services.billing.domain.bill import ZERO
from services.billing.domain.plans import BROKEN, ENDED, KEPT, PAID, Broken
from services.billing.repository import plans, read_model
from services.billing.repository.plans import Plan


@dataclass(frozen=True)
class PlanFound:
    """A plan today: numbers and what is unpaid of its invoices, in their order, and what is paid of each instalment."""

    plan: Plan
    account_number: str
    numbers: tuple[str, ...]
    unpaid: tuple[Decimal, ...]
    paid: tuple[Decimal, ...]
    broken: Broken | None

    @property
    def left(self) -> Decimal:
        return sum(self.unpaid, ZERO)

    @property
    def state(self) -> str:
        if self.plan.ended_at is not None:
            return ENDED
        if not self.left:
            return PAID
        return BROKEN if self.broken else KEPT


def found_on(connection: Connection, plan: Plan, today: date) -> PlanFound:
    """What has become of a plan by a day."""
    items, broken = plans.standing(connection, plan, today)
    by_id = {item.invoice_id: item for item in items}
    ordered = [by_id[invoice_id] for invoice_id in plan.terms.invoice_ids]
    unpaid = tuple(item.outstanding for item in ordered)
    return PlanFound(
        plan,
        read_model.account_numbers(connection, [plan.supply_id]).get(plan.supply_id, ""),
        tuple(item.number for item in ordered),
        unpaid,
        plan.terms.paid_of_each(sum(unpaid, ZERO)),
        broken,
    )


def open_plans(connection: Connection, supply_id: str, today: date) -> tuple[PlanFound, ...]:
    """The plans of an account that are kept or broken, not those that are paid or ended."""
    found = (found_on(connection, plan, today) for plan in plans.of_account(connection, supply_id))
    return tuple(each for each in found if each.state in (KEPT, BROKEN))
