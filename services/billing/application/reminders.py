"""Reminders of overdue debts: what is due, sent once per step and debt with the account locked, and accounts on hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from coop.billing.events.v1 import events_pb2 as events
from coop.common.v1 import types_pb2 as types
from sqlalchemy import Connection

from services.billing.application.issuing import INVOICE_TOPIC
from services.billing.domain.bill import ZERO
from services.billing.domain.payments.mandates import Terms
from services.billing.domain.reminders import Due, LeftAlone, Policy, Told, due_reminders, told
from services.billing.jurisdictions.disconnection import Disconnection
from services.billing.repository import essentials, ledger, mandates, read_model, reminders
from services.billing.repository.essentials import EssentialSupply
from services.billing.repository.reminders import Collecting, Hold, Reminder
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date

LONGEST_TEXT = 500
#: Accounts that are looked at together, and that are locked together to be reminded.
_LOOKED_AT, _LOCKED = 200, 20


@dataclass(frozen=True)
class Round:
    """What a command sent, and what it left alone."""

    id: str
    as_of: date
    sent: int
    total: Decimal
    left_alone: tuple[LeftAlone, ...]


@dataclass(frozen=True)
class Standing:
    """A reminder as it was issued, and what is unpaid now of what it was about."""

    reminder: Reminder
    #: As the reminder's debts.
    open_now: tuple[tuple[str, str, date, Decimal], ...]
    #: Whether its supply may not be cut off now, whatever the reminder told.
    essential: EssentialSupply | None = None

    @property
    def owed_now(self) -> Decimal:
        return sum((amount for *_, amount in self.open_now), ZERO)


class Reminders:
    def __init__(
        self, database: Database, rules: Rules, policy: Policy | None, law: Disconnection, terms: Terms | None
    ) -> None:
        """``terms``: of direct debits, None where none are offered; ``policy``: None where no reminders are sent."""
        self._database = database
        self._rules = rules
        self._policy = policy
        self._law = law
        self._terms = terms

    # --------------------------------------------------------------------------------------------------- what is due
    def preview(self, as_of: str) -> Iterator[Due | LeftAlone]:
        """What `send` would do on a day, which may be one to come, with the debts as they are now."""
        policy, day = self._offered(), self._day(as_of)
        with self._database.read() as connection:
            collecting = self._collecting(connection)
            for some in _batches(reminders.overdue_supplies(connection, day), _LOOKED_AT):
                for account in reminders.accounts(connection, some, day, collecting):
                    due, left = due_reminders(policy, account, day, self._rules.country.calendar)
                    yield from due
                    yield from left

    def send(self, key: RequestKey, by: str, as_of: str) -> Round:
        """Issues every reminder that is due, a few accounts in a transaction; Refused for a day to come.

        A command that was interrupted goes on when it is repeated: what it has issued stays issued once.
        """
        policy, day = self._offered(), self._day(as_of)
        if day > self._today():
            raise Refused(f"{day} has not come yet: reminders are sent on the day; look with a preview.", "DAY_TO_COME")
        with self._database.write() as tx:

            def begin() -> str:
                made = new_id()
                reminders.keep_round(tx.connection, made, day, by, tx.clock.now())
                return made

            round_id = tx.once(key, begin)
        with self._database.read() as connection:
            collecting = self._collecting(connection)
            overdue = reminders.overdue_supplies(connection, day)
        left: list[LeftAlone] = []
        for some in _batches(overdue, _LOOKED_AT):
            owing: list[str] = []
            with self._database.read() as connection:
                for account in reminders.accounts(connection, some, day, collecting):
                    due, not_due = due_reminders(policy, account, day, self._rules.country.calendar)
                    if due:
                        owing.append(account.supply_id)
                    else:
                        left += not_due
            for few in _batches(owing, _LOCKED):
                left += self._issue(round_id, policy, few, day, collecting)
        with self._database.read() as connection:
            sent, total = reminders.sums_of_round(connection, round_id)
        return Round(round_id, day, sent, total, tuple(left))

    def _issue(
        self, round_id: str, policy: Policy, supply_ids: Sequence[str], day: date, collecting: Collecting | None
    ) -> list[LeftAlone]:
        """What is due of accounts at this instant: money that came meanwhile, or another command, changes it."""
        with self._database.write() as tx:
            ledger.lock_accounts(tx.connection, supply_ids)
            left: list[LeftAlone] = []
            issued: list[Due] = []
            for account in reminders.accounts(tx.connection, supply_ids, day, collecting):
                due, not_due = due_reminders(policy, account, day, self._rules.country.calendar)
                issued += due
                left += not_due
            for each, law in zip(issued, self._told(tx.connection, issued, day), strict=True):
                reminder_id = new_id()
                reminders.keep(tx.connection, reminder_id, round_id, day, each, law, tx.clock.now())
                # Under its own id, by which notifications tells whether it reached anybody.
                event = self._event(reminder_id, each, law)
                tx.emit(INVOICE_TOPIC, each.account.supply_id, event, event_id=reminder_id)
            return left

    def _told(self, connection: Connection, issued: Sequence[Due], day: date) -> list[Told]:
        """What the law gives the debtor of each."""
        supplies = {
            each.id: each for each in read_model.supplies(connection, {due.account.supply_id for due in issued})
        }
        people = read_model.members(connection, {due.member_id for due in issued})
        law, protected, known = self._law.law(day), self._law.protected_until(day), self._law.essential(day)
        safe = essentials.in_force(connection, supplies, day) if known else {}
        return [
            told(
                law,
                protected,
                supplies.get(due.account.supply_id),
                people.get(due.member_id),
                known.source if known and due.account.supply_id in safe else "",
            )
            for due in issued
        ]

    def _event(self, reminder_id: str, due: Due, law: Told) -> events.ReminderIssued:
        money = self._money
        return events.ReminderIssued(
            reminder_id=reminder_id,
            supply_id=due.account.supply_id,
            member_id=due.member_id,
            account_number=due.account.account_number,
            former_holder=due.former_holder,
            step=due.step.code,
            number=due.step.number,
            proof=due.step.proof,
            debts=[
                events.DueInvoice(
                    number=debt.number, due_date=debt.due_date.isoformat(), outstanding=money(debt.outstanding)
                )
                for debt in due.debts
            ],
            total=money(due.total),
            credit=money(due.account.credit),
            pay_until=due.pay_until.isoformat(),
            cut_off_months=law.months,
            cut_off_source=law.source,
            protected_until=law.protected_until.isoformat() if law.protected_until else "",
        )

    # --------------------------------------------------------------------------------------------- what was reminded of
    def get(self, reminder_id: str) -> Standing:
        with self._database.read() as connection:
            return self._standing(connection, [self._required(connection, reminder_id)])[0]

    def page(
        self, *, supply_id: str, step: str, round_id: str, proof_missing: bool, before: str, limit: int
    ) -> list[Standing]:
        with self._database.read() as connection:
            found = reminders.page(
                connection,
                supply_id=supply_id,
                step=step,
                round_id=round_id,
                proof_missing=proof_missing,
                before=before,
                limit=limit,
            )
            return self._standing(connection, found)

    def note_receipt(self, key: RequestKey, by: str, reminder_id: str, received_on: str, evidence: str) -> Standing:
        """That a reminder which goes with proof was received, and where the proof is. Refused when that is noted already."""
        said, day = _text(evidence, "where the proof of receipt is", "evidence"), _date(received_on, "received_on")

        def act() -> str:
            found = self._required(tx.connection, reminder_id, lock=True)
            if not found.proof:
                raise Refused(f"The step {found.step} needs no proof of receipt.", "NO_PROOF_NEEDED")
            if found.received_on is not None:
                raise Refused(f"It was received on {found.received_on}: {found.evidence}.", "RECEIPT_NOTED")
            if not found.issued_on <= day <= self._today():
                raise Invalid(
                    f"It was issued on {found.issued_on} and cannot have been received on {day} (today is "
                    f"{self._today()}).",
                    field="received_on",
                )
            reminders.note_receipt(tx.connection, found.id, day, said, by)
            return found.id

        with self._database.write() as tx:
            return self._standing(tx.connection, [self._required(tx.connection, tx.once(key, act))])[0]

    def _standing(self, connection: Connection, found: Sequence[Reminder]) -> list[Standing]:
        invoice_ids = {debt[0] for each in found for debt in each.debts}
        open_parts = ledger.open_parts(connection, invoice_ids, self._today())
        safe = essentials.in_force(connection, {each.supply_id for each in found}, self._today())
        return [
            Standing(
                each,
                tuple(
                    (invoice_id, part.number, part.due_date, part.outstanding)
                    for invoice_id, _, due, _ in each.debts
                    for part in open_parts.get(invoice_id, ())
                    if part.due_date == due
                ),
                safe.get(each.supply_id),
            )
            for each in found
        ]

    @staticmethod
    def _required(connection: Connection, reminder_id: str, *, lock: bool = False) -> Reminder:
        found = reminders.by_id(connection, reminder_id.strip(), lock=lock)
        if found is None:
            raise NotFound(f"There is no reminder {reminder_id!r}; 'coopctl reminders list' has them.", "NO_REMINDER")
        return found

    # ----------------------------------------------------------------------------------------------------------- holds
    def hold(self, key: RequestKey, by: str, supply_id: str, until: str, why: str) -> Hold:
        """Leaves an account alone until a day."""
        said, day = _text(why, "why the account is left alone", "why"), _date(until, "until")
        if not self._today() < day <= self._today() + timedelta(days=366):
            raise Invalid(f"until is {day}; give a day after today ({self._today()}), within a year.", field="until")

        def act() -> str:
            if read_model.known_supply(tx.connection, supply_id) is None:
                raise NotFound(f"There is no supply {supply_id!r} in the accounts.", "SUPPLY_NOT_FOUND")
            reminders.hold(tx.connection, Hold(supply_id, day, said, by, tx.clock.now()))
            return supply_id

        with self._database.write() as tx:
            found = tx.once(key, act)
            kept = reminders.holds_of(tx.connection, [found], self._today()).get(found)
        if kept is None:
            raise Refused("The account was released in the meantime.", "HOLD_RELEASED")
        return kept

    def release(self, key: RequestKey, supply_id: str) -> None:
        """Takes a hold away. Refused when there is none."""

        def act() -> str:
            if not reminders.release(tx.connection, supply_id):
                raise Refused("The account is not on hold: 'coopctl reminders holds' says which are.", "NOT_HELD")
            return supply_id

        with self._database.write() as tx:
            tx.once(key, act)

    def holds(self, after: str, limit: int) -> list[tuple[Hold, str]]:
        with self._database.read() as connection:
            return reminders.holds(connection, self._today(), after, limit)

    # ------------------------------------------------------------------------------------------------------------------
    def _collecting(self, connection: Connection) -> Collecting | None:
        return Collecting(self._terms, mandates.in_force(connection)) if self._terms else None

    def _offered(self) -> Policy:
        if self._policy is None:
            raise Refused(
                "This cooperative sends no reminders: its coop.toml has no [reminders] with steps.", "NO_REMINDERS"
            )
        return self._policy

    def _day(self, text: str) -> date:
        return _date(text, "as_of") if text else self._today()

    def _today(self) -> date:
        return self._rules.today(self._database.clock.now())

    def _money(self, amount: Decimal) -> types.Money:
        return types.Money(amount=f"{amount:.2f}", currency_code=self._rules.currency)


def _batches(supply_ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(supply_ids), size):
        yield supply_ids[start : start + size]


def _date(text: str, field: str) -> date:
    try:
        return parse_date(text)
    except ValueError as wrong:
        raise Invalid(f"{field} {wrong}.", field=field) from wrong


def _text(given: str, what: str, field: str) -> str:
    said = given.strip()
    if not 1 <= len(said) <= LONGEST_TEXT:
        raise Invalid(f"Say in 1 to {LONGEST_TEXT} characters {what}; {len(said)} were given.", field=field)
    return said
