"""Movements that wait for a person: whose they are, what they settle, or that they are none of ours; who decided and why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from services.billing.application.bank_matching import CAME_BACK, BankMatching
from services.billing.domain.bank_entries import CLEARING
from services.billing.repository import bank_candidates, bank_files, invoices, ledger
from services.billing.repository.bank_files import IGNORED, MATCHED, QUEUED, SETTLED, WAITING, Decision, Movement
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id

LONGEST_WHY = 500
STAFF = "staff"
#: The decision that what was made of a movement was wrong; it is QUEUED again.
UNMATCHED = "unmatched"
#: States of movements of which that can be said.
DECIDED = (MATCHED, SETTLED, IGNORED)


@dataclass(frozen=True)
class Listed:
    movement: Movement
    payments: Sequence[str]
    decision: Decision | None


class BankQueue:
    def __init__(self, database: Database, matching: BankMatching) -> None:
        self._database = database
        self._matching = matching

    def movements(self, states: Sequence[str], file_id: str, *, after: str, limit: int) -> list[Listed]:
        """Movements in the order in which they came, of some states or of a file or of all."""
        unknown = sorted(set(states) - set(bank_files.STATES))
        if unknown:
            raise Invalid(
                f"The state {unknown[0]!r} is not known; use one of {', '.join(bank_files.STATES)}.", field="states"
            )
        with self._database.read() as connection:
            found = bank_files.list_movements(connection, states, file_id, after=after, limit=limit)
            ids = [each.id for each in found]
            payments = bank_files.payments_of(connection, ids)
            decisions = bank_files.decisions_of(connection, ids)
        return [Listed(each, payments.get(each.id, ()), decisions.get(each.id)) for each in found]

    def match(
        self, key: RequestKey, actor: str, movement_id: str, invoice_names: Sequence[str], supply: str, why: str
    ) -> Listed:
        """Money in pays an invoice, several that it pays together, or an account. What exceeds the debt becomes credit."""
        if bool(invoice_names) == bool(supply):
            raise Invalid("Say what was paid: one or more invoices, or a supply.", field="invoices")

        def decide(tx: Transaction, movement: Movement) -> str:
            if movement.amount <= 0:
                raise Refused(
                    f"The movement of {movement.amount} is money that left: settle or ignore it.", "NOT_A_PAYMENT"
                )
            ids, supply_id, target = self._named(tx, movement, invoice_names, supply)
            self._matching.pay(tx, movement, ids, supply_id, actor)
            bank_files.put(tx.connection, movement.id, MATCHED, STAFF, why, target)
            return ", ".join(target)

        return self._decide(key, actor, movement_id, MATCHED, why, decide)

    def unmatch(self, key: RequestKey, actor: str, movement_id: str, why: str) -> Listed:
        """What a rule or a person made of a movement was wrong: it waits again, and what was booked of it is reversed.

        Refused when any of what it paid went back, and for a direct debit that came back, whose invoice is open again.
        """

        def decide(tx: Transaction, movement: Movement) -> str:
            if movement.entry_id is None or movement.rule == CAME_BACK:
                raise _not_decided(movement)
            target = ", ".join(movement.candidates)
            if movement.state == MATCHED:
                self._matching.take_off(tx, movement, why, actor)
                was = f"had paid {target or 'an account'}"
            elif movement.state == SETTLED:
                # A rule is named by the account that it settles; what a person named is with the decision.
                made = bank_files.decisions_of(tx.connection, [movement.id])
                target = made[movement.id].target if movement.rule == STAFF else movement.rule
                self._matching.unsettle(tx, movement, target)
                was = f"had settled {target}"
            else:
                self._matching.bring_back(tx, movement)
                was = "was ignored"
            bank_files.put(tx.connection, movement.id, QUEUED, "", f"It {was}, wrongly: {why}")
            return target

        return self._decide(key, actor, movement_id, UNMATCHED, why, decide, only=DECIDED)

    def settle(self, key: RequestKey, actor: str, movement_id: str, account: str, why: str) -> Listed:
        """The movement is what was on its way as card, direct debit or by a collector, or takes such back."""
        if account not in CLEARING:
            raise Invalid(
                f"{account!r} is no account of money on its way; use one of {', '.join(CLEARING)}.", field="account"
            )

        def decide(tx: Transaction, movement: Movement) -> str:
            if movement.source != "statement":
                raise Refused(
                    "The movement is of a collector's file; what settles it comes with a bank statement.",
                    "NOT_AT_THE_BANK",
                )
            self._matching.settle(tx, movement, account)
            bank_files.put(tx.connection, movement.id, SETTLED, STAFF, why)
            return account

        return self._decide(key, actor, movement_id, SETTLED, why, decide)

    def ignore(self, key: RequestKey, actor: str, movement_id: str, why: str) -> Listed:
        """The movement has nothing to do with members' accounts: it leaves these books and stays in the list."""

        def decide(tx: Transaction, movement: Movement) -> str:
            self._matching.set_aside(tx, movement)
            bank_files.put(tx.connection, movement.id, IGNORED, STAFF, why)
            return ""

        return self._decide(key, actor, movement_id, IGNORED, why, decide)

    def _named(
        self, tx: Transaction, movement: Movement, names: Sequence[str], supply: str
    ) -> tuple[list[str], str, list[str]]:
        """Invoice ids, supply id, and what they are called; their accounts are locked."""
        if supply:
            supply_id = bank_candidates.supply_named(tx.connection, supply.strip())
            if supply_id is None:
                raise NotFound(f"There is no supply {supply!r}; give its account number, such as 5555/1.", "NO_SUPPLY")
            return [], supply_id, [supply.strip()]
        found = {}
        for name in names:
            invoice = invoices.find(tx.connection, name.strip())
            if invoice is None:
                raise NotFound(
                    f"There is no invoice {name!r}; copy its number from the invoice, such as E-2026-000123.",
                    "NO_INVOICE",
                )
            found[invoice.id] = invoice
        ledger.lock_accounts(tx.connection, {each.supply_id for each in found.values()})
        if len(found) > 1:
            unpaid = ledger.outstanding_of(tx.connection, list(found))
            left = sum(unpaid.values())
            if left != movement.amount:
                raise Refused(
                    f"Of the {len(found)} invoices {left} is unpaid together, and the movement is of {movement.amount}; "
                    "name one invoice, or the supply.",
                    "NOT_THEIR_SUM",
                )
        return list(found), "", [each.number for each in found.values()]

    def _decide(
        self,
        key: RequestKey,
        actor: str,
        movement_id: str,
        decision: str,
        why: str,
        action: Callable[[Transaction, Movement], str],
        only: Collection[str] = WAITING,
    ) -> Listed:
        """`only`: the states of a movement about which this can be decided."""
        why = " ".join(why.split())
        if not why or len(why) > LONGEST_WHY:
            raise Invalid(
                f"Say why in 1 to {LONGEST_WHY} characters; it has {len(why)}. It is kept with your name.", field="why"
            )

        def decide() -> str:
            movement = bank_files.find(tx.connection, movement_id, lock_it=True)
            if movement is None:
                raise NotFound(
                    f"There is no movement {movement_id!r}; 'coopctl payments queue list' shows those that wait.",
                    "NO_MOVEMENT",
                )
            if movement.state not in only:
                if only is DECIDED:
                    raise _not_decided(movement)
                raise Refused(f"{_known(movement)} already: {movement.sentence}", "MOVEMENT_NOT_WAITING")
            target = action(tx, movement)
            row = Decision(new_id(), movement.id, decision, target, why, actor[:80], tx.clock.now())
            bank_files.keep_decision(tx.connection, row)
            return movement.id

        with self._database.write() as tx:
            found_id = tx.once(key, decide)
            found = bank_files.find(tx.connection, found_id)
            assert found is not None
            payments = bank_files.payments_of(tx.connection, [found_id])
            decisions = bank_files.decisions_of(tx.connection, [found_id])
        return Listed(found, payments.get(found_id, ()), decisions.get(found_id))


def _known(movement: Movement) -> str:
    return f"The movement of {movement.amount} on {movement.booked_on} is {movement.state}"


def _not_decided(movement: Movement) -> Refused:
    return Refused(f"{_known(movement)} and nothing of it can be taken back: {movement.sentence}", "NOT_MATCHED")
