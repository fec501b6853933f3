"""What is told of payment plans: that one was agreed or ended, at once, and that one broke or was paid, when it is looked for.

Whether a plan is kept is read from the ledger's days and nothing happens on the day on which one breaks, so somebody has to
look: the round of reminders does.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.issuing import INVOICE_TOPIC
from services.billing.application.plans_found import PlanFound, found_on
from services.billing.domain.plans import BROKEN, ENDED, PAID
from services.billing.domain.position import text
from services.billing.repository import ledger, plans, read_model
from services.billing.rules import Rules
from services.chassis.db import Database, Transaction

#: Plans that are looked at in one transaction.
_AT_ONCE = 50


class PlanNews:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def agreed(self, tx: Transaction, found: PlanFound) -> None:
        """In the transaction of who agreed on it."""
        plan = found.plan
        event = events.PaymentPlanAgreed(
            plan_id=plan.id,
            supply_id=plan.supply_id,
            member_id=plan.member_id,
            account_number=found.account_number,
            former_holder=_former_holder(tx.connection, found),
            invoice_numbers=found.numbers,
            instalments=[
                events.PlanInstalment(due_date=part.due_date.isoformat(), amount=self._money(part.amount))
                for part in plan.terms.instalments
            ],
            total=self._money(plan.terms.total),
        )
        tx.emit(INVOICE_TOPIC, plan.supply_id, event)

    def ended(self, tx: Transaction, found: PlanFound, reason: str) -> None:
        """In the transaction of who ended it."""
        self._over(tx, found, ENDED, reason)

    def tell(self) -> int:
        """Tell of every plan that broke or was paid since somebody looked; how many. Each is told once of either."""
        with self._database.read() as connection:
            waiting = plans.untold(connection)
        told = 0
        for start in range(0, len(waiting), _AT_ONCE):
            told += self._tell(waiting[start : start + _AT_ONCE])
        return told

    def _tell(self, some: Sequence[tuple[str, str]]) -> int:
        """(plan, supply) of each. With the accounts locked: a payment that comes meanwhile changes it, or another round."""
        told = 0
        with self._database.write() as tx:
            ledger.lock_accounts(tx.connection, [supply_id for _, supply_id in some])
            today = self._rules.today(tx.clock.now())
            for plan, before in plans.untold_of(tx.connection, [plan_id for plan_id, _ in some]):
                found = found_on(tx.connection, plan, today)
                if found.state in (BROKEN, PAID) and found.state != before:
                    self._over(tx, found, found.state)
                    plans.mark_told(tx.connection, plan.id, found.state)
                    told += 1
        return told

    def _over(self, tx: Transaction, found: PlanFound, outcome: str, reason: str = "") -> None:
        plan, broken = found.plan, found.broken if outcome == BROKEN else None
        event = events.PaymentPlanOver(
            plan_id=plan.id,
            supply_id=plan.supply_id,
            member_id=plan.member_id,
            account_number=found.account_number,
            former_holder=_former_holder(tx.connection, found),
            invoice_numbers=found.numbers,
            outcome=outcome,
            instalments=len(plan.terms.instalments),
            outstanding=self._money(found.left),
            reason=reason,
        )
        if broken is not None:
            event.instalment = broken.position
            event.due_date = broken.due_date.isoformat()
            event.missing.CopyFrom(self._money(broken.missing))
        tx.emit(INVOICE_TOPIC, plan.supply_id, event)

    def _money(self, amount: Decimal) -> types.Money:
        return types.Money(amount=text(amount), currency_code=self._rules.currency)


def _former_holder(connection: Connection, found: PlanFound) -> bool:
    held = read_model.supplies(connection, [found.plan.supply_id])
    return bool(held) and held[0].member_id != found.plan.member_id
