"""The review of held bills: the office looks at one and lets it go, with the reason kept."""

from __future__ import annotations

from services.billing.domain.review import RELEASABLE
from services.billing.repository import reviews, runs
from services.billing.repository.reviews import Release
from services.billing.repository.runs import RUNNING, HeldSupply
from services.chassis.db import Database, RequestKey, Transaction
from services.chassis.errors import Invalid, NotFound, Refused
from services.chassis.periods import DatePeriod

LONGEST_WHY = 500


class Reviews:
    def __init__(self, database: Database) -> None:
        self._database = database

    def release(self, key: RequestKey, actor: str, account_number: str, period: str, why: str) -> Release:
        """Let a held bill go: the run of the month, taken up again, issues it as measured. A release that is there stays.

        Invalid without a month or a reason; NotFound when the month holds no bill of that account; Refused when the run is
        under way, or when the bill was held because something is missing that no decision can replace.
        """
        month = _month(period)
        if not why.strip() or len(why) > LONGEST_WHY:
            raise Invalid(
                f"Say in up to {LONGEST_WHY} characters why the bill is right; it is kept with it.", field="why"
            )
        with self._database.write() as tx:
            made = tx.once(key, lambda: self._release(tx, actor, account_number.strip(), month, why.strip()))
            supply_id, _, reason = made.partition("/")
            decision = reviews.find(tx.connection, supply_id, month, reason)
        assert decision is not None
        return decision

    def _release(self, tx: Transaction, actor: str, account_number: str, month: str, why: str) -> str:
        held = _held(tx, month, account_number)
        if held.reason not in RELEASABLE:
            raise Refused(
                f"The bill of {account_number} for {month} is held for what is missing ({held.reason}), which no release "
                f"replaces: {held.explanation}",
                "NOT_RELEASABLE",
            )
        if reviews.find(tx.connection, held.supply_id, month, held.reason) is None:
            now = tx.clock.now()
            decision = Release(held.supply_id, month, held.reason, held.explanation, why, actor, now)
            reviews.keep(tx.connection, decision)
        return f"{held.supply_id}/{held.reason}"


def _held(tx: Transaction, month: str, account_number: str) -> HeldSupply:
    run = runs.run_of_period(tx.connection, month, lock=True)
    if run is not None and run.state == RUNNING:
        raise Refused(f"The run of {month} is under way; wait until it ends to review what it holds.", "RUN_UNDER_WAY")
    held = runs.held_of(tx.connection, run.id) if run else []
    found = next((each for each in held if each.account_number == account_number), None)
    if found is None:
        raise NotFound(
            f"The run of {month} holds no bill of account {account_number!r}; 'coopctl bill show' lists what it holds.",
            "NOT_HELD",
        )
    return found


def _month(text: str) -> str:
    try:
        return f"{DatePeriod.month(text).start:%Y-%m}"
    except ValueError as wrong:
        raise Invalid(f"The period {wrong}.", field="period") from wrong
