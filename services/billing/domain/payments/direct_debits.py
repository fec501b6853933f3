"""The days of a direct debit: when it may be collected, when the file must be at the bank, when a mandate has lapsed.

Source: EPC016-06 (SDD CORE rulebook): submission one banking day before, pre-notification 14 natural days, a mandate
unused for 36 months lapses, refund within 8 weeks, 13 months without authorisation. Banking days are those of TARGET.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from services.chassis.workdays import WorkingCalendar

#: Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December (ECB, TARGET closing days).
TARGET = WorkingCalendar(frozenset({(1, 1), (5, 1), (12, 25), (12, 26)}), frozenset({-2, 1}))

PRENOTIFICATION_DAYS = 14
ACCOUNT_CHANGE_DAYS = 21
LAPSE_MONTHS = 36
REFUND_WEEKS = 8
UNAUTHORISED_REFUND_MONTHS = 13
#: A returned collection is presented again at most this often without a person deciding it.
AUTOMATIC_RETRIES = 1

_DAY = timedelta(days=1)


def collection_day(issued_on: date, due_on: date, submitted_on: date, notice_days: int = PRENOTIFICATION_DAYS) -> date:
    """The requested collection date: a TARGET day, not before the due date, with notice given, file a day earlier.

    The invoice is the pre-notification; `notice_days` is less than 14 where the contract says so.
    """
    earliest = max(due_on, issued_on + timedelta(days=notice_days), next_banking_day(submitted_on))
    return TARGET.on_or_after(earliest)


def next_banking_day(day: date) -> date:
    """The TARGET day after one on which a bank works on what it got: a file of Saturday is one of Monday."""
    return TARGET.on_or_after(TARGET.on_or_after(day) + _DAY)


def latest_submission(collect_on: date) -> date:
    """The last day on which the bank takes the file: the TARGET day before the collection."""
    day = collect_on - _DAY
    while not TARGET.is_working_day(day):
        day -= _DAY
    return day


def last_day_to_change_account(issue_on: date) -> date:
    """A new account holds for an invoice when it is told 21 natural days before: for 3 December until 12 November."""
    return issue_on - timedelta(days=ACCOUNT_CHANGE_DAYS)


def change_is_in_time(told_on: date, issue_on: date) -> bool:
    """Whether the invoice of a day is already collected from the account that was told on another."""
    return told_on <= last_day_to_change_account(issue_on)


def mandate_lapses_on(signed_on: date, last_collected_on: date | None) -> date:
    """The first day on which a mandate can no longer be used: 36 months after its last collection, or its signature."""
    return months_later(last_collected_on or signed_on, LAPSE_MONTHS)


def refund_until(debited_on: date, authorised: bool = True) -> date:
    """The last day on which the payer can claim the money back from the bank."""
    if authorised:
        return debited_on + timedelta(weeks=REFUND_WEEKS)
    return months_later(debited_on, UNAUTHORISED_REFUND_MONTHS)


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or its last one when it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
