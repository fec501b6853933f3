"""Which supplies the law does not let be cut off: noted with the paper that says so, renewed, and ended.

Reminders look at the day itself, when they are issued and whenever they are shown: a paper that came after the demand counts,
and one that ended does not.
"""

from __future__ import annotations

from datetime import date, timedelta

from services.billing.jurisdictions.disconnection import Disconnection
from services.billing.repository import essentials, read_model
from services.billing.repository.essentials import EssentialSupply
from services.billing.rules import Rules
from services.chassis.db import Database, RequestKey
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.periods import parse_date

LONGEST_TEXT = 500
LONGEST = timedelta(days=20 * 366)


class EssentialSupplies:
    def __init__(self, database: Database, rules: Rules, law: Disconnection) -> None:
        self._database = database
        self._rules = rules
        self._law = law

    def note(
        self, key: RequestKey, by: str, supply_id: str, kind: str, until: str, evidence: str
    ) -> tuple[EssentialSupply, str]:
        """The supply may not be cut off, until its paper ends ("": it has no end); with its account number.

        Refused where the country's list is not known; Invalid for a kind that is not on it or that needs an end.
        """
        today = self._rules.today(self._database.clock.now())
        known = self._law.essential(today)
        if known is None:
            raise Refused(
                "Which supplies may not be cut off is not known for this country: put a row 'essential' with its source "
                "into its disconnection.toml.",
                "NO_ESSENTIAL_SUPPLIES",
            )
        day, said = _day(until, today), evidence.strip()
        known.check(kind, day)
        if not 1 <= len(said) <= LONGEST_TEXT:
            raise Invalid(
                f"Say in 1 to {LONGEST_TEXT} characters where the paper is; {len(said)} were given.", field="evidence"
            )

        def act() -> str:
            if read_model.known_supply(tx.connection, supply_id) is None:
                raise NotFound(f"There is no supply {supply_id!r} in the accounts.", "SUPPLY_NOT_FOUND")
            essentials.note(tx.connection, EssentialSupply(supply_id, kind, day, said, by, tx.clock.now()))
            return supply_id

        with self._database.write() as tx:
            noted = tx.once(key, act)
            kept = essentials.of(tx.connection, noted)
            if kept is None:
                raise Refused("It was ended in the meantime.", "ESSENTIAL_ENDED")
            return kept, read_model.account_numbers(tx.connection, [noted]).get(noted, "")

    def end(self, key: RequestKey, supply_id: str) -> None:
        """It is essential no more. Refused when it was not noted as such."""

        def act() -> str:
            if not essentials.end(tx.connection, supply_id):
                raise Refused("It is not noted as a supply that may not be cut off.", "NOT_ESSENTIAL")
            return supply_id

        with self._database.write() as tx:
            tx.once(key, act)

    def page(self, after: str, limit: int) -> list[tuple[EssentialSupply, str]]:
        with self._database.read() as connection:
            return essentials.page(connection, after, limit)


def _day(until: str, today: date) -> date | None:
    if not until:
        return None
    try:
        day = parse_date(until)
    except ValueError as wrong:
        raise Invalid(f"until {wrong}.", field="until") from wrong
    if not today < day <= today + LONGEST:
        raise Invalid(f"until is {day}; give a day after today ({today}), within twenty years.", field="until")
    return day
