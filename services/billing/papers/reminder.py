"""A reminder as a printable letter."""

from __future__ import annotations

from datetime import date

from services.billing.application.reminders import Standing
from services.billing.documents.reminder_letter import ReminderLetter
from services.billing.domain.supplies import Member, Supply
from services.billing.papers import people
from services.billing.rules import Rules


def reminder_letter(
    found: Standing, member: Member, supply: Supply, rules: Rules, today: date
) -> tuple[ReminderLetter, str]:
    """The document, with what is unpaid now, and the language it is printed in."""
    made, language = found.reminder, rules.language(member.language)
    letter = ReminderLetter(
        jurisdiction=people.jurisdiction(rules),
        currency=rules.currency,
        issuer=people.issuer(rules),
        holder=people.holder(member, supply),
        supply=people.supply_part(supply),
        reminder_id=made.id,
        step=made.number,
        proof=made.proof,
        printed_on=today,
        debts=tuple((number, due, amount) for _, number, due, amount in found.open_now),
        credit=made.credit,
        pay_until=made.pay_until,
        cut_off_months=0 if found.essential else made.told.months,
        protected_until=made.told.protected_until,
        how_to_pay=str(rules.profile.section("payment").get("text", "")),
        notice=people.notice(rules, language),
    )
    return letter, language
