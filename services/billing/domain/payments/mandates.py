"""Mandates of direct debits: who may be debited, from which account, and until when.

Source: EPC016-06 (CORE rulebook): a mandate is known by one reference for ever, is changed by amendments that keep it, and
lapses when unused for 36 months. Bank details told less than 21 natural days before an invoice hold for the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from services.billing.domain.payments.direct_debits import ACCOUNT_CHANGE_DAYS, PRENOTIFICATION_DAYS, mandate_lapses_on
from services.billing.domain.payments.iban import parse_creditor_id, parse_iban
from services.billing.domain.payments.sepa import Creditor, sepa_text
from services.chassis.errors import Invalid

State = Literal["active", "cancelled", "lapsed"]
SCHEME = "CORE"
#: EPC130-08: a mandate reference has at most 35 characters.
_REFERENCE = 35
_NOTICE = range(1, 91)


@dataclass(frozen=True)
class DebitAccount:
    """An account of a mandate and the day on which it was told. `position` counts from 1: the first is the signed one."""

    position: int
    iban: str
    holder: str
    told_on: date


@dataclass(frozen=True)
class Mandate:
    """`accounts` in the order in which they were told. `last_collected_on`, `last_iban`: of its last collection, if any.

    `recorded_at`: since when it is on record; None for one that is not yet.
    """

    id: str
    reference: str
    supply_id: str
    member_id: str
    signed_on: date
    accounts: tuple[DebitAccount, ...]
    cancelled_on: date | None = None
    last_collected_on: date | None = None
    last_iban: str = ""
    recorded_at: datetime | None = None

    @property
    def account(self) -> DebitAccount:
        """The one told last."""
        return self.accounts[-1]

    def lapses_on(self) -> date:
        return mandate_lapses_on(self.signed_on, self.last_collected_on)

    def state_on(self, day: date) -> State:
        if self.cancelled_on is not None and self.cancelled_on <= day:
            return "cancelled"
        return "lapsed" if day >= self.lapses_on() else "active"

    def account_for(self, issued_on: date, dead: AbstractSet[str], change_days: int) -> DebitAccount | None:
        """The account from which an invoice of a day is collected, None when none was told in time.

        `dead`: accounts that a bank said cannot be debited; what was told in their place counts at once.
        """
        last = issued_on - timedelta(days=change_days)
        found, replaces = None, False
        for each in self.accounts:
            if each.iban in dead:
                found, replaces = None, True
            elif each.told_on <= last or replaces:
                found, replaces = each, False
        return found


@dataclass(frozen=True)
class Terms:
    """How a cooperative collects: in whose name, and with how many days of notice. `text` stands before the invoice's
    number on the payer's statement.
    """

    creditor: Creditor
    notice_days: int = PRENOTIFICATION_DAYS
    change_days: int = ACCOUNT_CHANGE_DAYS
    text: str = "Factura"


def terms_of(section: Mapping[str, object], name: str, account: str) -> Terms | None:
    """The section [direct_debit] of a profile; None where there is none: nothing is collected by direct debit there.

    `name` and `account` are the cooperative's, unless the section says others. Raises Invalid with a sentence.
    """
    if not section:
        return None
    where = "coop.toml [direct_debit]"
    creditor = Creditor(
        sepa_text(str(section.get("name", name)), 70, f"{where} name"),
        parse_iban(str(section.get("iban", account)), f"{where} iban", sepa=True),
        parse_creditor_id(str(section.get("creditor_id", "")), f"{where} creditor_id"),
    )
    return Terms(
        creditor,
        _days(section.get("notice_days", PRENOTIFICATION_DAYS), f"{where} notice_days"),
        _days(section.get("account_change_days", ACCOUNT_CHANGE_DAYS), f"{where} account_change_days"),
        sepa_text(str(section.get("text", "Factura")), 40, f"{where} text"),
    )


def _days(value: object, what: str) -> int:
    if not isinstance(value, int) or value not in _NOTICE:
        raise Invalid(f"{what} is {value!r}; give 1 to 90 days.")
    return value


def next_reference(stem: str, taken: Sequence[str]) -> str:
    """`<stem>-n`, one above those that the stem ever had: a reference is never given twice.

    >>> next_reference("ES0575000000000877HA", ["ES0575000000000877HA-1"])
    'ES0575000000000877HA-2'
    """
    plain = re.sub(r"[^A-Za-z0-9+?().,:'-]", "-", stem)
    used = [int(found[1]) for each in taken if (found := re.fullmatch(re.escape(plain) + r"-(\d+)", each))]
    reference = f"{plain}-{max(used, default=0) + 1}"
    if len(reference) > _REFERENCE:
        raise Invalid(f"The mandate reference {reference} has {len(reference)} characters; banks take {_REFERENCE}.")
    return reference


def check_dates(signed_on: date, told_on: date, today: date) -> None:
    """Invalid for a signature or a notification that cannot be."""
    if signed_on > today:
        raise Invalid(f"The mandate was signed on {signed_on}, and today is {today}.", field="signed_on")
    if not signed_on <= told_on <= today:
        raise Invalid(
            f"The account was told on {told_on}; give a day from the signature ({signed_on}) to today ({today}).",
            field="told_on",
        )
    if today >= mandate_lapses_on(signed_on, None):
        raise Invalid(
            f"A mandate of {signed_on} that was never used has lapsed: let the member sign another.", field="signed_on"
        )


def short_iban(iban: str) -> str:
    """What people and logs see of an account.

    >>> short_iban("ES9121000418450200051332")
    'ES91 **** 1332'
    """
    return f"{iban[:4]} **** {iban[-4:]}"
