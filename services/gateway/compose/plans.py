"""Payment plans, as the invoice, the statement and a refused certificate show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from coop.billing.v1 import billing_pb2, billing_service_pb2

from services.gateway.compose.money import Money


@dataclass(frozen=True)
class PlanPartView:
    """An instalment, its place from 1, and what is left of it."""

    number: int
    due: date
    amount: Money
    left: Money


@dataclass(frozen=True)
class PlanView:
    """A plan that is kept, or broken because `missed` was not paid on its day; `invoices`: their numbers."""

    id: str
    broken: bool
    outstanding: Money
    parts: tuple[PlanPartView, ...]
    invoices: tuple[str, ...]
    missed: PlanPartView | None

    @property
    def next(self) -> PlanPartView | None:
        """The instalment to pay now or next; None of a plan that is broken."""
        return None if self.broken else next((part for part in self.parts if part.left), None)

    @classmethod
    def of(cls, plan: billing_pb2.PaymentPlan) -> PlanView:
        parts = tuple(
            PlanPartView(
                number,
                date.fromisoformat(part.due_date),
                Money.of(part.amount),
                Money.of(part.amount) - Money.of(part.paid),
            )
            for number, part in enumerate(plan.instalments, 1)
        )
        return cls(
            plan.id,
            plan.state == "broken",
            Money.of(plan.outstanding),
            parts,
            tuple(each.invoice_number for each in plan.invoices),
            parts[plan.broken_by - 1] if plan.broken_by else None,
        )


@dataclass(frozen=True)
class BrokenPlanView:
    """Why a certificate is refused: `number` of `of` instalments was not paid on its day, and `missing` of it was not there."""

    number: int
    of: int
    due: date
    missing: Money

    @classmethod
    def each_of(cls, plans: Iterable[billing_service_pb2.BrokenPlan]) -> tuple[BrokenPlanView, ...]:
        return tuple(
            cls(each.position, each.of, date.fromisoformat(each.due_date), Money.of(each.missing)) for each in plans
        )
