"""Reminders on paper, for members whom no mail reaches and for steps that go by a means that proves its receipt.

A letter is printed once and stored by its hash, with the moment of its printing: what was posted, and that it was, can be shown.
It asks for what is unpaid on that day of the debts that the reminder was about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.billing.application.documents import Documents, Printed
from services.billing.application.reminders import Reminders, Standing
from services.billing.documents.reminder_letter import render_reminder_letter
from services.billing.domain.supplies import Member, Supply
from services.billing.papers.reminder import reminder_letter
from services.billing.repository import certificates, read_model
from services.billing.rules import Rules
from services.chassis.db import Database
from services.chassis.errors import Refused
from services.chassis.telemetry import logger

REMINDER = "reminder"


@dataclass(frozen=True)
class Letter:
    """`name` and `address` are for the envelope."""

    printed: Printed
    sha256: str
    printed_at: datetime
    name: str
    address: tuple[str, ...]


class ReminderLetters:
    def __init__(self, database: Database, rules: Rules, reminders: Reminders, documents: Documents) -> None:
        self._database = database
        self._rules = rules
        self._reminders = reminders
        self._documents = documents

    def letter(self, reminder_id: str) -> Letter:
        """The letter of a reminder: printed now, or as it was printed.

        Raises Refused for one that would ask for nothing or by a day that is over, and where no postal address is known.
        """
        found = self._reminders.get(reminder_id)
        member, supply = self._whom(found)
        fresh = not self.printed([found])

        def render() -> bytes:
            now = self._database.clock.now()
            today = self._rules.today(now)
            self._check(found, today)
            document, language = reminder_letter(found, member, supply, self._rules, today)
            return render_reminder_letter(document, language, self._documents.seal(now))

        account = found.reminder.account_number.replace("/", "-")
        name = f"{account}-{found.reminder.step}-{found.reminder.issued_on}-{found.reminder.id[-8:]}.pdf"
        printed = self._documents.once(REMINDER, found.reminder.id, name, render)
        sha256, printed_at = self.printed([found])[found.reminder.id]
        if fresh:
            logger().info("reminder_printed", reminder_id=found.reminder.id, sha256=sha256)
        return Letter(printed, sha256, printed_at, member.name, _address(found, member, supply))

    def printed(self, reminders: list[Standing]) -> dict[str, tuple[str, datetime]]:
        """Hash and moment of the letters that were printed, by reminder."""
        with self._database.read() as connection:
            return certificates.printed(connection, REMINDER, [each.reminder.id for each in reminders])

    def _whom(self, found: Standing) -> tuple[Member, Supply]:
        made = found.reminder
        with self._database.read() as connection:
            member = read_model.members(connection, [made.member_id]).get(made.member_id)
            supplies = read_model.supplies(connection, [made.supply_id])
        if member is None or not supplies:
            raise Refused(
                f"The holder of account {made.account_number} is not known to billing yet; ask again in a moment.",
                "NO_HOLDER",
            )
        if not _address(found, member, supplies[0]):
            raise Refused(
                f"No postal address of {member.number or made.member_id} is known, who held account "
                f"{made.account_number} once: enter it with the members file.",
                "NO_ADDRESS",
            )
        return member, supplies[0]

    @staticmethod
    def _check(found: Standing, today: date) -> None:
        if found.owed_now <= 0:
            raise Refused("Nothing of this reminder is unpaid any more: there is no letter to write.", "PAID_SINCE")
        if found.reminder.pay_until < today:
            raise Refused(
                f"It asked for payment by {found.reminder.pay_until}, which is over: the next step asks again.",
                "LETTER_TOO_LATE",
            )


def _address(found: Standing, member: Member, supply: Supply) -> tuple[str, ...]:
    """Of somebody who left the supply, never the supply's."""
    return member.address.lines() or (() if found.reminder.former_holder else supply.address.lines())
