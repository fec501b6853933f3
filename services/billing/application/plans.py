"""Payment plans: agreed by the office for unpaid invoices of an account, looked at, and ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from services.billing.application.plan_news import PlanNews
from services.billing.application.plans_found import PlanFound, found_on
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import OpenItem
from services.billing.domain.plans import ENDED, PAID, PlanTerms, check_first, planned
from services.billing.repository import corrections, disputes, invoices, ledger, plans, read_model, remittances
from services.billing.repository.invoices import Issued
from services.billing.repository.plans import Plan
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date

LONGEST_REASON = 500


class Plans:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._news = PlanNews(database, rules)

    def agree(
        self, key: RequestKey, by: str, supply_id: str, count: int, first: str, wanted: Sequence[str]
    ) -> PlanFound:
        """A plan of `count` monthly instalments from a day on, for the invoices named, by number or id.

        Without any, for all that the holder has to pay by that day and that can be in one. Refused for an invoice that is
        paid, in dispute, in a plan, in instalments or in a remittance already, or due only after the first instalment.
        """
        with self._database.write() as tx:
            plan_id = tx.once(key, lambda: self._agree(tx, by, supply_id, count, first, wanted))
            return self._of(tx.connection, plan_id)

    def end(self, key: RequestKey, by: str, plan_id: str, reason: str) -> PlanFound:
        """Each invoice is due again since its own date. Refused for one that is ended or paid."""
        said = reason.strip()
        if not 1 <= len(said) <= LONGEST_REASON:
            raise Invalid(f"Say in 1 to {LONGEST_REASON} characters why the plan ends.", field="reason")

        def act() -> str:
            ledger.lock_accounts(tx.connection, [self._of(tx.connection, plan_id).plan.supply_id])
            found = self._of(tx.connection, plan_id)
            if found.state in (ENDED, PAID):
                raise Refused(
                    f"The plan {found.plan.id} is {found.state} already: there is nothing to end.", "PLAN_OVER"
                )
            plans.end(tx.connection, found.plan.id, said, by, tx.clock.now())
            self._news.ended(tx, found, said)
            return found.plan.id

        with self._database.write() as tx:
            return self._of(tx.connection, tx.once(key, act))

    def get(self, plan_id: str) -> PlanFound:
        with self._database.read() as connection:
            return self._of(connection, plan_id)

    def page(self, supply_id: str, *, with_ended: bool, before: str, limit: int) -> list[PlanFound]:
        """Newest first, of one supply or of all."""
        with self._database.read() as connection:
            found = plans.page(connection, supply_id, with_ended=with_ended, before=before, limit=limit)
            return [found_on(connection, plan, self._today()) for plan in found]

    # ------------------------------------------------------------------------------------------------------- agreeing
    def _agree(self, tx: Transaction, by: str, supply_id: str, count: int, first: str, wanted: Sequence[str]) -> str:
        connection = tx.connection
        if read_model.known_supply(connection, supply_id) is None:
            raise NotFound(f"There is no supply {supply_id!r} in the accounts.", "SUPPLY_NOT_FOUND")
        today = self._today()
        begin = _date(first)
        check_first(begin, today)
        ledger.lock_accounts(connection, [supply_id])
        # In the order of their own dates, which is that in which they are paid.
        unpaid = {item.invoice_id: item for item in ledger.unpaid(connection, supply_id)}
        refusals = self._refusals(connection, supply_id, unpaid, begin)
        chosen = (
            self._named(connection, supply_id, wanted, unpaid, refusals)
            if wanted
            else [item for item in unpaid.values() if item.invoice_id not in refusals]
        )
        known = remittances.invoices_of(connection, [item.invoice_id for item in chosen])
        members = {known[item.invoice_id].member_id for item in chosen}
        if not wanted:
            held = read_model.supplies(connection, [supply_id])[0].member_id
            chosen = [item for item in chosen if known[item.invoice_id].member_id == held]
            members = {held}
        if not chosen:
            why = "; ".join(sorted(refusals.values())) or "nothing of it is unpaid"
            raise Refused(f"There is nothing to pay in instalments on this account: {why}.", "NOTHING_TO_PLAN")
        if len(members) > 1:
            raise Refused(
                "The invoices are of different holders, and a plan is agreed with one person: make one for each.",
                "SEVERAL_HOLDERS",
            )
        amounts = tuple(item.outstanding for item in chosen)
        parts = planned(sum(amounts, ZERO), begin, count, self._rules.country.calendar)
        terms = PlanTerms(new_id(), tuple(item.invoice_id for item in chosen), parts)
        plans.keep(connection, Plan(terms, amounts, supply_id, members.pop(), by, tx.clock.now()))
        self._news.agreed(tx, self._of(connection, terms.id))
        return terms.id

    @staticmethod
    def _named(
        connection: Connection,
        supply_id: str,
        wanted: Sequence[str],
        unpaid: dict[str, OpenItem],
        refusals: dict[str, str],
    ) -> list[OpenItem]:
        names: set[str] = set()
        for name in wanted:
            found: Issued | None = invoices.find(connection, name.strip())
            if found is None or found.supply_id != supply_id:
                raise NotFound(f"There is no invoice {name!r} of this supply; look at its list.", "NO_INVOICE")
            if found.id not in unpaid:
                raise Refused(
                    f"Nothing of invoice {found.number} is unpaid; leave it out of the plan.", "NOTHING_UNPAID"
                )
            if found.id in refusals:
                raise Refused(f"{refusals[found.id]}.", "NOT_FOR_A_PLAN")
            names.add(found.id)
        return [item for invoice_id, item in unpaid.items() if invoice_id in names]

    @staticmethod
    def _refusals(connection: Connection, supply_id: str, unpaid: dict[str, OpenItem], begin: date) -> dict[str, str]:
        """Why unpaid invoices cannot be in a plan, by id."""
        found: dict[str, str] = {}
        disputed = {invoice_id for _, invoice_id in disputes.open_of_accounts(connection, [supply_id])}
        rectified = corrections.instalments_of(connection, unpaid)
        planned_already = {
            invoice_id: plan
            for plan in plans.of_account(connection, supply_id)
            for invoice_id in plan.terms.invoice_ids
        }
        collected = remittances.open_of(connection, unpaid)
        for invoice_id, item in unpaid.items():
            if invoice_id in planned_already:
                plan = planned_already[invoice_id]
                why = f"is in the payment plan {plan.id} of {plan.agreed_at:%Y-%m-%d} already; end that one first"
            elif invoice_id in disputed:
                why = "is in dispute; close the dispute first"
            elif len(rectified.get(invoice_id, ())) > 1:
                why = "is paid in the instalments of its rectification already"
            elif invoice_id in collected:
                why = f"is in the remittance {collected[invoice_id]}; wait until it is settled, or discard it"
            elif item.due_date > begin:
                why = f"is due on {item.due_date}, after the first instalment; begin later, or leave it out"
            else:
                continue
            found[invoice_id] = f"Invoice {item.number} {why}"
        return found

    # --------------------------------------------------------------------------------------------------------- reading
    def _of(self, connection: Connection, plan_id: str) -> PlanFound:
        found = plans.by_id(connection, plan_id.strip())
        if found is None:
            raise NotFound(f"There is no payment plan {plan_id!r}; look at the list of plans.", "NO_PLAN")
        return found_on(connection, found, self._today())

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())


def _date(text: str) -> date:
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"first {wrong}.", field="first") from wrong
