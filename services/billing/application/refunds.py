"""Refunds of payments: one person up to the limit of the profile, a second and different one above it."""

from __future__ import annotations

from decimal import Decimal

from services.billing.application.receiving import Outgoing, Receiving
from services.billing.domain.bill import ZERO
from services.billing.domain.ledger import REFUND, check_amount
from services.billing.repository import ledger, refunds, reversals
from services.billing.repository.ledger import Payment
from services.billing.repository.refunds import PAID, REJECTED, REQUESTED, STATES, Refund
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id

LONGEST_WHY = 500


class Refunds:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._receiving = Receiving(rules)

    def request(
        self, key: RequestKey, person: str, payment_id: str, amount: Decimal, currency: str, why: str
    ) -> Refund:
        """Asks for a refund, and pays it when one person is enough.

        NotFound for a payment that is none; Refused for more than what is left of it and not asked for already.
        """
        check_amount(amount, currency, self._rules.currency)
        reason = _reason(why, "the payment is refunded")
        with self._database.write() as tx:
            made = tx.once(key, lambda: self._request(tx, person, payment_id, amount, reason))
            return self._of(tx, made)

    def approve(self, key: RequestKey, person: str, refund_id: str) -> Refund:
        """Pays a refund that waits. Refused for the person who asked for it, and for one that is decided."""
        with self._database.write() as tx:
            tx.once(key, lambda: self._approve(tx, person, refund_id))
            return self._of(tx, refund_id)

    def reject(self, key: RequestKey, person: str, refund_id: str, why: str) -> Refund:
        """Lays a refund that waits aside, for a reason that is kept; who asked for it may do so too."""
        reason = _reason(why, "the refund is rejected")
        with self._database.write() as tx:
            tx.once(key, lambda: self._reject(tx, person, refund_id, reason))
            return self._of(tx, refund_id)

    def list(self, state: str, *, before: str, limit: int) -> list[Refund]:
        """Newest first; Invalid for a state that is none."""
        if state and state not in STATES:
            raise Invalid(f"There is no state {state!r} of refunds; use one of {', '.join(STATES)}.", field="state")
        with self._database.read() as connection:
            return refunds.page(connection, state, before=before, limit=limit)

    def _request(self, tx: Transaction, person: str, payment_id: str, amount: Decimal, why: str) -> str:
        connection = tx.connection
        found = self._locked_payment(tx, payment_id)
        waiting = refunds.waiting_of(connection, found.id)
        left = found.amount - reversals.returned_of(connection, found.id) - waiting
        if amount > left:
            asked = f", {waiting} of it asked for already" if waiting else ""
            raise Refused(
                f"The payment of {found.amount} on {found.paid_on} has {left} left that can be refunded{asked}, "
                f"not {amount}.",
                "MORE_THAN_THE_PAYMENT",
            )
        alone = sum((each.amount for each in refunds.of_payment(connection, found.id) if each.alone), ZERO)
        # In parts it is the same money: what one person refunded of the payment before counts.
        second = alone + amount > self._rules.refund_limit
        made, now = new_id(), tx.clock.now()
        refunds.keep(
            connection,
            Refund(made, found.id, found.supply_id, amount, why, REQUESTED, person, now, "", None, "", None),
        )
        if not second:
            self._pay(tx, made, found, amount, why, person)
        return made

    def _approve(self, tx: Transaction, person: str, refund_id: str) -> str:
        waits = self._waiting(tx, refund_id)
        if waits.requested_by == person:
            raise Refused(
                f"You asked for the refund of {waits.amount} yourself: above {self._rules.refund_limit} somebody else "
                "has to approve it.",
                "OWN_REFUND",
            )
        payment = ledger.payment_by_id(tx.connection, waits.payment_id)
        self._pay(tx, refund_id, payment, waits.amount, waits.why, person)
        return refund_id

    def _reject(self, tx: Transaction, person: str, refund_id: str, why: str) -> str:
        self._waiting(tx, refund_id)
        refunds.decide(tx.connection, refund_id, REJECTED, person, tx.clock.now(), why=why, reversal_id=None)
        return refund_id

    def _pay(self, tx: Transaction, refund_id: str, payment: Payment, amount: Decimal, why: str, person: str) -> None:
        today = self._rules.today(tx.clock.now())
        order = Outgoing(payment.id, REFUND, amount, today, "", why, person)
        back = self._receiving.give_back(tx, order)
        refunds.decide(tx.connection, refund_id, PAID, person, tx.clock.now(), reversal_id=back.id)

    def _locked_payment(self, tx: Transaction, payment_id: str) -> Payment:
        found = ledger.find_payment(tx.connection, payment_id)
        if found is None:
            raise NotFound(f"There is no payment {payment_id!r}; 'coopctl payments list' has their ids.", "NO_PAYMENT")
        ledger.lock_accounts(tx.connection, [found.supply_id])
        return found

    def _waiting(self, tx: Transaction, refund_id: str) -> Refund:
        """The refund under its account's lock, so that two people decide one after the other."""
        if (found := refunds.find(tx.connection, refund_id)) is None:
            raise NotFound(f"There is no refund {refund_id!r}; look at the list of refunds.", "NO_REFUND")
        self._locked_payment(tx, found.payment_id)
        found = self._of(tx, refund_id)
        if found.state != REQUESTED:
            raise Refused(f"The refund was {found.state} before, by {found.decided_by}.", "ALREADY_DECIDED")
        return found

    def _of(self, tx: Transaction, refund_id: str) -> Refund:
        found = refunds.find(tx.connection, refund_id)
        assert found is not None
        return found


def _reason(text: str, what: str) -> str:
    reason = text.strip()
    if not 1 <= len(reason) <= LONGEST_WHY:
        raise Invalid(f"Say in 1 to {LONGEST_WHY} characters why {what}.", field="why")
    return reason
