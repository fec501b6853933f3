"""The office's cash-up of a day, and closing the till."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from services.billing.domain.ledger import check_amount, till_difference_entry
from services.billing.repository import ledger
from services.billing.repository import till as store
from services.billing.repository.till import Moved, TillCount
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, Refused
from services.chassis.ids import new_id
from services.chassis.periods import parse_date

LONGEST_WHY = 500


@dataclass(frozen=True)
class CashUp:
    """What moved on a day, the till at its start and end by the ledger, and what was counted once it is closed."""

    day: date
    moved: tuple[Moved, ...]
    opening: Decimal
    closing: Decimal
    count: TillCount | None


class Till:
    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    def cash_up(self, text: str) -> CashUp:
        """Of a day as ISO date, today when empty."""
        day = self._day(text)
        with self._database.read() as connection:
            opening, closing = store.cash_on(connection, day)
            count = store.counts_of(connection, [day]).get(day)
            return CashUp(day, tuple(store.moved_on(connection, day)), opening, closing, count)

    def close(self, key: RequestKey, person: str, text: str, counted: Decimal, currency: str, why: str) -> CashUp:
        """Keeps what was counted and books the difference, which needs a reason. Refused for a day that is closed."""
        day = self._day(text)
        if counted:
            check_amount(counted, currency, self._rules.currency)
        with self._database.write() as tx:
            tx.once(key, lambda: self._close(tx, person, day, counted, why.strip()))
        return self.cash_up(day.isoformat())

    def _close(self, tx: Transaction, person: str, day: date, counted: Decimal, why: str) -> str:
        connection, now = tx.connection, tx.clock.now()
        until = store.closed_until(connection, lock=True)
        if until is not None and day <= until:
            raise Refused(f"The till of {day} is closed: it was closed up to {until}.", "TILL_CLOSED")
        _, expected = store.cash_on(connection, day)
        entry_id = None
        if counted != expected:
            if not 1 <= len(why) <= LONGEST_WHY:
                raise Invalid(
                    f"{counted} was counted and the ledger has {expected} in the till; say in 1 to {LONGEST_WHY} "
                    "characters why, or count again.",
                    field="why",
                )
            entry_id = new_id()
            ledger.keep_entries(connection, [(entry_id, till_difference_entry(day, counted - expected))], now)
        store.close(connection, TillCount(day, expected, counted, why, entry_id, person, now))
        return day.isoformat()

    def _day(self, text: str) -> date:
        today = self._rules.today(self._database.clock.now())
        try:
            day = parse_date(text) if text else today
        except ValueError as wrong:
            raise Invalid(f"The day {wrong}.", field="day") from wrong
        if day > today:
            raise Invalid(f"{day} is in the future (today is {today}).", field="day")
        return day
